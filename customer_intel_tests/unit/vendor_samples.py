"""A small export of every shipped mapping's source, in the shape that the vendor's own export has.

Headers are the vendors' (each mapping names where its shape is from); the people are made up.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl


@dataclass(frozen=True)
class Sample:
    """One file: where it lands, what it holds, and the mappings that must take it."""

    source: str
    name: str
    takes: frozenset[str]
    content: bytes

    def land(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.name
        path.write_bytes(self.content)
        return path


def sample(takes: str, source: str, name: str, content: bytes) -> Sample:
    """`takes`: the mappings that must take it, parted by spaces; none where it is only looked up."""
    return Sample(source, name, frozenset(takes.split()), content)


def delimited(
    header: str, *rows: dict[str, Any], delimiter: str = ",", encoding: str = "utf-8"
) -> bytes:
    names = header.split(delimiter)
    out = io.StringIO()
    writer = csv.DictWriter(out, names, delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode(encoding)


def lines(*rows: dict[str, Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def parquet(*rows: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    pl.DataFrame(rows).write_parquet(out)
    return out.getvalue()


# ---- CRM

HUBSPOT_CONTACTS = delimited(
    "Record ID,First Name,Last Name,Email,Phone Number,Mobile Phone Number,Job Title,Street "
    "Address,City,State/Region,"
    "Postal Code,Country/Region,Lifecycle Stage,Original Source,Contact owner,Unsubscribed from "
    "all email,Create Date,"
    "Last Modified Date,Last Activity Date,Associated Company,Associated Company IDs,Associated "
    "Company IDs (Primary)",
    {
        "Record ID": "5001", "First Name": "Ada", "Last Name": "Byron", "Email": "ada@acme.example",
        "Phone Number": "+44 20 7946 0001", "Lifecycle Stage": "customer", ("Unsubscribed from all "
            "email"): "false",
        "Create Date": "2025-02-01 09:30", "Last Modified Date": "2026-06-01 08:00",
        "Associated Company": "Acme;Globex",
        "Associated Company IDs": "9002;9001", "Associated Company IDs (Primary)": "9001",
    },
    {
        "Record ID": "5002", "First Name": "Grace", "Create Date": "2025-03-01 10:00",
        "Associated Company IDs": "9002;9003",
    },
)  # fmt: skip
HUBSPOT_COMPANIES = delimited(
    "Record ID,Company name,Company Domain Name,Website URL,Company owner,Industry,Type,Number of "
    "Employees,"
    "Annual Revenue,Street Address,City,State/Region,Postal Code,Country/Region,Lifecycle "
    "Stage,Create Date,"
    "Last Modified Date,Last Activity Date,Associated Contact IDs",
    {
        "Record ID": "9001", "Company name": "Acme, Inc.", "Company Domain Name": "ACME.example",
        "Industry": "COMPUTER_SOFTWARE", "Number of Employees": "120", "Annual Revenue": "1,250,000",
        "Country/Region": "United Kingdom", "Create Date": "2024-02-01 09:30", "Last Modified Date": "2026-05-01 08:00",
    },
    {"Record ID": "9002", "Company Domain Name": "globex.example", "Create Date": "2024-02-02 09:30"},
)  # fmt: skip
SALESFORCE_CONTACTS = delimited(
    "Id,IsDeleted,MasterRecordId,AccountId,LastName,FirstName,Salutation,MiddleName,Suffix,Name,MailingStreet,"
    "MailingCity,MailingState,MailingPostalCode,MailingCountry,Phone,Fax,MobilePhone,ReportsToId,Email,Title,"
    "Department,"
    "LeadSource,Birthdate,OwnerId,HasOptedOutOfEmail,DoNotCall,CreatedDate,CreatedById,LastModifiedDate,"
    "LastModifiedById,SystemModstamp,LastActivityDate,EmailBouncedReason",
    {
        "Id": "0035g00000A1AAA", "IsDeleted": "false", "AccountId": "0015g00000B1AAB", "LastName": "Byron",
        "FirstName": "Ada", "Name": "Ada Byron", "Email": "ada@acme.example", "Title": "Director, Insights",
        "MailingStreet": "12 Long Acre\nFloor 2", "MailingCity": "London", "Birthdate": "1985-12-10",
        "HasOptedOutOfEmail": "true", "DoNotCall": "false", "CreatedDate": "2024-01-31T10:15:00.000Z",
        "LastModifiedDate": "2026-05-31T23:15:00.000+0000", "SystemModstamp": "2026-05-31T23:15:00.000+0000",
    },
    {
        "Id": "0035g00000A2AAA", "IsDeleted": "true", "LastName": "Gone", "CreatedDate": "2024-01-31T10:15:00.000Z",
        "LastModifiedDate": "2026-06-01T00:00:00.000Z",
    },
)  # fmt: skip
SALESFORCE_ACCOUNTS = delimited(
    "Id,IsDeleted,MasterRecordId,Name,Type,ParentId,BillingStreet,BillingCity,BillingState,BillingPostalCode,"
    "BillingCountry,ShippingStreet,ShippingCity,Phone,AccountNumber,Website,Sic,Industry,AnnualRevenue,"
    "NumberOfEmployees,"
    "Ownership,TickerSymbol,Description,Rating,Site,OwnerId,CreatedDate,CreatedById,LastModifiedDate,LastModifiedById,"
    "SystemModstamp,LastActivityDate,Jigsaw,AccountSource,SicDesc",
    {
        "Id": "0015g00000B1AAB", "IsDeleted": "false", "Name": "Acme", "Type": "Customer - Direct",
        "Website": "https://www.acme.example/about", "AnnualRevenue": "1250000.0", "NumberOfEmployees": "120",
        "BillingCountry": "UK", "CreatedDate": "2023-01-31T10:15:00.000Z",
        "LastModifiedDate": "2026-05-31T23:15:00.000Z",
    },
    {
        "Id": "0015g00000B2AAB", "IsDeleted": "true", "Name": "Merged", "CreatedDate": "2023-01-31T10:15:00.000Z",
        "LastModifiedDate": "2026-06-01T00:00:00.000Z",
    },
)  # fmt: skip

# ---- shop

SHOPIFY_CUSTOMERS = delimited(
    "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address "
    "Company,Default Address Address1,"
    "Default Address Address2,Default Address City,Default Address Province Code,Default Address "
    "Country Code,"
    "Default Address Zip,Default Address Phone,Phone,Accepts SMS Marketing,Total Spent,Total "
    "Orders,Note,Tax Exempt,"
    "Tags",
    {
        "Customer ID": "'7210000213596", "First Name": "Ada", "Last Name": "Byron", "Email": "ada@acme.example",
        "Accepts Email Marketing": "yes", "Default Address Zip": "'02111", "Phone": "'+442079460001",
        "Total Orders": "1", "Default Address Company": "Acme Ltd", "Default Address Address1": "12 Long Acre",
        "Default Address Address2": "Floor 2", "Tags": "vip, wholesale",
    },
)  # fmt: skip
SHOPIFY_ORDERS = delimited(
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts "
    "Marketing,Currency,Subtotal,Shipping,"
    "Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem "
    "quantity,Lineitem name,"
    "Lineitem price,"
    "Lineitem compare at price,Lineitem sku,Lineitem requires shipping,Lineitem taxable,Lineitem "
    "fulfillment status,"
    "Billing Name,Billing Street,Billing Address1,Billing Address2,Billing Company,Billing "
    "City,Billing Zip,"
    "Billing Province,Billing Country,Billing Phone,Shipping Name,Shipping Street,Shipping "
    "Address1,Shipping Address2,"
    "Shipping Company,Shipping City,Shipping Zip,Shipping Province,Shipping Country,Shipping "
    "Phone,Notes,"
    "Note Attributes,"
    "Cancelled at,Payment Method,Payment Reference,Refunded Amount,Vendor,Outstanding "
    "Balance,Employee,Location,"
    "Device ID,"
    "Id,Tags,Risk Level,Source,Lineitem discount,Tax 1 Name,Tax 1 Value,Tax 2 Name,Tax 2 "
    "Value,Tax 3 Name,Tax 3 Value,"
    "Tax 4 Name,Tax 4 Value,Tax 5 Name,Tax 5 Value,Phone,Receipt Number,Duties,Billing Province "
    "Name,"
    "Shipping Province Name,Payment ID,Payment Terms Name,Next Payment Due At,Payment References",
    {
        "Name": "#1001", "Email": "ada@acme.example", "Financial Status": "paid", "Fulfillment Status": "fulfilled",
        "Fulfilled at": "2026-06-03 14:21:21 +0200", "Currency": "EUR", "Subtotal": "53.91", "Shipping": "4.00",
        "Taxes": "0.00", "Total": "57.91", "Discount Code": "WELCOME10", "Discount Amount": "5.99",
        "Created at": "2026-06-02 23:50:26 +0200", "Lineitem quantity": "1", "Lineitem name": "Mug",
        "Lineitem price": "19.90",
        "Billing Zip": "'75008", "Refunded Amount": "0.00", "Vendor": "Leaf", "Id": "7410991464714", "Source": "web",
        "Lineitem discount": "0.00",
    },
    {
        "Name": "#1001", "Email": "ada@acme.example", "Created at": "2026-06-02 23:50:26 +0200",
        "Lineitem quantity": "2",
        "Lineitem name": "Tea", "Lineitem price": "20.00", "Vendor": "Leaf", "Lineitem discount": "0.00",
    },
)  # fmt: skip

# ---- billing

STRIPE_CUSTOMERS = delimited(
    "id,Description,Email,Name,Created (UTC),Delinquent,Card ID,Card Last4,Card Brand,Card "
    "Address Line1,"
    "Card Address Line2,Card Address City,Card Address State,Card Address Country,Card Address "
    "Zip,Currency,Plan,"
    "Status,"
    "Total Spend,Payment Count,Refunded Volume,shopify_customer_id (metadata)",
    {
        "id": "cus_1", "Email": "ada@acme.example", "Name": "Ada Byron", "Created (UTC)": "2025-06-11 14:45",
        "Card Address Country": "GB", "Currency": "usd",
    },
)  # fmt: skip
STRIPE_CHARGES = delimited(
    "id,Created date (UTC),Amount,Amount Refunded,Currency,Captured,Converted Amount,Converted "
    "Amount Refunded,"
    "Converted Currency,Decline Reason,Description,Fee,Refunded date (UTC),Statement "
    "Descriptor,Status,Seller Message,"
    "Card ID,Customer ID,Customer Description,Customer Email,Invoice ID,Payment Source "
    "Type,Transfer",
    {
        "id": "ch_1", "Created date (UTC)": "2026-06-11 14:45:40", "Amount": "19.00", "Currency": "usd",
        "Status": "Paid",
        "Customer ID": "cus_1", "Invoice ID": "in_1", "Payment Source Type": "card",
    },
    {
        "id": "ch_2", "Created date (UTC)": "2026-06-12 14:45:40", "Amount": "19.00", "Amount Refunded": "4.00",
        "Currency": "usd", "Status": "Paid", "Customer ID": "cus_1", "Invoice ID": "in_1",
    },
)  # fmt: skip
STRIPE_OLD_CHARGES = delimited(
    "id,Description,Created (UTC),Amount,Amount Refunded,Currency,Converted Amount,Converted "
    "Amount Refunded,Fee,Tax,"
    "Converted Currency,Mode,Status,Statement Descriptor,Customer ID,Customer "
    "Description,Customer Email,Captured,"
    "Card ID,"
    "Card Last4,Card Brand,Card Funding,Card Exp Month,Card Exp Year,Card Name,Card Address "
    "Line1,Card Address Line2,"
    "Card Address City,Card Address State,Card Address Country,Card Address Zip,Card Issue "
    "Country,Card Fingerprint,"
    "Card CVC Status,Card AVS Zip Status,Card AVS Line1 Status,Card Tokenization Method,Disputed "
    "Amount,Dispute Status,"
    "Dispute Reason,Dispute Date (UTC),Dispute Evidence Due (UTC),Invoice ID,Payment Source "
    "Type,Destination,Transfer",
    {
        "id": "ch_0", "Created (UTC)": "2020-06-11 14:45", "Amount": "20.00", "Currency": "usd", "Status": "Refunded",
        "Customer ID": "cus_1", "Invoice ID": "in_1", "Payment Source Type": "card",
    },
)  # fmt: skip
STRIPE_INVOICES = delimited(
    "id,Amount Due,Billing,Closed,Currency,Customer,Date (UTC),Due Date "
    "(UTC),Number,Paid,Subscription,Subtotal,"
    "Total Discount Amount,Applied Coupons,Tax,Tax Percent,Total,Amount Paid,Amount "
    "Remaining,Attempt Count,Status,"
    "Minimum Line Item Period Start (UTC),Maximum Line Item Period End (UTC),Paid At (UTC)",
    {
        "id": "in_1", "Amount Due": "19.00", "Currency": "usd", "Customer": "cus_1", "Date (UTC)": "2026-06-11 14:45",
        "Subscription": "sub_1", "Subtotal": "19.00", "Total": "19.00", "Amount Paid": "19.00",
        "Amount Remaining": "0.00",
        "Status": "paid", "Paid At (UTC)": "2026-06-11 14:46",
    },
)  # fmt: skip
STRIPE_SUBSCRIPTIONS = delimited(
    "id,Customer ID,Customer Description,Customer "
    "Email,Plan,Product,Quantity,Currency,Interval,Amount,Status,"
    "Created (UTC),Start (UTC),Current Period Start (UTC),Current Period End (UTC),Trial Start "
    "(UTC),Trial End (UTC),"
    "Application Fee Percent,Coupon,Tax Percent,Canceled At (UTC),Cancel At Period End,Ended At "
    "(UTC)",
    {
        "id": "sub_1", "Customer ID": "cus_1", "Plan": "plan_m", "Product": "prod_1", "Quantity": "2",
        "Currency": "usd",
        "Interval": "month", "Amount": "9.50", "Status": "active", "Created (UTC)": "2026-01-11 14:45",
        "Start (UTC)": "2026-01-11 14:45", "Current Period Start (UTC)": "2026-06-11 14:45",
        "Current Period End (UTC)": "2026-07-11 14:45", "Cancel At Period End": "false",
    },
)  # fmt: skip
STRIPE_CONNECTOR = {
    "customer_data.csv": delimited(
        "id,_fivetran_synced,account_balance,address_city,address_country,address_line_1,address_line_2,"
        "address_postal_code,address_state,balance,created,currency,default_card_id,delinquent,description,email,"
        "invoice_prefix,is_deleted,livemode,name,phone,shipping_phone,metadata",
        {"id": "cus_2", "_fivetran_synced": "2026-06-20 20:21:16", "created": "2025-01-18 12:35:30",
         "email": "bo@b.example",
         "is_deleted": "FALSE", "name": "Bo Diaz Ruiz"},
        {"id": "cus_3", "_fivetran_synced": "2026-06-20 20:21:16", "created": "2025-01-18 12:35:30",
         "is_deleted": "TRUE"},
    ),
    "charge_data.csv": delimited(
        "id,_fivetran_synced,amount,amount_refunded,bank_account_id,captured,card_id,created,currency,customer_id,"
        "failure_code,failure_message,invoice_id,paid,status",
        *({"id": f"ch_{cur}", "amount": "12345", "card_id": "pm_1", "created": "2026-06-01 14:07:57", "currency": cur,
           "customer_id": "cus_2", "invoice_id": "in_2", "status": "succeeded"} for cur in ("usd", "jpy", "kwd")),
        *({"id": of, "amount": "12345", "amount_refunded": back, "created": "2026-06-01 14:07:57", "currency": "usd",
           "customer_id": "cus_2", "invoice_id": "in_2", "status": "succeeded"}
          for of, back in (("ch_back", "12345"), ("ch_part", "345"), ("ch_lost", "0"), ("ch_won", "0"))),
    ),
    "dispute_data.csv": delimited(
        "id,_fivetran_synced,amount,charge_id,created,currency,reason,status",
        {"id": "dp_1", "charge_id": "ch_lost", "created": "2026-06-02 10:00:00", "status": "needs_response"},
        {"id": "dp_2", "charge_id": "ch_lost", "created": "2026-06-09 10:00:00", "status": "lost"},
        {"id": "dp_3", "charge_id": "ch_won", "created": "2026-06-09 10:00:00", "status": "won"},
    ),
    "invoice_data.csv": delimited(
        "id,_fivetran_synced,currency,customer_id,due_date,is_deleted,period_end,period_start,subscription_id,"
        "amount_due,"
        "amount_paid,amount_remaining,subtotal,tax,total,attempt_count,auto_advance,billing_reason,created,status",
        {"id": "in_2", "currency": "usd", "customer_id": "cus_2", "is_deleted": "FALSE", "subscription_id": "sub_2",
         "amount_due": "0", "amount_paid": "1950", "subtotal": "1950", "total": "1950", "status": "paid",
         "created": "2026-06-01 14:16:37", "period_start": "2026-05-01 14:16:37", "period_end": "2026-06-01 14:16:37"},
    ),
    "subscription_history_data.csv": delimited(
        "id,_fivetran_synced,_fivetran_active,billing,cancel_at_period_end,canceled_at,created,current_period_end,"
        "current_period_start,customer_id,ended_at,quantity,start_date,status,trial_end,trial_start",
        {"id": "sub_2", "_fivetran_synced": "2026-06-20 20:21:16", "_fivetran_active": "true", "customer_id": "cus_2",
         "created": "2026-05-01 14:16:37", "start_date": "2026-05-01 14:16:37", "status": "active"},
        {"id": "sub_2", "_fivetran_synced": "2026-06-19 20:21:16", "_fivetran_active": "false", "customer_id": "cus_2",
         "created": "2026-05-01 14:16:37", "start_date": "2026-05-01 14:16:37", "status": "trialing"},
    ),
    "subscription_item_data.csv": delimited(
        "_fivetran_synced,created,current_period_end,current_period_start,id,metadata,plan_id,quantity,subscription_id",
        {"id": "si_1", "plan_id": "price_y", "quantity": "3", "subscription_id": "sub_2"},
    ),
    "price_data.csv": delimited(
        "id,_fivetran_synced,active,currency,nickname,product_id,recurring_interval,recurring_interval_count,type,"
        "unit_amount,unit_amount_decimal",
        {"id": "price_y", "currency": "usd", "nickname": "Annual", "recurring_interval": "year",
         "recurring_interval_count": "1", "unit_amount": "29990"},
    ),
    "plan_data.csv": delimited(
        "id,_fivetran_synced,active,amount,created,currency,interval,interval_count,is_deleted,nickname,product_id"
    ),
}  # fmt: skip

# ---- help desk

ZENDESK_TICKETS = delimited(
    "Summation column,Id,Requester,Requester id,Requester external id,Requester email,Requester "
    "domain,Submitter,"
    "Assignee,"
    "Group,Subject,Tags,Status,Priority,Via,Ticket type,Created at,Updated at,Assigned "
    "at,Organization,Due date,"
    "Initially assigned at,Solved at,Resolution time,Satisfaction Score,Group stations,Assignee "
    "stations,Reopens,"
    "Replies,"
    "First reply time in minutes,First reply time in minutes within business hours,First "
    "resolution time in minutes,"
    "First resolution time in minutes within business hours,Full resolution time in minutes",
    {
        "Summation column": "1", "Id": "20001", "Requester id": "37001", "Requester email": "ada@acme.example",
        "Subject": "Cannot log in", "Tags": "account shop", "Status": "Solved", "Via": "Chat",
        "Created at": "2026-05-24 20:40:03", "Updated at": "2026-06-12 10:35:03", "Solved at": "2026-06-08 10:35:03",
        "Satisfaction Score": "Good, with comment", "First reply time in minutes": "30",
    },
)  # fmt: skip
ZENDESK_USERS = delimited(
    "id,active,created_at,email,external_id,locale,name,notes,organization_id,phone,role,suspended,time_zone,"
    "updated_at,"
    "verified",
    {"id": "37001", "created_at": "2026-01-02T09:00:00Z", "email": "ada@acme.example", "name": "Ada Byron",
     "role": "end-user",
     "organization_id": "601"},
    {"id": "37002", "created_at": "2026-01-02T09:00:00Z", "email": "al@desk.example", "name": "Al Agent",
     "role": "agent"},
)  # fmt: skip
ZENDESK_CONNECTOR = {
    "ticket_data.csv": delimited(
        "id,_fivetran_synced,assignee_id,brand_id,created_at,description,group_id,has_incidents,organization_id,"
        "priority,"
        "requester_id,status,subject,submitter_id,type,updated_at,url,via_channel",
        {"id": "20002", "created_at": "2026-06-01 01:54:52", "group_id": "801", "organization_id": "601",
         "requester_id": "37001",
         "status": "closed", "subject": "Late", "description": "Where is it?", "updated_at": "2026-06-09 01:00:00",
         "via_channel": "email"},
        {"id": "20003", "created_at": "2026-06-01 01:54:52", "requester_id": "37001", "status": "deleted",
         "updated_at": "2026-06-01 02:00:00"},
    ),
    "ticket_tag_data.csv": delimited(
        "tag,ticket_id,_fivetran_synced",
        {"tag": "shop", "ticket_id": "20002"}, {"tag": "late", "ticket_id": "20002"}, {"tag": "shop",
         "ticket_id": "20002"},
    ),
    "group_data.csv": delimited(
        "id,_fivetran_deleted,_fivetran_synced,created_at,name,updated_at,url", {"id": "801", "name": "Tier 1"}
    ),
    "ticket_field_history_data.csv": delimited(
        "field_name,ticket_id,updated,_fivetran_synced,user_id,value",
        {"field_name": "status", "ticket_id": "20002", "updated": "2026-06-03 11:01:27", "value": "solved"},
        {"field_name": "status", "ticket_id": "20002", "updated": "2026-06-09 01:00:00", "value": "closed"},
    ),
    "ticket_comment_data.csv": delimited(
        "id,_fivetran_synced,body,created,facebook_comment,public,ticket_id,tweet,user_id,voice_comment",
        {"id": "1", "body": "Where is it?", "created": "2026-06-01 01:54:52", "public": "TRUE", "ticket_id": "20002",
         "user_id": "37001"},
        {"id": "2", "body": "On its way.", "created": "2026-06-02 07:49:14", "public": "TRUE", "ticket_id": "20002",
         "user_id": "37002"},
    ),
    "organization_data.csv": delimited(
        "id,_fivetran_synced,created_at,details,external_id,group_id,name,notes,shared_comments,shared_tickets,"
        "updated_at,url",
        {"id": "601", "created_at": "2025-02-13 22:45:02", "name": "Acme", "updated_at": "2026-02-13 22:45:02"},
    ),
    "domain_name_data.csv": delimited(
        "index,organization_id,_fivetran_synced,domain_name",
        {"index": "0", "organization_id": "601", "domain_name": "acme.example"},
    ),
}  # fmt: skip
