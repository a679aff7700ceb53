"""Small exports of advertising, messages, surveys and product analytics: what becomes of them is
said in test_vendor_figures_growth.py. The shape is the vendor's; the people are made up.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from customer_intel_tests.unit.vendor_samples import Sample, delimited, lines, sample


def epoch(text: str) -> int:
    """A time of UTC in epoch seconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


# ---- advertising


def _google(
    campaign: str, day: str, micros: int, impressions: str, clicks: str, device: str
) -> dict[str, Any]:
    return {
        "customer": {"resourceName": "customers/1", "currencyCode": "EUR"},
        "campaign": {"resourceName": f"customers/1/campaigns/{campaign}", "id": campaign, "name": f"Search {campaign}"},
        "metrics": {"costMicros": str(micros), "impressions": impressions, "clicks": clicks},
        "segments": {"date": day, "device": device},
    }  # fmt: skip


GOOGLE_ADS = lines(
    _google("111", "2026-06-01", 12_345_678, "1000", "40", "MOBILE"),
    _google("111", "2026-06-01", 7_654_322, "500", "10", "DESKTOP"),
    _google("111", "2026-06-02", 990_000, "80", "2", "MOBILE"),
    _google("222", "2026-06-01", 0, "15", "0", "MOBILE"),
)
META_ADS = lines(
    *({"account_id": "9", "account_currency": "USD", "campaign_id": "c1", "campaign_name": "Spring", "adset_id": ad,
       "spend": spend, "impressions": "400", "clicks": "9", "date_start": day, "date_stop": until, "actions": []}
      for ad, spend, day, until in (
          ("a1", "25.50", "2026-06-01", "2026-06-01"), ("a2", "4.50", "2026-06-01", "2026-06-01"),
          ("a1", "11.00", "2026-06-02", "2026-06-02"), ("a1", "900.00", "2026-05-01", "2026-05-31"),
      )),
)  # fmt: skip


def _linkedin(pivot: str, cost: str) -> dict[str, Any]:
    day = {"year": 2026, "month": 6, "day": 3}
    return {
        "dateRange": {"start": day, "end": day}, "pivotValues": [pivot], "impressions": 1000, "clicks": 20,
        "costInLocalCurrency": cost, "costInUsd": "1.0",
    }  # fmt: skip


LINKEDIN_ADS = lines(
    _linkedin("urn:li:sponsoredCampaign:123", "12.50"),
    _linkedin("urn:li:sponsoredCreative:999", "12.50"),
)

# ---- product analytics


def _mixpanel(event: str, at: str, **properties: Any) -> dict[str, Any]:
    return {"event": event, "properties": {"time": epoch(at), "$browser": "Chrome", "mp_country_code": "FR",
                                           "mp_processing_time_ms": epoch(at) * 1000 + 1500, **properties}}  # fmt: skip


MIXPANEL = lines(
    _mixpanel("$mp_web_page_view", "2026-06-05T10:00", **{"distinct_id": "$device:d-1", "$device_id": "d-1",
              "$insert_id": "i-1", "$current_url": "https://x.example/tea?a=1", "utm_source": "news"}),
    _mixpanel("Sign Up", "2026-06-05T10:01", **{"distinct_id": "u-1", "$user_id": "u-1", "$device_id": "d-1",
              "$insert_id": "i-2", "plan": "pro"}),
    # a project without identity merge: the distinct id is the user's
    _mixpanel("Report Viewed", "2026-06-05T10:02", **{"distinct_id": "u-2", "$insert_id": "i-3"}),
)  # fmt: skip


def _amplitude(uuid: str, event: str, **more: Any) -> dict[str, Any]:
    return {
        "uuid": uuid, "insert_id": f"n-{uuid}", "amplitude_id": 111, "app": 5, "event_type": event,
        "event_properties": {},
        "event_time": "2026-06-06 10:15:00.123456", "server_received_time": "2026-06-06 10:15:02.000000",
        "user_id": None,
        "device_id": "dev-1", "session_id": 1780740900000, "os_name": "ios", "device_type": "Apple iPhone",
        "country": "Spain",
        "version_name": "2.1", "ip_address": "203.0.113.9", "user_properties": {"gp:email": "someone@x.example"},
        **more,
    }  # fmt: skip


AMPLITUDE = lines(
    _amplitude(
        "e-1", "[Amplitude] Page Viewed", event_properties={"[Amplitude] Page Path": "/pricing"}
    ),
    _amplitude("e-2", "Export Made", user_id="u-3", event_properties={"rows": 40}),
    _amplitude("e-3", "Cron", user_id="u-3", session_id=-1, device_id=None),
)


