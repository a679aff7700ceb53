"""Small exports of help desks, sales and operations: what becomes of their states and times is said
in test_vendor_figures_support.py. The shape is the vendor's; the people are made up.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from customer_intel_tests.unit.vendor_samples import Sample, delimited, lines, sample


def epoch(text: str) -> int:
    """A time of UTC in epoch seconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


# ---- help desks


def _intercom(number: str, state: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "conversation", "id": number, "created_at": epoch("2026-06-10T09:00"),
        "updated_at": epoch("2026-06-12T09:00"), "title": None, "state": state, "read": True,
        "priority": "not_priority",
        "waiting_since": None, "snoozed_until": None, "admin_assignee_id": 814860, "team_assignee_id": 0,
        "source": {"type": "email", "id": "s1", "delivered_as": "customer_initiated", "subject": "Late <b>parcel</b>",
                   "body": "<p>Where is it?</p>", "author": {"type": "user", "id": "ic1", "name": "Ana Costa",
                   "email": "ana@costa.example"}},
        "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": "ic1", "external_id": "u-9"}]},
        "tags": {"type": "tag.list", "tags": [{"id": "1", "name": "shipping"}, {"id": "2", "name": "vip"}]},
        "statistics": {"type": "conversation_statistics", "first_admin_reply_at": epoch("2026-06-10T09:45"),
                       "last_close_at": epoch("2026-06-11T15:00"), "count_reopens": 1},
        "conversation_rating": {"rating": 5, "remark": "Quick", "created_at": epoch("2026-06-12T09:00")}, **more,
    }  # fmt: skip


INTERCOM_CONVERSATIONS = lines(
    _intercom("91", "closed"),
    # closed once, then open again: not solved
    _intercom("92", "open", conversation_rating=None),
    _intercom("93", "snoozed", statistics=None, conversation_rating=None, admin_assignee_id=None),
)  # fmt: skip
_PART = {
    "type": "conversation_part",
    "conversation_id": "91",
    "created_at": epoch("2026-06-10T09:45"),
}
INTERCOM_PARTS = lines(
    {**_PART, "id": "p1", "part_type": "comment", "body": "<p>On its way.</p>", "author": {"type": "admin", "id": "8"}},
    {**_PART, "id": "p2", "part_type": "note", "body": "<p>She is cross</p>", "author": {"type": "admin", "id": "8"}},
    {**_PART, "id": "p3", "part_type": "comment", "body": "Thanks", "author": {"type": "user", "id": "ic1"}},
    {**_PART, "id": "p4", "part_type": "close", "body": None, "author": {"type": "admin", "id": "8"}},
)  # fmt: skip
INTERCOM_CONTACTS = lines(
    {"type": "contact", "id": "ic1", "external_id": "u-9", "role": "user", "email": "ana@costa.example",
     "phone": None, "name": "Ana Costa", "unsubscribed_from_emails": False, "created_at": epoch("2025-05-01T08:00"),
     "updated_at": epoch("2026-06-12T09:00"), "location": {"type": "location", "country": "Portugal", "city": "Porto"},
     "companies": {"type": "list", "data": [{"id": "co1"}]}, "avatar": None},
)  # fmt: skip


def _freshdesk(number: int, status: int, **more: Any) -> dict[str, Any]:
    return {
        "id": number, "requester_id": 4001, "responder_id": 11, "company_id": 77, "group_id": 3, "source": 2,
        "spam": False, "priority": 3, "status": status, "type": "Question", "subject": "Invoice", "tags": ["billing"],
        "description": "<div>Which one?</div>", "description_text": "Which one?", "is_escalated": False,
        "created_at": "2026-06-10T09:00:00Z", "updated_at": "2026-06-12T09:00:00Z", "cc_emails": [],
        "requester": {"id": 4001, "name": "Tom Reed", "email": "tom@reed.example"},
        "stats": {"first_responded_at": "2026-06-10T10:30:00Z", "resolved_at": None, "closed_at": None}, **more,
    }  # fmt: skip


