"""What customers do: funnels, and what the company's words mean.

Belongs here: which sections the room has. Not here: what they say (report_funnel.py and its siblings).
"""

from __future__ import annotations

from customer_intel.behaviour import report_base, report_funnel, report_retention
from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import Html, join
from customer_intel.core.report.section import RoomReport, Section


def funnel(evidence: Evidence) -> Html:
    """The funnels, and who is in none."""
    told = report_funnel.funnel(evidence)
    if not evidence.has("funnel_step", "behaviour_definition"):
        return told
    left_out = report_base.base(evidence, report_base.LEFT_OUT)
    return join((told, left_out, report_base.given_back(evidence)))


REPORT = RoomReport(
    place=65,
    sections=(Section("funnel", "Funnel", funnel, pictures=1), *report_retention.SECTIONS),
    findings=report_retention.FINDINGS,
    glossary={
        "Act": "One thing that people do: an activity, or a page or feature of it.",
        "Funnel": (
            "Steps on the way to something, and how many people reach each within a time from the first step. The "
            "share once all had the time is what recent people will have done when their time is over."
        ),
        "Core action": "What those do who return: by it retention is measured.",
        "Conversion": "What funnels and journeys are for, such as an order or a subscription.",
        **report_retention.GLOSSARY,
    },
)