def _posthog(uuid: str, event: str, who: str, **properties: Any) -> dict[str, Any]:
    return {
        "uuid": uuid, "event": event, "distinct_id": who, "timestamp": "2026-06-07T10:00:00.500000Z", "team_id": 2,
        "created_at": "2026-06-07T10:00:01Z", "properties": {"$ip": "203.0.113.9", "$device_id": "ph-d",
        "$session_id": "ph-s", "$device_type": "Mobile", **properties}, "person_properties": {"email": "x@x.example"},
    }  # fmt: skip


POSTHOG = lines(
    _posthog(
        "f-1",
        "$pageview",
        "ph-d",
        **{"$is_identified": False, "$pathname": "/", "$geoip_country_code": "DE"},
    ),
    _posthog("f-2", "invoice_paid", "u-4", **{"$is_identified": True, "amount": 3}),
)

# ---- messages


def _klaviyo(number: str, metric: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "event", "id": number, "attributes": {
            "timestamp": epoch("2026-06-08T09:00"), "datetime": "2026-06-08T09:00:00+00:00", "uuid": f"u{number}",
            "event_properties": {"Subject": "News", "Campaign Name": "June", "$message": "01MSG", **properties},
        }, "relationships": {"profile": {"data": {"type": "profile", "id": "kp1"}},
                             "metric": {"data": {"type": "metric", "id": metric}}}, "links": {"self": "https://x"},
    }  # fmt: skip


_METRICS = (
    "Received Email",
    "Opened Email",
    "Clicked Email",
    "Unsubscribed from Email Marketing",
    "Sent SMS",
    "Placed Order",
)
KLAVIYO_METRICS = lines(
    *(
        {"type": "metric", "id": f"m{n}", "attributes": {"name": name}}
        for n, name in enumerate(_METRICS)
    )
)
KLAVIYO_EVENTS = lines(
    *(_klaviyo(f"k{n}", f"m{n}") for n in range(len(_METRICS))), _klaviyo("k9", "gone")
)
KLAVIYO_PROFILES = lines(
    {"type": "profile", "id": "kp1", "attributes": {
        "email": "iris@holm.example", "phone_number": "+4520000000", "external_id": "c-5", "first_name": "Iris",
        "last_name": "Holm", "location": {"address1": "Havn 1", "city": "Aarhus", "country": "Denmark", "zip": "8000"},
        "created": "2025-11-01T08:00:00+00:00", "updated": "2026-06-08T09:00:00+00:00",
        "subscriptions": {"email": {"marketing": {"consent": "UNSUBSCRIBED"}}},
    }, "relationships": {}, "links": {}},
)  # fmt: skip
_ITERABLE = {
    "campaignId": 77,
    "templateId": 5,
    "messageId": "msg-1",
    "email": "max@vogel.example",
    "userId": "v-1",
}
ITERABLE = {
    "iterable-emailSend.jsonl": lines({**_ITERABLE, "createdAt": "2026-06-09 08:00:00 +00:00"}),
    "iterable-emailOpen.jsonl": lines(
        {**_ITERABLE, "createdAt": "2026-06-09 09:00:00 +00:00", "ip": "203.0.113.9"}
    ),
    "iterable-emailClick.jsonl": lines(
        {**_ITERABLE, "createdAt": "2026-06-09 09:01:00 +00:00", "url": "https://x.example/a"},
        {**_ITERABLE, "createdAt": "2026-06-09 09:01:00 +00:00", "url": "https://x.example/b"},
    ),
    "iterable-emailUnSubscribe.jsonl": lines(
        {
            "email": "max@vogel.example",
            "createdAt": "2026-06-09 10:00:00 +00:00",
            "messageId": None,
            "campaignId": None,
        }
    ),
}
ITERABLE_USERS = lines(
    {"email": "max@vogel.example", "userId": "v-1", "firstName": "Max", "lastName": "Vogel", "city": "Graz",
     "signupDate": "2025-06-09 08:00:00 +00:00", "profileUpdatedAt": "2026-06-09 08:00:00 +00:00",
     "emailListIds": [3], "itblInternal": {"emailDomain": "vogel.example"}},
)  # fmt: skip

# ---- surveys


def _typeform(number: str, *answers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "landing_id": number, "token": number, "response_id": number, "landed_at": "2026-06-10T19:12:40Z",
        "submitted_at": "2026-06-10T19:13:59Z", "metadata": {"user_agent": "Mozilla", "network_id": "2cf2"},
        "hidden": {"customer_id": "c-9"}, "calculated": {"score": 0}, "answers": list(answers), **more,
    }  # fmt: skip