FRESHDESK_TICKETS = lines(
    _freshdesk(1, 2),
    _freshdesk(2, 3, is_escalated=True),
    _freshdesk(
        3, 4, stats={"first_responded_at": "2026-06-10T10:30:00Z", "resolved_at": "2026-06-11T09:00:00Z",
        "closed_at": None}
    ),
    _freshdesk(4, 5, source=9, stats={"first_responded_at": None, "resolved_at": "2026-06-11T09:00:00Z",
                                      "closed_at": "2026-06-13T09:00:00Z"}),
    _freshdesk(5, 2, spam=True),
)  # fmt: skip
FRESHDESK_CONVERSATIONS = lines(
    {"id": 51, "ticket_id": 1, "user_id": 11, "incoming": False, "private": False, "body": "<p>May's.</p>",
     "body_text": "May's.", "created_at": "2026-06-10T10:30:00Z", "source": 0},
    {"id": 52, "ticket_id": 1, "user_id": 11, "incoming": False, "private": True, "body": "<p>Ask Eve</p>",
     "body_text": "Ask Eve", "created_at": "2026-06-10T10:31:00Z", "source": 2},
    {"id": 53, "ticket_id": 1, "user_id": 4001, "incoming": True, "private": False, "body": "<p>Ok</p>",
     "body_text": "Ok", "created_at": "2026-06-10T11:00:00Z", "source": 0},
)  # fmt: skip
FRESHDESK_CONTACTS = lines(
    {"id": 4001, "name": "Tom Reed", "email": "tom@reed.example", "phone": None, "mobile": "+1 555 0102",
     "job_title": "Buyer", "company_id": 77, "language": "en", "created_at": "2025-06-10T09:00:00Z",
     "updated_at": "2026-06-10T09:00:00Z", "other_emails": []},
)  # fmt: skip


def _jira(key: str, status: str, category: str, since: str) -> dict[str, Any]:
    at = epoch(since) * 1000
    return {
        "issueId": "10700", "issueKey": key, "requestTypeId": "25", "serviceDeskId": "10",
        "createdDate": {"iso8601": "2026-06-10T16:00:00+0700", "friendly": "10/Jun/26",
                        "epochMillis": epoch("2026-06-10T09:00") * 1000},
        "reporter": {"accountId": "qm:1", "emailAddress": "lea@roux.example", "displayName": "Lea Roux",
        "active": True},
        "requestFieldValues": [{"fieldId": "summary", "label": "What", "value": "Laptop"},
                               {"fieldId": "description", "label": "Why", "value": "It is slow"}],
        "currentStatus": {"status": status, "statusCategory": category, "statusDate": {"epochMillis": at}},
    }  # fmt: skip


JIRA_REQUESTS = lines(
    _jira("HELP-1", "Waiting for support", "NEW", "2026-06-10T09:00"),
    _jira("HELP-2", "Waiting for customer", "INDETERMINATE", "2026-06-11T09:00"),
    _jira("HELP-3", "Resolved", "DONE", "2026-06-12T09:00"),
    # words of the company's own
    _jira("HELP-4", "With the vendor", "INDETERMINATE", "2026-06-11T09:00"),
    _jira("HELP-5", "Parked for good", "DONE", "2026-06-14T09:00"),
)  # fmt: skip
HUBSPOT_TICKETS = delimited(
    "Record ID,Ticket name,Pipeline,Ticket status,Create date,Close date,Priority,Source,Ticket description,"
    "Ticket owner,Associated Contact IDs,Associated Company IDs,Associated Company IDs (Primary)",
    {"Record ID": "7001", "Ticket name": "Login", "Pipeline": "Support Pipeline", "Ticket status": "Closed",
     "Create date": "2026-06-10 09:00", "Close date": "2026-06-10 17:00", "Priority": "HIGH", "Source": "Form",
     "Associated Contact IDs": "5001;5002", "Associated Company IDs (Primary)": "9001"},
    {"Record ID": "7002", "Ticket name": "Bill", "Ticket status": "Waiting on contact",
    "Create date": "2026-06-11 09:00"},
)  # fmt: skip
SALESFORCE_CASES = delimited(
    "Id,IsDeleted,CaseNumber,ContactId,AccountId,ParentId,SuppliedName,SuppliedEmail,Type,Status,Reason,Origin,Subject,"
    "Priority,Description,IsClosed,ClosedDate,IsEscalated,OwnerId,CreatedDate,LastModifiedDate",
    {"Id": "500A1", "IsDeleted": "false", "ContactId": "0035g00000A1AAA", "AccountId": "0015g00000B1AAB",
    "Status": "Working",
     "Origin": "Web", "Priority": "High", "IsClosed": "false", "IsEscalated": "true",
     "CreatedDate": "2026-06-10T09:00:00.000Z", "LastModifiedDate": "2026-06-10T09:00:00.000Z"},
    {"Id": "500A2", "IsDeleted": "false", "SuppliedEmail": "lea@roux.example", "Status": "Fixed by hand",
    "Origin": "Email",
     "IsClosed": "true", "ClosedDate": "2026-06-12T09:00:00.000+0000", "IsEscalated": "false",
     "CreatedDate": "2026-06-10T09:00:00.000Z", "LastModifiedDate": "2026-06-12T09:00:00.000Z"},
)  # fmt: skip

