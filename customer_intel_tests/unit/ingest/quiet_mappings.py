"""The simulated company's mappings, a line each; not a test itself."""

MAPPINGS = {
    "shop_orders": "{source: shop, files: 'orders*', entity: orders, columns: {order_id: id, customer_ref: customer,"
    " email: email, ordered_at: created_at, updated_at: updated_at, status: status, currency: currency,"
    " subtotal: subtotal, tax: tax, shipping: shipping, total: total, discount_code: code, channel: channel,"
    " shipping_name: name, shipping_city: city, shipping_country: country}}",
    "shop_lines": "{source: shop, files: 'lines*', entity: order_lines, columns: {order_line_id: id, order_id: order,"
    " product_id: product, title: title, category: category, quantity: quantity, unit_price: price,"
    " line_total: total}}",
    "web_events": "{source: web, files: 'events*', entity: events, columns: {event_id: id, event_name: event,"
    " user_id: user, session_id: session, occurred_at: at, page_path: path, device_type: device,"
    " browser: browser, country: country}}",
    "crm_contacts": "{source: crm, files: 'contacts*', entity: contacts, snapshot: true, columns: {contact_id: id,"
    " email: email, phone: phone, first_name: first, last_name: last, birth_date: born, city: city,"
    " state: state, country: country, lifecycle_stage: stage, email_opt_out: opt_out, created_at: created_at,"
    " updated_at: updated_at}}",
    "crm_deals": "{source: crm, files: 'deals*', entity: deals, columns: {deal_id: id, customer_ref: customer,"
    " stage: stage, status: \"case stage when 'won' then 'won' when 'lost' then 'lost' else 'open' end\","
    " amount: amount, currency: \"'EUR'\", owner_id: owner, created_at: created_at, updated_at: updated_at}}",
    "billing_subscriptions": "{source: billing, files: 'subscriptions*', entity: subscriptions, snapshot: true,"
    " columns: {subscription_id: id, customer_ref: customer, plan_id: plan, status: status, quantity: seats,"
    " unit_amount: amount, currency: \"'EUR'\", billing_interval: \"'month'\", started_at: started_at,"
    " updated_at: updated_at}}",
    "billing_invoices": "{source: billing, files: 'invoices*', entity: invoices, columns: {invoice_id: id,"
    " customer_ref: customer, subscription_id: subscription, status: status, currency: \"'EUR'\","
    " total: total, amount_paid: paid, created_at: created_at}}",
    "survey_nps": "{source: survey, files: 'nps*', entity: survey_responses, columns: {response_id: id,"
    " survey_id: \"'nps'\", survey_type: \"'nps'\", respondent_ref: customer, responded_at: at, score: score,"
    " comment: comment, channel: channel, language: language}}",
    "desk_tickets": "{source: desk, files: 'tickets*', entity: tickets, columns: {ticket_id: id,"
    " requester_ref: customer,"
    " requester_email: email, subject: subject, priority: priority, status: status, channel: channel,"
    " created_at: created_at}}",
    "ads_spend": "{source: ads, files: 'spend*', entity: ad_spend, columns: {channel: channel, campaign_id: campaign,"
    " date: day, cost: cost, currency: \"'EUR'\", impressions: impressions, clicks: clicks}}",
    "mail_touches": "{source: mail, files: 'touches*', entity: marketing_touches, columns: {touch_id: id,"
    " contact_ref: contact, occurred_at: at, channel: \"'email'\", event: kind, campaign_id: campaign}}",
}