def _field(kind: str, ref: str = "ref") -> dict[str, str]:
    return {"id": kind, "ref": ref, "type": kind}


TYPEFORM = lines(
    _typeform(
        "tf1", {"field": _field("opinion_scale", "q_nps"), "type": "number", "number": 9},
        {"field": _field("long_text"), "type": "text", "text": "Clear and quick"},
        {"field": _field("email"), "type": "email", "email": "zoe@lund.example"},
    ),
    _typeform("tf2", {"field": _field("nps"), "type": "number", "number": 3}, hidden={}),
    _typeform("tf3", {"field": _field("rating"), "type": "number", "number": 4}, {"field": _field("short_text"),
              "type": "text", "text": "ok"}),
    _typeform("tf4", submitted_at=None),
)  # fmt: skip
_Q = (
    "StartDate,EndDate,Status,IPAddress,Progress,Duration (in seconds),Finished,RecordedDate,ResponseId,"
    "RecipientLastName,RecipientFirstName,RecipientEmail,ExternalReference,LocationLatitude,LocationLongitude,DistributionChannel,"
    "UserLanguage,NPS_NPS_GROUP,NPS,Q3_comment"
)
_ANSWER = {
    "StartDate": "2026-06-11 09:00:00", "EndDate": "2026-06-11 09:02:00", "Status": "IP Address",
    "IPAddress": "203.0.113.9", "Progress": "100", "Finished": "True", "RecordedDate": "2026-06-11 09:02:05",
    "RecipientEmail": "ben@ode.example", "ExternalReference": "c-11", "LocationLatitude": "51.5",
    "DistributionChannel": "email", "UserLanguage": "EN",
}  # fmt: skip
QUALTRICS = delimited(
    _Q,
    {"StartDate": "Start Date", "Status": "Response Type", "Finished": "Finished", "ResponseId": "Response ID",
     "NPS_NPS_GROUP": "How likely … - Group", "NPS": "How likely are you to recommend us?", "Q3_comment": "Why?"},
    {"StartDate": '{"ImportId":"startDate"}', "Status": '{"ImportId":"status"}',
    "ResponseId": '{"ImportId":"_recordId"}',
     "NPS": '{"ImportId":"QID1"}'},
    {**_ANSWER, "ResponseId": "R_1", "NPS_NPS_GROUP": "Promoter", "NPS": "10", "Q3_comment": "Good people"},
    {**_ANSWER, "ResponseId": "R_2", "NPS_NPS_GROUP": "Detractor", "NPS": "2", "ExternalReference": "c-12"},
    {**_ANSWER, "ResponseId": "R_3", "NPS": "9", "Status": "Survey Preview"},
    {**_ANSWER, "ResponseId": "R_4", "NPS": "", "Finished": "False"},
)  # fmt: skip

GROWTH: tuple[Sample, ...] = (
    sample("google_ads_spend", "google_ads", "google_ads_campaigns.jsonl", GOOGLE_ADS),
    sample("meta_ads_spend", "meta_ads", "meta-insights.jsonl", META_ADS),
    sample("linkedin_ads_spend", "linkedin_ads", "linkedin-analytics.jsonl", LINKEDIN_ADS),
    sample("mixpanel_events", "mixpanel", "mixpanel-2026-06-05.jsonl", MIXPANEL),
    sample("amplitude_events", "amplitude", "amplitude_2026-06-06_10.json", AMPLITUDE),
    sample("posthog_events", "posthog", "posthog-events.jsonl", POSTHOG),
    sample("klaviyo_events", "klaviyo", "klaviyo-events.jsonl", KLAVIYO_EVENTS),
    sample("klaviyo_metrics", "klaviyo", "klaviyo-metrics.jsonl", KLAVIYO_METRICS),
    sample("klaviyo_profiles", "klaviyo", "klaviyo-profiles.jsonl", KLAVIYO_PROFILES),
    *(sample("iterable_touches", "iterable", name, content) for name, content in ITERABLE.items()),
    sample("iterable_users", "iterable", "iterable-users.jsonl", ITERABLE_USERS),
    sample("typeform_responses", "typeform", "typeform-responses.jsonl", TYPEFORM),
    sample("qualtrics_responses", "qualtrics", "qualtrics-nps_June+12,+2026_09.12.csv", QUALTRICS),
)  # fmt: skip