# ---- deals

HUBSPOT_DEALS = delimited(
    "Record ID,Deal Name,Deal Stage,Pipeline,Amount,Currency,Close Date,Create Date,Last Modified Date,Deal owner,"
    "Is Closed Won,Is Deal Closed?,Deal probability,Closed Lost Reason,Associated Contact IDs,Associated Company IDs,"
    "Associated Company IDs (Primary)",
    {"Record ID": "3001", "Deal Name": "Acme seats", "Deal Stage": "Closed Won", "Pipeline": "Sales Pipeline",
     "Amount": "12,000.00", "Currency": "USD", "Close Date": "2026-05-20 10:00", "Create Date": "2026-02-01 09:00",
     "Last Modified Date": "2026-05-20 10:00", "Deal probability": "1.0", "Associated Contact IDs": "5001",
     "Associated Company IDs (Primary)": "9001"},
    {"Record ID": "3002", "Deal Name": "Globex trial", "Deal Stage": "Verloren", "Amount": "500.00", "Currency": "USD",
     "Close Date": "2026-06-01 10:00", "Create Date": "2026-03-01 09:00", "Is Closed Won": "false",
     "Is Deal Closed?": "true", "Closed Lost Reason": "Price", "Deal probability": "0.0"},
    {"Record ID": "3003", "Deal Name": "Acme renewal", "Deal Stage": "Contract Sent", "Amount": "13,000.00",
     "Currency": "USD", "Close Date": "2026-09-30 10:00", "Create Date": "2026-06-01 09:00", "Deal probability": "0.9",
     "Associated Contact IDs": "5001;5002"},
)  # fmt: skip
SALESFORCE_OPPORTUNITIES = delimited(
    "Id,IsDeleted,AccountId,ContactId,Name,StageName,Amount,Probability,ExpectedRevenue,CloseDate,Type,LeadSource,IsClosed,"
    "IsWon,ForecastCategory,OwnerId,CreatedDate,LastModifiedDate,CurrencyIsoCode",
    {"Id": "006A1", "IsDeleted": "false", "AccountId": "0015g00000B1AAB", "ContactId": "0035g00000A1AAA",
    "Name": "Acme - 40",
     "StageName": "Closed Won", "Amount": "40000.0", "Probability": "100", "CloseDate": "2026-06-15",
     "IsClosed": "true",
     "IsWon": "true", "CreatedDate": "2026-01-10T09:00:00.000Z", "LastModifiedDate": "2026-06-15T09:00:00.000Z",
     "CurrencyIsoCode": "EUR"},
    {"Id": "006A2", "IsDeleted": "false", "AccountId": "0015g00000B1AAB", "Name": "Acme - more",
    "StageName": "Negotiation",
     "Amount": "9000.5", "Probability": "35", "CloseDate": "2026-10-01", "IsClosed": "false", "IsWon": "false",
     "CreatedDate": "2026-05-10T09:00:00.000Z", "LastModifiedDate": "2026-06-15T09:00:00.000Z",
     "CurrencyIsoCode": "EUR"},
    {"Id": "006A3", "IsDeleted": "false", "AccountId": "0015g00000B1AAB", "Name": "Acme - old",
    "StageName": "Lost to none",
     "Amount": "100", "Probability": "0", "CloseDate": "2026-04-01", "IsClosed": "1", "IsWon": "0",
     "CreatedDate": "2026-01-10T09:00:00.000Z", "LastModifiedDate": "2026-04-01T09:00:00.000Z",
     "CurrencyIsoCode": "EUR"},
)  # fmt: skip

