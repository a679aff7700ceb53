"""A small company whose exports change from night to night in every way that a table kept by day must notice; no test.

Belongs here: the exports of a night, by a seed. Not here: what must come out (test_delta_equals_full.py).
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

FIRST = date(2025, 3, 1)
HISTORY = 60
PEOPLE = 14
PAGES = ("/shop", "/shop/lamp", "/cart", "/checkout", "/help", "/blog/a-long-story-of-lamps")
Row = dict[str, Any]


class ChangingCompany:
    """Writes a night's exports to both of `landings`. Kinds of change are drawn, each seldom enough to come alone."""

    def __init__(self, seed: int, *landings: Path) -> None:
        self._random, self._landings = random.Random(seed), landings
        self._events: list[Row] = []
        self._orders: list[Row] = []
        self._tickets: list[Row] = []
        self._contacts = [self._contact(n) for n in range(PEOPLE)]
        self.changes: list[str] = []

    def first(self) -> date:
        """Exports of a history."""
        for _ in range(260):
            self._visit(FIRST - timedelta(self._random.randrange(HISTORY)))
        for _ in range(40):
            self._order(FIRST - timedelta(self._random.randrange(HISTORY)))
        self._write(FIRST, events=self._events, orders=self._orders, contacts=self._contacts)
        return FIRST

    def next(self, day: date) -> date:
        """Exports of a day: what is new, and some of the changes that there are."""
        known_events, known_orders = len(self._events), len(self._orders)
        for _ in range(self._random.randrange(2, 6)):
            self._visit(day - timedelta(1))
        if self._random.random() < 0.8:
            self._order(day - timedelta(1))
        told: dict[str, list[Row]] = {}
        ways: list[Callable[[date, dict[str, list[Row]]], None]] = [
            self.late_events, self.moved_events, self.deleted_events, self.changed_orders, self.merged, self.split,
            self.first_login, self.resent, self.tickets, self.night_long_visit, self.other_country,
        ]  # fmt: skip
        for way in self._random.sample(ways, 3):
            way(day, told)
            self.changes.append(way.__name__)
        told.setdefault("events", []).extend(self._events[known_events:])
        told.setdefault("orders", []).extend(self._orders[known_orders:])
        self._write(day, **told)
        return day

    # ---- kinds of change
    def late_events(self, day: date, told: dict[str, list[Row]]) -> None:
        self._visit(day - timedelta(self._random.randrange(2, 45)))

    def moved_events(self, day: date, told: dict[str, list[Row]]) -> None:
        """An event of which another day is said now."""
        row = {**self._random.choice(self._events)}
        moved = datetime.fromisoformat(row["occurred_at"]) - timedelta(
            days=self._random.randrange(1, 20)
        )
        told.setdefault("events", []).append(
            {**row, "occurred_at": moved.isoformat(), "page_path": "/moved"}
        )

    def deleted_events(self, day: date, told: dict[str, list[Row]]) -> None:
        told.setdefault("events", []).append(
            {**self._random.choice(self._events), "_deleted": "true"}
        )

    def changed_orders(self, day: date, told: dict[str, list[Row]]) -> None:
        for row in self._random.sample(self._orders, 3):
            state = self._random.choice(("cancelled", "paid", "refunded"))
            row |= {"status": state, "updated_at": f"{day}T01:00:00"}
            row["refunded"] = row["total"] if state == "refunded" else 0
            row["shipped_at"] = f"{day - timedelta(1)}T09:00:00" if state == "paid" else ""
            told.setdefault("orders", []).append(row)

    def merged(self, day: date, told: dict[str, list[Row]]) -> None:
        """Two records turn out to be one person."""
        one, other = self._random.sample(self._contacts, 2)
        for name in ("first_name", "last_name", "email", "phone", "city", "postal_code", "street"):
            other[name] = one[name]
        told.setdefault("contacts", []).append(other | {"updated_at": f"{day}T00:30:00"})

    def split(self, day: date, told: dict[str, list[Row]]) -> None:
        """A record turns out to be somebody else's."""
        place = self._random.randrange(PEOPLE)
        self._contacts[place] |= self._contact(100 + self._random.randrange(800)) | {
            "contact_id": self._contacts[place]["contact_id"], "updated_at": f"{day}T00:40:00",
        }  # fmt: skip
        told.setdefault("contacts", []).append(self._contacts[place])

    def first_login(self, day: date, told: dict[str, list[Row]]) -> None:
        """Somebody logs in on a device that was nobody's: what it did before is theirs."""
        devices = [row["anonymous_id"] for row in self._events if not row["user_id"]]
        self._visit(
            day - timedelta(1),
            device=self._random.choice(devices),
            user=self._random.randrange(PEOPLE),
        )

    def resent(self, day: date, told: dict[str, list[Row]]) -> None:
        told.setdefault("events", []).extend(self._random.sample(self._events, 20))

    def tickets(self, day: date, told: dict[str, list[Row]]) -> None:
        number = len(self._tickets)
        opened = day - timedelta(self._random.randrange(1, 30))
        self._tickets.append(
            {"ticket_id": f"t{number}", "requester_ref": f"u{self._random.randrange(PEOPLE)}", "channel": "email",
             "subject": "?", "status": "solved", "created_at": f"{opened}T10:00:00", "solved_at": f"{opened}T12:00:00"}
        )  # fmt: skip
        told.setdefault("tickets", []).append(self._tickets[-1])

    def night_long_visit(self, day: date, told: dict[str, list[Row]]) -> None:
        """Somebody, or something, that does not sleep for two and a half days."""
        device = f"robot{self._random.randrange(3)}"
        begin = datetime.combine(
            day - timedelta(self._random.randrange(4, 20)), datetime.min.time()
        )
        self._steps(begin + timedelta(hours=13), 2 * 60, timedelta(minutes=29), device, None)

    def other_country(self, day: date, told: dict[str, list[Row]]) -> None:
        row = self._random.choice(self._contacts)
        told.setdefault("contacts", []).append(
            row | {"country": "AT", "updated_at": f"{day}T00:50:00"}
        )

    # ---- rows
    def _contact(self, n: int) -> Row:
        return {
            "contact_id": f"u{n}", "email": f"{'abcdefghij'[n % 10]}{n}.person@mail{n}.example",
            "phone": f"+49301234{n:04d}",
            "first_name": ("Anna", "Bernd", "Clara", "Dieter", "Emil", "Frida", "Gerd")[n % 7],
            "last_name": ("Ahrens", "Brandt", "Christ", "Dorn", "Ebert")[n % 5] + "abcdefghijklmnopqrst"[n % 19],
            "country": "DE", "city": f"Town{n}", "postal_code": f"{10_000 + n}", "street": f"Lane {n}",
            "created_at": "2024-01-01T00:00:00", "updated_at": "2024-06-01T00:00:00",
        }  # fmt: skip

    def _visit(self, day: date, device: str | None = None, user: int | None = None) -> None:
        rand = self._random
        begin = datetime.combine(day, datetime.min.time()) + timedelta(
            seconds=rand.randrange(86_400)
        )
        device = device or f"d{rand.randrange(30)}"
        if user is None and rand.random() < 0.5:
            user = int(device[1:]) % PEOPLE if device[1:].isdigit() else None
        gap = timedelta(minutes=rand.choice((1, 5, 30, 31)), seconds=rand.choice((0, 0, 1)))
        self._steps(begin, rand.randrange(1, 6), gap, device, user)

    def _steps(
        self, begin: datetime, n: int, gap: timedelta, device: str, user: int | None
    ) -> None:
        for step in range(n):
            at = begin + step * gap
            self._events.append(
                {"event_id": f"e{len(self._events)}",
                 "event_name": self._random.choice(("page_view", "add_to_cart", "login")),
                 "event_type": "track", "anonymous_id": device, "user_id": "" if user is None else f"u{user}",
                 "occurred_at": at.isoformat(), "page_path": self._random.choice(PAGES),
                 "utm_source": self._random.choice(("", "newsletter")), "device_type": "mobile", "_deleted": ""}
            )  # fmt: skip

    def _order(self, day: date) -> None:
        at, number = f"{day}T{self._random.randrange(24):02d}:15:00", len(self._orders)
        total = round(10 + 90 * self._random.random(), 2)
        self._orders.append(
            {"order_id": f"o{number}", "customer_ref": f"u{self._random.randrange(PEOPLE)}", "ordered_at": at,
             "status": "paid", "currency": "EUR", "total": total, "subtotal": total, "refunded": 0,
             "channel": "web", "updated_at": at,
             "shipped_at": ""}
        )  # fmt: skip

    def _write(self, day: date, **tables: list[Row]) -> None:
        for landing in self._landings:
            folder = landing / "shop" / day.isoformat()
            folder.mkdir(parents=True, exist_ok=True)
            for name, rows in tables.items():
                if rows:
                    with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
                        writer = csv.DictWriter(file, list(rows[0]))
                        writer.writeheader()
                        writer.writerows(rows)
