"""Whose device, and what may be done with which address."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl

from customer_intel_tests.unit.identity_lab import MOBILE, Lab, person


class TestDevices:
    def lab(self, *seen: tuple[str, datetime]) -> list[tuple[Any, ...]]:
        lab = Lab()
        for number, (user, at) in enumerate(seen):
            lab.put(
                "events",
                event_id=f"e{number}",
                user_id=user,
                record_key=f"app:{user}",
                anonymous_id="device",
                occurred_at=at,
            )
        lab.night()
        names = {customer: key for key, customer in lab.customers().items()}
        rows = lab.tables["anonymous_map"].sort("starts_at").rows(named=True)
        return [(names[r["customer_id"]], r["starts_at"], r["ends_at"], r["method"]) for r in rows]

    def test_one_person_owns_the_month_around_the_login(self) -> None:
        at = datetime(2026, 1, 31, 8)
        assert self.lab(("U1", at)) == [
            ("app:U1", datetime(2026, 1, 1, 8), at, "backfill"),
            ("app:U1", at, datetime(2026, 3, 2, 8), "login"),
        ]

    def test_kiosk_device_gives_each_only_their_own_visit(self) -> None:
        one, two = datetime(2026, 1, 31, 8), datetime(2026, 1, 31, 12)
        assert self.lab(("U1", one), ("U1", one + timedelta(hours=1)), ("U2", two)) == [
            ("app:U1", one, one + timedelta(hours=1, minutes=30), "login"),
            ("app:U2", two, two + timedelta(days=30), "login"),
        ]

    def test_the_next_person_ends_the_stretch(self) -> None:
        one = datetime(2026, 1, 31, 8)
        found = self.lab(
            ("U1", one), ("U2", one + timedelta(minutes=10)), ("U1", one + timedelta(minutes=20))
        )
        assert [(who, to - start, how) for who, start, to, how in found] == [
            ("app:U1", timedelta(minutes=10), "login"),
            ("app:U2", timedelta(minutes=10), "login"),
            ("app:U1", timedelta(days=30), "login"),
        ]


class TestConsent:
    def rows(self, lab: Lab) -> dict[tuple[str, str, str], tuple[str, bool]]:
        lab.night()
        return {
            (r["contact_point"], r["purpose"], r["channel"]): (r["status"], r["is_exportable"])
            for r in lab.tables["consent_state"]
            .filter(pl.col("contact_point_type") != "customer")
            .rows(named=True)
        }

    def choice(
        self, lab: Lab, key: str, status: str, day: int, channel: str | None = "email", **more: Any
    ) -> None:
        number = len(lab.rows["consents"])
        lab.put(
            "consents", consent_id=f"c{number}", record_key=key, subject_id_type="customer", subject_id=key,
            channel=channel, status=status, collected_at=datetime(2026, 1, day), **{"purpose": "marketing", **more},
        )  # fmt: skip

    def test_opt_out_on_one_of_two_addresses_and_a_merge_widens_nothing(self) -> None:
        lab = Lab().contact("a:1", **person("Anna", "Weber", "one@x.de", phone=MOBILE))
        lab.contact("b:2", **person("Anna", "Weber", "two@x.de", phone=MOBILE))
        self.choice(lab, "a:1", "withdrawn", 5)
        self.choice(lab, "b:2", "granted", 9)
        assert self.rows(lab) == {
            ("one@x.de", "marketing", "email"): ("withdrawn", False),
            ("two@x.de", "marketing", "email"): ("granted", True),
        }
        assert lab.groups() == [["a:1", "b:2"]]

    def test_latest_choice_counts_ties_go_to_the_stricter_and_expiry_ends_a_grant(self) -> None:
        lab = Lab().contact("a:1", **person("Anna", "Weber", "one@x.de"))
        self.choice(lab, "a:1", "denied", 5)
        self.choice(lab, "a:1", "granted", 6)
        self.choice(lab, "a:1", "granted", 7, purpose="analytics")
        self.choice(lab, "a:1", "denied", 7, purpose="analytics")
        self.choice(lab, "a:1", "granted", 7, purpose="profiling", expires_at=datetime(2026, 2, 1))
        found = self.rows(lab)
        assert found["one@x.de", "marketing", "email"] == ("granted", True)
        assert found["one@x.de", "analytics", "email"] == ("denied", False)
        assert found["one@x.de", "profiling", "email"] == ("expired", False)

    def test_who_shares_the_address_may_refuse_for_it(self) -> None:
        lab = (
            Lab()
            .contact("a:1", **person("Anna", "Weber", "w@x.de"))
            .contact("a:2", **person("Ben", "Weber", "w@x.de"))
        )
        self.choice(lab, "a:1", "granted", 5)
        self.choice(lab, "a:2", "withdrawn", 4)
        lab.night()
        marked = lab.tables["consent_state"].filter(pl.col("contact_point") == "w@x.de")
        assert sorted(marked.select("status", "is_exportable").rows()) == [
            ("granted", False),
            ("withdrawn", False),
        ]

    def test_flags_unsubscribes_and_refusals_for_all_channels(self) -> None:
        lab = Lab().contact("a:1", **person("Anna", "Weber", "one@x.de", email_opt_out=True))
        lab.contact("a:2", **person("Ben", "Weber", "two@x.de")).contact(
            "a:3", **person("Kurt", "Hahn", "three@x.de")
        )
        for key in ("a:1", "a:2", "a:3"):
            self.choice(lab, key, "granted", 28)
        lab.put("marketing_touches", touch_id="t", event="unsubscribed", email="Two@x.de", channel="email",
                occurred_at=datetime(2026, 1, 30))  # fmt: skip
        self.choice(lab, "a:3", "denied", 29, channel=None)
        found = self.rows(lab)
        assert found["one@x.de", "marketing", "email"] == ("denied", False)
        assert found["two@x.de", "marketing", "email"] == ("withdrawn", False)
        assert found["three@x.de", "marketing", "email"] == ("denied", False)

    def test_profiling_denied_by_any_record_is_denied_for_the_customer(self) -> None:
        lab = (
            Lab()
            .contact("a:1", **person("Anna", "Weber", "one@x.de"))
            .contact("b:2", **person("Anna", "Weber", "one@x.de"))
        )
        self.choice(lab, "a:1", "denied", 5, purpose="profiling", channel=None)
        self.choice(lab, "b:2", "granted", 9, purpose="profiling", channel=None)
        lab.night()
        whole = lab.tables["consent_state"].filter(pl.col("contact_point_type") == "customer")
        assert whole.select("purpose", "channel", "status", "is_exportable").rows() == [
            ("profiling", "any", "denied", False)
        ]
