"""Small exports of events, surveys, campaigns and of the public data sets; and the list of all
samples.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from customer_intel_tests.unit import vendor_samples as base
from customer_intel_tests.unit.vendor_samples import Sample, delimited, lines, parquet, sample
from customer_intel_tests.unit.vendor_samples_billing import BILLING
from customer_intel_tests.unit.vendor_samples_growth import GROWTH
from customer_intel_tests.unit.vendor_samples_shops import SHOPS
from customer_intel_tests.unit.vendor_samples_support import SUPPORT

# ---- events

SEGMENT = lines(
    {
        "type": "page", "messageId": "ajs-1", "anonymousId": "a1", "userId": None, "name": "Home",
        "timestamp": "2026-06-02T16:36:44.000Z", "receivedAt": "2026-06-02T16:36:44.578Z",
        "context": {"page": {"path": "/", "url": "https://shop.example/"}}, "properties": {"path": "/"},
    },
    {
        "type": "track", "messageId": "ajs-2", "anonymousId": "a1", "userId": "7210000213596", "event": "Product Added",
        "timestamp": "2026-06-02T16:37:44.000Z", "properties": {"price": 20},
    },
)  # fmt: skip

# The canonical event model's fields in their order: what a line of the enriched stream holds.
_CANONICAL_EVENT = """app_id platform etl_tstamp collector_tstamp dvce_created_tstamp event event_id txn_id name_tracker
v_tracker v_collector v_etl user_id user_ipaddress user_fingerprint domain_userid domain_sessionidx network_userid
geo_country geo_region geo_city geo_zipcode geo_latitude geo_longitude geo_region_name ip_isp ip_organization ip_domain
ip_netspeed page_url page_title page_referrer page_urlscheme page_urlhost page_urlport page_urlpath page_urlquery
page_urlfragment refr_urlscheme refr_urlhost refr_urlport refr_urlpath refr_urlquery refr_urlfragment refr_medium
refr_source refr_term mkt_medium mkt_source mkt_term mkt_content mkt_campaign contexts se_category se_action se_label
se_property se_value unstruct_event tr_orderid tr_affiliation tr_total tr_tax tr_shipping tr_city tr_state tr_country
ti_orderid ti_sku ti_name ti_category ti_price ti_quantity pp_xoffset_min pp_xoffset_max pp_yoffset_min pp_yoffset_max
useragent br_name br_family br_version br_type br_renderengine br_lang br_features_pdf br_features_flash
br_features_java
br_features_director br_features_quicktime br_features_realplayer br_features_windowsmedia br_features_gears
br_features_silverlight br_cookies br_colordepth br_viewwidth br_viewheight os_name os_family os_manufacturer
os_timezone
dvce_type dvce_ismobile dvce_screenwidth dvce_screenheight doc_charset doc_width doc_height tr_currency tr_total_base
tr_tax_base tr_shipping_base ti_currency ti_price_base base_currency geo_timezone mkt_clickid mkt_network etl_tags
dvce_sent_tstamp refr_domain_userid refr_device_tstamp derived_contexts domain_sessionid derived_tstamp event_vendor
event_name event_format event_version event_fingerprint true_tstamp"""
SNOWPLOW_FIELDS = _CANONICAL_EVENT.split()
SNOWPLOW_EVENTS: list[dict[str, Any]] = [
    {
        "app_id": "web", "platform": "web", "collector_tstamp": "2026-06-03 09:00:01.100", "event": "page_view",
        "dvce_created_tstamp": "2026-06-03 08:59:59.000", "event_id": "c6ef3124-b53a-4b13-a233-0088f79dcbcb",
        "user_id": "u-7", "user_ipaddress": "203.0.113.9", "domain_userid": "d-1", "domain_sessionid": "s-1",
        "page_url": "https://shop.example/tea?x=1", "page_title": 'The "best" tea', "page_urlpath": "/tea",
        "mkt_source": "news", "mkt_medium": "email", "dvce_type": "Computer", "os_name": "Windows", "geo_country": "GB",
        "derived_tstamp": "2026-06-03 09:00:00.500", "event_name": "page_view",
    },
    {
        "app_id": "web", "platform": "web", "collector_tstamp": "2026-06-03 09:01:01.100", "event": "struct",
        "event_id": "c6ef3124-b53a-4b13-a233-0088f79dcbcc", "domain_userid": "d-1", "se_category": "basket",
        "se_action": "add_to_cart", "se_value": "20.0", "event_name": "event",
    },
    {
        "app_id": "app", "platform": "mob", "collector_tstamp": "2026-06-03 09:02:01.100", "event": "unstruct",
        "event_id": "c6ef3124-b53a-4b13-a233-0088f79dcbcd", "network_userid": "n-1", "event_name": "screen_view",
        "unstruct_event": json.dumps({"schema": "iglu:a", "data": {"schema": "iglu:b", "data": {"name": "Home"}}}),
        "dvce_type": "Mobile",
    },
]  # fmt: skip
SNOWPLOW_TSV = "".join(
    "\t".join(str(event.get(field, "")) for field in SNOWPLOW_FIELDS) + "\n"
    for event in SNOWPLOW_EVENTS
).encode()
SNOWPLOW_JSON = lines(
    *(
        {field: event.get(field) for field in SNOWPLOW_FIELDS if field != "unstruct_event"}
        for event in SNOWPLOW_EVENTS
    )
)


def _param(key: str, **value: Any) -> dict[str, Any]:
    return {"key": key, "value": value}


# As BigQuery extracts the table: whole numbers as texts, nulls left out.
GA4_EVENTS: list[dict[str, Any]] = [
    {
        "event_date": "20260604", "event_timestamp": "1780570800123456", "event_name": "page_view",
        "event_params": [
            _param("ga_session_id", int_value="1780570700"), _param("page_title", string_value="Tea & cups"),
            _param("page_location", string_value="https://shop.example/tea/green?utm_source=x"),
            _param("page_referrer", string_value="https://search.example/"),
            _param("source", string_value="newsletter"), _param("medium", string_value="email"),
            _param("engagement_time_msec", int_value="120"),
        ],
        "event_bundle_sequence_id": "17", "user_pseudo_id": "1234567890.1780570700", "user_id": "u-7",
        "device": {"category": "mobile", "operating_system": "Android", "web_info": {"browser": "Chrome"}},
        "geo": {"country": "Germany", "region": "Bavaria", "city": "Munich"},
        "traffic_source": {"source": "google", "medium": "cpc", "name": "spring"}, "stream_id": "99", "platform": "WEB",
        "items": [],
    },
    {
        "event_date": "20260604", "event_timestamp": "1780570800123456", "event_name": "first_visit",
        "event_params": [_param("ga_session_id", int_value="1780570700")], "event_bundle_sequence_id": "17",
        "user_pseudo_id": "1234567890.1780570700", "device": {"category": "mobile"}, "geo": {"country": "Germany"},
        "traffic_source": {"source": "google", "medium": "cpc", "name": "spring"}, "stream_id": "99", "platform": "WEB",
    },
    {
        "event_date": "20260604", "event_timestamp": "1780570860000000", "event_name": "purchase",
        "event_params": [
            _param("transaction_id", string_value="T-1"), _param("value", double_value=57.91),
            _param("currency", string_value="EUR"),
        ],
        "user_pseudo_id": "1234567890.1780570700", "device": {"category": "mobile"}, "stream_id": "99",
        "collected_traffic_source": {"manual_source": "partner", "manual_medium": "affiliate"}, "platform": "WEB",
    },
]  # fmt: skip

# ---- surveys, campaigns, consents

DELIGHTED_CSV = delimited(
    ("Response ID,Person ID,Email,Name,Survey Type,Score,Comment,Source,Locale,Sent At,Created "
        "At,Tags"),
    {"Response ID": "700001", "Email": "ada@acme.example", "Survey Type": "nps", "Score": "9", "Source": "email",
     "Sent At": "2026-06-01T03:58:16Z", "Created At": "2026-06-01T06:00:55Z"},
)  # fmt: skip
DELIGHTED_JSON = lines(
    {"id": "1", "person": "10", "survey_type": "nps", "score": 0, "comment": None,
     "permalink": "https://d.example/r/2jo3",
     "created_at": 1780300800, "updated_at": None, "person_properties": {"Delighted Source": "Email"}, "notes": [],
     "tags": [], "additional_answers": []},
    {"id": "2", "person": {"id": "11", "name": "Bo", "email": "bo@b.example"}, "survey_type": "smileys", "score": 4,
     "comment": "Fine", "permalink": "https://d.example/r/2jo4", "created_at": 1780300900, "person_properties": None},
)  # fmt: skip
_NPS_QUESTION = "How likely is it that you would recommend Acme to a friend or colleague?"
SURVEYMONKEY = (
    "Respondent ID,Collector ID,Start Date,End Date,IP Address,Email Address,First Name,Last "
    "Name,Custom Data 1,"
    f'{_NPS_QUESTION},"What is the main reason, in your words?",What did you buy?,,\n'
    ",,,,,,,,,,Open-Ended Response,Tea,Cups,Other (please specify)\n"
    "118,440,06/05/2026 09:00:01 AM,06/05/2026 09:02:30 PM,203.0.113.9,ada@acme.example,Ada,Byron,,"
    'Extremely likely - 10,"Fast, friendly",Tea,,\n'
    "119,440,06/05/2026 10:00:01 AM,06/05/2026 10:02:30 "
    "AM,203.0.113.9,bo@b.example,Bo,Diaz,,6,,,,a kettle\n"
).encode()
MAILCHIMP_ACTIVITY = lines(
    *(
        {"campaign_id": "42694e9e57", "list_id": "57afe96172", "list_is_active": True,
         "email_address": "Ada@acme.example",
         "email_id": "9a1f5e3f4b", "action": action, "type": kind, "timestamp": f"2026-06-0{day}T17:0{day}:30+00:00",
         "ip": "203.0.113.9", "url": url}
        for day, (action, kind, url) in enumerate(
            [("open", None, None), ("click", None, "https://shop.example/tea"), ("bounce", "hard", None)], 1
        )
    )
)  # fmt: skip
MAILCHIMP_CONTACTS = delimited(
    "Email Address,First Name,Last Name,Address,Phone "
    "Number,Birthday,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,"
    "CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS",
    {"Email Address": "Ada@acme.example", "First Name": "Ada", "OPTIN_TIME": "2025-06-01 17:00:30",
     "OPTIN_IP": "203.0.113.9",
     "CONFIRM_TIME": "2025-06-01 17:05:30", "CC": "gb", "LAST_CHANGED": "2026-06-01 17:05:30", "TAGS": '"vip","tea"'},
)  # fmt: skip
ONETRUST = delimited(
    "Receipt ID,Data Subject Identifier,Identifier Type,Purpose Name,Purpose Version,Consent "
    "Status,Collection Point,"
    "Interaction Date,Jurisdiction",
    {"Receipt ID": "r-1", "Data Subject Identifier": "ada@acme.example", "Identifier Type": "Email",
     "Purpose Name": "Marketing", "Consent Status": "ACTIVE", "Interaction Date": "2026-01-14T05:47:02Z"},
)  # fmt: skip
LOYALTY = delimited(
    "Card no;Name;E-mail;Tel;Birthday;Store;Post code;Joined",
    {"Card no": "L100258", "Name": "Seán Torres", "Store": "Bristol", "Joined": "15/11/2025"},
    delimiter=";", encoding="windows-1252",
)  # fmt: skip

# ---- public data sets

_ORDER, _PERSON, _AT = "136cce7faa42fdb2", "ed0271e0b7da060a", "2026-05-11 12:22:08"
OLIST = {
    "olist_customers_dataset.csv": (
        "olist_contacts",
        "customer_id,customer_unique_id,customer_zip_code_prefix,customer_city,customer_state",
        f"{_PERSON},2a46fb94aef5cbee,20231,rio de janeiro,RJ",
    ),
    "olist_orders_dataset.csv": (
        "olist_orders",
        "order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,order_delivered_carrier_date,"
        "order_delivered_customer_date,order_estimated_delivery_date",
        f"{_ORDER},{_PERSON},shipped,{_AT},{_AT},{_AT},,2026-06-28 00:00:00",
    ),
    "olist_order_items_dataset.csv": (
        "olist_order_lines",
        "order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,freight_value",
        f"{_ORDER},1,e6af69,bba329,2026-05-17 12:15:10,99.9,27.65",
    ),
    "olist_order_payments_dataset.csv": (
        "olist_payments",
        "order_id,payment_sequential,payment_type,payment_installments,payment_value",
        f"{_ORDER},1,credit_card,2,127.55",
    ),
    "olist_order_reviews_dataset.csv": (
        "olist_reviews olist_survey_responses",
        "review_id,order_id,review_score,review_comment_title,review_comment_message,review_creation_date,"
        "review_answer_timestamp",
        f"540e7b,{_ORDER},5,,bom,2026-05-18 00:00:00,2026-05-18 19:12:30",
    ),
    "olist_products_dataset.csv": (
        "olist_products",
        "product_id,product_category_name,product_name_lenght,product_description_lenght,product_photos_qty,"
        "product_weight_g,product_length_cm,product_height_cm,product_width_cm",
        "e6af69,beleza_saude,37,352,1,3900,19,20,15",
    ),
    "olist_sellers_dataset.csv": (
        "olist_sellers",
        "seller_id,seller_zip_code_prefix,seller_city,seller_state",
        "bba329,04726,sao paulo,SP",
    ),
    "olist_geolocation_dataset.csv": (
        "olist_geolocation",
        "geolocation_zip_code_prefix,geolocation_lat,geolocation_lng,geolocation_city,geolocation_state",
        "20231,-23.537304,-46.633862,rio de janeiro,RJ",
    ),
    "product_category_name_translation.csv": (
        "olist_categories",
        "product_category_name,product_category_name_english",
        "beleza_saude,health_beauty",
    ),
}
_NOON = datetime(2026, 5, 1, 11, 53, 26)
COMPLETE_JOURNEY: dict[str, tuple[str, dict[str, Any]]] = {
    "transactions": (
        "completejourney_orders completejourney_order_lines",
        {"household_id": 900, "store_id": 330, "basket_id": 31198570044, "product_id": 25671, "quantity": 1,
         "sales_value": 0.5,
         "retail_disc": 0.0, "coupon_disc": 0.0, "coupon_match_disc": 0.0, "week": 1, "transaction_timestamp": _NOON},
    ),
    "products": (
        "completejourney_products",
        {"product_id": 25671, "manufacturer_id": 2, "department": "GROCERY", "brand": "National",
         "product_category": "FRZN ICE", "product_type": "ICE", "package_size": "22 LB"},
    ),
    "demographics": (
        "completejourney_contacts",
        {"household_id": 900, "age": "65+", "income": "35-49K", "home_ownership": "Homeowner",
         "marital_status": "Married",
         "household_size": "2", "household_comp": "2 Adults No Kids", "kids_count": "0"},
    ),
    "campaigns": ("completejourney_campaigns", {"campaign_id": 26, "household_id": 900}),
    "campaign_descriptions": (
        "completejourney_campaign_descriptions",
        {"campaign_id": 26, "campaign_type": "Type B", "start_date": _NOON, "end_date": _NOON},
    ),
    "coupons": ("completejourney_coupons", {"coupon_upc": 10000085207, "product_id": 25671, "campaign_id": 26}),
    "coupon_redemptions": (
        "completejourney_redemptions",
        {"household_id": 900, "coupon_upc": 10000085207, "campaign_id": 26, "redemption_date": _NOON},
    ),
}  # fmt: skip
TELCO = (
    b"customerID,gender,SeniorCitizen,Partner,Dependents,tenure,PhoneService,MultipleLines,InternetService,"
    b"OnlineSecurity,"
    b"OnlineBackup,DeviceProtection,TechSupport,StreamingTV,StreamingMovies,Contract,PaperlessBilling,PaymentMethod,"
    b"MonthlyCharges,TotalCharges,Churn\n"
    b"7590-VHVEG,Female,0,Yes,No,1,No,No phone "
    b"service,DSL,No,Yes,No,No,No,No,Month-to-month,Yes,Electronic check,"
    b"29.85,29.85,No\n"
)
RAVENSTACK = {
    "ravenstack_accounts.csv": (
        "ravenstack_accounts ravenstack_contacts",
        "account_id,account_name,industry,country,signup_date,referral_source,plan_tier,seats,is_trial,churn_flag",
        "A-2e4581,Company_0,EdTech,US,16-10-2024,partner,Basic,9,FALSE,FALSE",
    ),
    "ravenstack_subscriptions.csv": (
        "ravenstack_subscriptions",
        "subscription_id,account_id,start_date,end_date,plan_tier,seats,mrr_amount,arr_amount,is_trial,upgrade_flag,"
        "downgrade_flag,churn_flag,billing_frequency,auto_renew_flag",
        "S-8cec59,A-2e4581,23-12-2024,12-04-2026,Enterprise,14,2786,33432,FALSE,FALSE,FALSE,TRUE,monthly,TRUE",
    ),
    "ravenstack_feature_usage.csv": (
        "ravenstack_feature_usage",
        "usage_id,subscription_id,usage_date,feature_name,usage_count,usage_duration_secs,error_count,is_beta_feature",
        "U-1c6c24,S-8cec59,27-05-2026,feature_20,9,5004,0,FALSE",
    ),
    "ravenstack_supports_ticket.csv": (
        "ravenstack_tickets",
        "ticket_id,account_id,submitted_at,closed_at,resolution_time_hours,priority,first_response_time_minutes,"
        "satisfaction_score,escalation_flag",
        "T-0024de,A-2e4581,27-05-2026,28-05-2026 03:00,27,high,74,,FALSE",
    ),
    "ravenstack_churn_events.csv": (
        "ravenstack_churn_events",
        "churn_event_id,account_id,churn_date,reason_code,refund_amount_usd,preceding_upgrade_flag,"
        "preceding_downgrade_flag,is_reactivation,feedback_text",
        "C-816288,A-2e4581,12-04-2026,pricing,4.03,FALSE,FALSE,FALSE,switched to competitor",
    ),
}
SPARKIFY = lines(
    {"artist": "A Fine Frenzy", "auth": "Logged In", "firstName": "Anabelle", "gender": "F", "itemInSession": 0,
     "lastName": "Simpson", "length": 267.9, "level": "free", "location": "Philadelphia-Camden-Wilmington, PA-NJ-DE-MD",
     "method": "PUT", "page": "NextSong", "registration": 1541044398796.0, "sessionId": 256, "song": "Almost Lover",
     "status": 200, "ts": 1541377992796, "userAgent": ("\"Mozilla/5.0 (iPhone; CPU iPhone OS 7_1_2 "
         "like Mac OS X)\""),
     "userId": "69"},
    {"artist": None, "auth": "Logged Out", "firstName": None, "gender": None, "itemInSession": 0, "lastName": None,
     "length": None, "level": "free", "location": None, "method": "PUT", "page": "Login", "registration": None,
     "sessionId": 52, "song": None, "status": 307, "ts": 1541207073796, "userAgent": None, "userId": ""},
)  # fmt: skip
# Bytes of the other data sets: mapping(s), source, file name, text.
OTHERS = (
    ("cdnow_orders", "cdnow", "CDNOW_sample.txt", " 00004 0001 19970101  2   29.33\n"),
    (
        "mrr_playbook_subscriptions", "mrr_playbook", "subscription_periods.csv",
        "subscription_id,customer_id,start_date,end_date,monthly_amount\n1,1,2025-11-01,2026-02-01,50\n2,1,"
        "2026-04-01,,50\n",
    ),
    (
        "retentioneering_simple_shop", "retentioneering", "simple-onlineshop.csv",
        "user_id,event,timestamp\n219483890,catalog,2026-05-01 17:59:13.273932\n219483890,lost,"
        "2026-05-01 17:59:14.2739\n",
    ),
    (
        "retentioneering_ecom", "retentioneering", "ecom.csv",
        "user_id,session_id,event,timestamp,platform,acquisition_channel,user_cohort,user_lifecycle\n"
        "user_0000,sess_000001,home,2026-03-13 10:21:14,desktop,email,2024-01,returning\n",
    ),
    (
        "bpi2013_tickets bpi2013_events", "bpi2013", "06_bpic2013_closed.csv",
        "case:concept:name,concept:name,lifecycle:transition,org:group,org:resource,time:timestamp,impact,product,"
        "resource country\n1-109135791,Accepted,In Progress,Org line "
        "C,Anna,2006-01-11T23:49:42+01:00,Medium,PROD1,"
        "Sweden\n"
        "1-109135791,Completed,Closed,Org line "
        "C,Anna,2012-05-15T15:38:00+02:00,Medium,PROD1,Sweden\n",
    ),
    (
        "skytrax_seat_reviews", "skytrax", "seat.csv",
        '"airline_name","link","title","author","author_country","date","content","aircraft","seat_layout",'
        '"date_flown",'
        '"cabin_flown","type_traveller","overall_rating","seat_legroom_rating","recommended"\n'
        '"aegean-airlines","/seat","Review","J S","UK","2015-07-20","Plane was '
        'clean.","A320","3x3","","Economy","",'
        '"10.0","4","1"\n',
    ),
    (
        "open_bandit_touches", "open_bandit", "men.csv",
        ",timestamp,item_id,position,click,propensity_score,user_feature_0\n"
        "0,2026-05-24 00:03:13.442536+00:00,14,3,0,0.0294,cef3390\n",
    ),
    (
        "febrl_contacts", "febrl", "dataset1.csv",
        "rec_id, given_name, surname, street_number, address_1, address_2, suburb, postcode, "
        "state, date_of_birth,"
        " soc_sec_id\n"
        "rec-122-org, lachlan, berry, 69, giblin street, killarney, bittern, 4814, qld, 19990219, "
        "7364009\n",
    ),
    (
        "splink_contacts", "splink", "fake_1000.csv",
        "unique_id,first_name,surname,dob,city,email,cluster\n0,Robert,Alan,1971-06-24,,robert255@smith.example,0\n",
    ),
)  # fmt: skip


_CONNECTED = {
    "customer_data.csv": "stripe_connector_customers", "charge_data.csv": "stripe_connector_charges",
    "invoice_data.csv": "stripe_connector_invoices", "subscription_history_data.csv": "stripe_connector_subscriptions",
    "ticket_data.csv": "zendesk_connector_tickets", "ticket_comment_data.csv": "zendesk_connector_comments",
    "organization_data.csv": "zendesk_connector_organizations",
}  # fmt: skip
SAMPLES: tuple[Sample, ...] = (
    sample(
        "hubspot_contacts",
        "hubspot",
        "hubspot-crm-exports-all-contacts-2026-06-30.csv",
        base.HUBSPOT_CONTACTS,
    ),
    sample(
        "hubspot_companies",
        "hubspot",
        "hubspot-crm-exports-all-companies-2026-06-30.csv",
        base.HUBSPOT_COMPANIES,
    ),
    sample("salesforce_contacts", "salesforce", "Contact.csv", base.SALESFORCE_CONTACTS),
    sample("salesforce_accounts", "salesforce", "Account.csv", base.SALESFORCE_ACCOUNTS),
    sample("shopify_customers", "shopify", "customers_export.csv", base.SHOPIFY_CUSTOMERS),
    sample(
        "shopify_orders shopify_order_lines", "shopify", "orders_export_1.csv", base.SHOPIFY_ORDERS
    ),
    sample("stripe_customers", "stripe", "customers.csv", base.STRIPE_CUSTOMERS),
    sample("stripe_charges", "stripe", "unified_payments.csv", base.STRIPE_CHARGES),
    sample("stripe_charges", "stripe", "payments.csv", base.STRIPE_OLD_CHARGES),
    sample("stripe_invoices", "stripe", "invoices.csv", base.STRIPE_INVOICES),
    sample("stripe_subscriptions", "stripe", "subscriptions.csv", base.STRIPE_SUBSCRIPTIONS),
    *(
        sample(_CONNECTED.get(name, ""), "stripe", name, data)
        for name, data in base.STRIPE_CONNECTOR.items()
    ),
    sample("zendesk_tickets", "zendesk", "tickets.csv", base.ZENDESK_TICKETS),
    sample("zendesk_users", "zendesk", "users.csv", base.ZENDESK_USERS),
    *(
        sample(_CONNECTED.get(name, ""), "zendesk", name, data)
        for name, data in base.ZENDESK_CONNECTOR.items()
    ),
    sample("segment_events", "segment", "segment-events-2026-06-30.jsonl", SEGMENT),
    sample("snowplow_enriched", "snowplow", "enriched-2026-06-03.tsv", SNOWPLOW_TSV),
    sample(
        "snowplow_events",
        "snowplow",
        "snowplow-2026-06-04.jsonl",
        SNOWPLOW_JSON.replace(b"-0088f", b"-1188f"),
    ),
    sample("ga4_events", "ga4", "events_20260604.json", lines(*GA4_EVENTS)),
    sample("delighted_nps", "delighted", "delighted-nps-responses-2026-06-30.csv", DELIGHTED_CSV),
    sample("delighted_responses", "delighted", "survey_responses.jsonl", DELIGHTED_JSON),
    sample("surveymonkey_responses", "surveymonkey", "Acme customer survey.csv", SURVEYMONKEY),
    sample(
        "mailchimp_email_activity", "mailchimp", "reports_email_activity.jsonl", MAILCHIMP_ACTIVITY
    ),
    sample(
        "mailchimp_contacts", "mailchimp", "subscribed_members_export_1a2b.csv", MAILCHIMP_CONTACTS
    ),
    sample("onetrust_consents", "onetrust", "consent-receipts-2026-06-30.csv", ONETRUST),
    sample("loyalty_contacts", "loyalty", "loyalty-cards.csv", LOYALTY),
    *(
        sample(takes, source, name, f"\ufeff{header}\n{row}\n".encode())
        for source, files in (("olist", OLIST), ("ravenstack", RAVENSTACK))
        for name, (takes, header, row) in files.items()
    ),
    *(
        sample(takes, "completejourney", f"{name}.parquet", parquet(row))
        for name, (takes, row) in COMPLETE_JOURNEY.items()
    ),
    sample(
        "telco_contacts telco_subscriptions", "telco", "WA_Fn-UseC_-Telco-Customer-Churn.csv", TELCO
    ),
    sample("sparkify_events sparkify_contacts", "sparkify", "2018-11-05-events.json", SPARKIFY),
    *(sample(takes, source, name, text.encode()) for takes, source, name, text in OTHERS),
    *SHOPS,
    *BILLING,
    *SUPPORT,
    *GROWTH,
)