# ---- operations

PAGERDUTY = lines(
    {"id": "PT1", "type": "incident", "incident_number": 12, "title": "Checkout down", "status": "resolved",
     "urgency": "high", "created_at": "2026-06-12T08:00:00Z", "updated_at": "2026-06-12T09:40:23Z",
     "resolved_at": "2026-06-12T09:30:00Z", "last_status_change_at": "2026-06-12T09:30:00Z", "incident_key": "k",
     "service": {"id": "PS", "type": "service_reference", "summary": "Checkout"}, "assignments": []},
    {"id": "PT2", "type": "incident", "incident_number": 13, "title": "Mail slow", "status": "acknowledged",
     "urgency": "low", "created_at": "2026-06-29T08:00:00Z", "updated_at": "2026-06-29T08:10:00Z", "resolved_at": None,
     "last_status_change_at": "2026-06-29T08:10:00Z", "service": {"id": "PM", "summary": "Mail"}, "assignments": []},
)  # fmt: skip


def _page(number: str, impact: str, status: str, **more: Any) -> dict[str, Any]:
    return {
        "id": number, "name": "Something", "status": status, "impact": impact,
        "created_at": "2026-06-12T08:05:00.000-06:00",
        "started_at": "2026-06-12T08:00:00.000-06:00", "resolved_at": "2026-06-12T10:00:00.000-06:00", "page_id": "pg",
        "components": [{"id": "c1", "name": "API", "status": "operational"}, {"id": "c2", "name": "Web"}],
        "incident_updates": [], "shortlink": "http://x", **more,
    }  # fmt: skip


STATUSPAGE = lines(
    _page("sp1", "critical", "resolved"),
    _page("sp2", "minor", "monitoring", resolved_at=None),
    _page("sp3", "maintenance", "completed"),
    _page("sp4", "none", "resolved"),
)  # fmt: skip

SUPPORT: tuple[Sample, ...] = (
    sample("intercom_conversations", "intercom", "intercom-conversations.jsonl", INTERCOM_CONVERSATIONS),
    sample("intercom_messages", "intercom", "intercom-conversation_parts.jsonl", INTERCOM_PARTS),
    sample("intercom_contacts", "intercom", "intercom-contacts.jsonl", INTERCOM_CONTACTS),
    sample("freshdesk_tickets", "freshdesk", "freshdesk-tickets.jsonl", FRESHDESK_TICKETS),
    sample("freshdesk_messages", "freshdesk", "freshdesk-conversations.jsonl", FRESHDESK_CONVERSATIONS),
    sample("freshdesk_contacts", "freshdesk", "freshdesk-contacts.jsonl", FRESHDESK_CONTACTS),
    sample("jira_service_tickets", "jira_service", "jsm-requests.jsonl", JIRA_REQUESTS),
    sample("hubspot_tickets", "hubspot", "hubspot-crm-exports-all-tickets-2026-06-30.csv", HUBSPOT_TICKETS),
    sample("hubspot_deals", "hubspot", "hubspot-crm-exports-all-deals-2026-06-30.csv", HUBSPOT_DEALS),
    sample("salesforce_cases", "salesforce", "Case.csv", SALESFORCE_CASES),
    sample("salesforce_opportunities", "salesforce", "Opportunity.csv", SALESFORCE_OPPORTUNITIES),
    sample("pagerduty_incidents", "pagerduty", "pagerduty-incidents.jsonl", PAGERDUTY),
    sample("statuspage_incidents", "statuspage", "statuspage-incidents.jsonl", STATUSPAGE),
)  # fmt: skip
