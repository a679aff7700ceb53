"""A simulated company of seven sources whose nights are quiet: weekdays, growth, campaigns, slow change.

Belongs here: its export files. Not here: their mappings (quiet_mappings.py), what is planted in them
(planted_faults.py), judging them (judged_nights.py). Not a test itself.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from math import exp
from typing import Any

import numpy as np
import polars as pl

START = date(2026, 2, 2)  # a Monday
WEEK = (1.0, 1.05, 1.0, 0.95, 1.1, 0.3, 0.3)
GROWTH = 0.005
FIRST_DAYS = 200
FIRST_NAMES = "Anna Ben Clara David Eva Felix Greta Hans Ida Jan Käthe Lars Mia Noah Ole Paula Quirin Rosa Sven Tina"
LAST_NAMES = "Abel Brandt Cordes Dietz Ebert Frey Groß Huber Imhof Jung König Lang Müller Noll Otto Pohl Roth Schäfer"
FIRST, LAST = FIRST_NAMES.split(), LAST_NAMES.split()
STATES = ["BE", "BW", "BY", "HB", "HE", "HH", "MV", "NI", "NW", "RP", "SH", "SL", "SN", "ST", "TH"]
DOMAINS = ("mail.example", "post.example", "web.example", "net.example")


def zipf(rng: np.random.Generator, n: int, size: int, power: float = 1.1) -> np.ndarray:
    """`size` ranks below `n`, the first ones often."""
    weights = 1 / np.arange(1, n + 1) ** power
    return rng.choice(n, size, p=weights / weights.sum())


def pick(rng: np.random.Generator, shares: dict[str, float], size: int) -> np.ndarray:
    total = sum(shares.values())
    return rng.choice(list(shares), size, p=[share / total for share in shares.values()])


def times(rng: np.random.Generator, day: date, size: int) -> list[datetime]:
    """Times of a day, most of them in the afternoon."""
    hours = np.clip(rng.normal(15, 3.5, size), 0, 23.99)
    return [
        datetime.combine(day, datetime.min.time()) + timedelta(seconds=int(h * 3600)) for h in hours
    ]


def person(number: int) -> dict[str, str]:
    own = np.random.default_rng(number)
    first = FIRST[zipf(own, len(FIRST), 1, 0.5)[0]]
    last = LAST[zipf(own, len(LAST), 1, 0.5)[0]] + (
        "" if own.random() < 0.5 else own.choice(["er", "mann", "s", "ke"])
    )
    mail = f"{first}.{last}{number % 97}@{DOMAINS[zipf(own, 4, 1)[0]]}".lower()
    return {
        "first": first,
        "last": last,
        "email": mail,
        "city": f"Stadt{'abcdefghijklmnopqrst'[zipf(own, 20, 1)[0]]}",
        "state": STATES[zipf(own, 15, 1, 0.7)[0]],
    }


Files = dict[tuple[str, date], pl.DataFrame]


class Company:
    """Exports of `nights` nights from START: (mapping, export date) → rows. `holidays`: nights with 40 % of the
    usual traffic; `prices`: night → factor."""

    def __init__(
        self,
        seed: int,
        nights: int = 60,
        holidays: tuple[int, ...] = (),
        prices: Callable[[int], float] = lambda n: 1.0,
    ) -> None:
        self.rng, self.nights = np.random.default_rng(seed), nights
        self.holidays, self.prices = holidays, prices
        self.campaigns = set(
            self.rng.choice(np.arange(1, nights), max(1, nights // 20), replace=False).tolist()
        )
        self.people = [person(seed * 1_000_000 + n) for n in range(6000)]
        self.files: Files = {}
        self.orders: dict[int, dict[str, Any]] = {}
        self.due: dict[int, list[tuple[int, str]]] = {}
        self.next_order = 100_000
        for night in range(-FIRST_DAYS, nights):
            self._shop(night)
        for night in range(nights):
            for make in (
                self._web,
                self._crm,
                self._billing,
                self._survey,
                self._desk,
                self._ads,
                self._mail,
            ):
                make(night, START + timedelta(days=night))

    def _level(self, night: int) -> float:
        day = START + timedelta(days=night)
        level = (
            WEEK[day.weekday()] * (1 + GROWTH) ** max(night, -60) * exp(self.rng.normal(0, 0.08))
        )
        return (
            level * (1.6 if night in self.campaigns else 1) * (0.4 if night in self.holidays else 1)
        )

    def _put(self, mapping: str, day: date, rows: dict[str, Any]) -> None:
        self.files[mapping, day] = pl.DataFrame(rows, strict=False)

    # ---- shop: orders of the day and those whose state changed; lines of the day's orders
    def _shop(self, night: int) -> None:
        rng, day = self.rng, START + timedelta(days=night)
        n = int(rng.poisson(90 * self._level(night)))
        made, price = [], self.prices(night)
        cities, codes = 150 + (night + FIRST_DAYS) // 4, 6 + (night + FIRST_DAYS) // 30
        for at in sorted(times(rng, day, n)):
            own = int(zipf(rng, len(self.people), 1, 0.4)[0])
            subtotal = round(price * float(rng.lognormal(4, 0.7)), 2)
            shipping = 4.9 if rng.random() < 0.6 else 0.0
            who = self.people[own]
            made.append(
                {
                    "id": self.next_order,
                    "customer": 5000 + own,
                    "email": who["email"] if rng.random() < 0.9 else None,
                    "created_at": at,
                    "updated_at": at,
                    "status": str(pick(rng, {"paid": 0.85, "pending": 0.15}, 1)[0]),
                    "currency": str(pick(rng, {"EUR": 0.8, "USD": 0.15, "GBP": 0.05}, 1)[0]),
                    "subtotal": subtotal,
                    "tax": round(subtotal * 0.19, 2),
                    "shipping": shipping,
                    "total": round(subtotal * 1.19 + shipping, 2),
                    "code": f"SAVE{codes - int(rng.integers(0, 6))}"
                    if rng.random() < 0.15
                    else None,
                    "channel": str(pick(rng, {"web": 0.6, "app": 0.3, "pos": 0.1}, 1)[0]),
                    "name": f"{who['first']} {who['last']}",
                    "city": f"Ort{zipf(rng, cities, 1)[0]}",
                    "country": str(pick(rng, {"DE": 0.75, "AT": 0.15, "CH": 0.1}, 1)[0]),
                }
            )
            self.next_order += 1
            sent = night + int(rng.integers(1, 4))
            self.due.setdefault(sent, []).append((made[-1]["id"], "shipped"))
            self.due.setdefault(sent + int(rng.integers(2, 6)), []).append(
                (made[-1]["id"], "delivered")
            )
            if rng.random() < 0.04:
                self.due.setdefault(sent + int(rng.integers(8, 25)), []).append(
                    (made[-1]["id"], "refunded")
                )
        changed = {}
        for number, status in self.due.pop(night, []):
            at = times(rng, day, 1)[0]
            self.orders[number] = {**self.orders[number], "status": status, "updated_at": at}
            changed[number] = self.orders[number]
        self.orders |= {row["id"]: row for row in made}
        if night < 0:
            return
        rows = list(self.orders.values()) if night == 0 else [*changed.values(), *made]
        of = list(self.orders) if night == 0 else [row["id"] for row in made]
        self.files["shop_orders", day] = pl.DataFrame(rows, infer_schema_length=None)
        self._lines(night, day, of)

    def _lines(self, night: int, day: date, orders: list[int]) -> None:
        rng = self.rng
        of = np.repeat(np.array(orders, dtype=int), rng.integers(1, 4, len(orders)))
        product = zipf(rng, 300 + night, len(of), 0.9)
        price = np.round((5 + product % 83) * self.prices(night) * 1.17, 2)
        quantity = 1 + rng.poisson(0.4, len(of))
        rows = {
            "id": [f"{order}-{n}" for n, order in enumerate(of)],
            "order": of,
            "product": [f"P-{p:05}" for p in product],
            "title": [f"Thing {p % 41} in {['red', 'green', 'blue'][p % 3]}" for p in product],
            "category": [f"c{p % 7}" for p in product],
            "quantity": quantity,
            "price": price,
            "total": np.round(price * quantity, 2),
        }
        self._put("shop_lines", day, rows)

    # ---- the others
    def _web(self, night: int, day: date) -> None:
        rng, n = self.rng, int(self.rng.poisson(1500 * self._level(night)))
        kinds = {
            "page": 50,
            "view": 20,
            "search": 9,
            "cart": 7,
            "checkout": 4,
            "login": 4,
            "signup": 1,
            "share": 0.2,
        }
        self._put(
            "web_events",
            day,
            {
                "id": [f"{a:08x}-{b:08x}" for a, b in rng.integers(0, 2**32, (n, 2))],
                "event": pick(rng, kinds, n),
                "user": [
                    str(5000 + u) if known else None
                    for u, known in zip(zipf(rng, 6000, n, 0.4), rng.random(n) < 0.6, strict=True)
                ],
                "session": [f"s{night}x{s}" for s in rng.integers(0, n // 4 + 1, n)],
                "at": times(rng, day, n),
                "path": [f"/p/{p}" for p in zipf(rng, 300 + night, n, 0.9)],
                "device": pick(
                    rng,
                    {"phone": 0.5 + night / 1000, "desktop": 0.4 - night / 1000, "tablet": 0.1},
                    n,
                ),
                "browser": pick(rng, {"chrome": 60, "safari": 25, "firefox": 10, "edge": 5}, n),
                "country": pick(
                    rng, {"DE": 70, "AT": 14, "CH": 10, "FR": 4, "NL": 1, "PL": 0.7, "DK": 0.3}, n
                ),
            },
        )

    def _crm(self, night: int, day: date) -> None:
        if day.weekday() >= 5:
            return
        rng, n = self.rng, 2000 + 8 * night
        if night == 0:
            self.crm: dict[str, list[Any]] = {
                name: []
                for name in (
                    "id",
                    "email",
                    "phone",
                    "first",
                    "last",
                    "born",
                    "city",
                    "state",
                    "country",
                    "stage",
                    "opt_out",
                    "created_at",
                    "updated_at",
                )
            }
        own = self.crm
        for number in range(len(own["id"]), n):
            who = self.people[number]
            age = int(rng.integers(0, 900)) if night == 0 else int(rng.integers(0, 2))
            made = datetime(day.year, day.month, day.day, 11) - timedelta(
                days=age, minutes=int(rng.integers(0, 600))
            )
            born = (
                date(1950, 1, 1) + timedelta(days=int(rng.integers(0, 19_000)))
                if rng.random() < 0.3
                else None
            )
            given = (
                f"C-{number:06}",
                who["email"],
                f"+49 30 {rng.integers(10**6, 10**7)}" if rng.random() < 0.7 else None,
                who["first"],
                who["last"],
                born,
                who["city"],
                who["state"],
                "DE" if rng.random() < 0.8 else "AT",
                str(pick(rng, {"lead": 5, "customer": 4, "evangelist": 1}, 1)[0]),
                bool(rng.random() < 0.2),
                made,
                made,
            )
            for name, value in zip(own, given, strict=True):
                own[name].append(value)
        for number in rng.integers(0, n, 25):
            own["updated_at"][number] = datetime(day.year, day.month, day.day, 9)
            own["stage"][number] = "customer"
        self._put("crm_contacts", day, {name: list(values) for name, values in own.items()})
        n = int(rng.poisson(9))
        made = times(rng, day, n)
        self._put(
            "crm_deals",
            day,
            {
                "id": [f"{day:%y%m%d}{k}" for k in range(n)],
                "customer": [f"C-{k:06}" for k in rng.integers(0, 2000, n)],
                "stage": pick(rng, {"new": 4, "offer": 3, "won": 2, "lost": 2}, n),
                "amount": np.round(rng.lognormal(8, 1.1, n), 2),
                "owner": [f"u{k}" for k in rng.integers(0, 6, n)],
                "created_at": [
                    at - timedelta(days=int(k))
                    for at, k in zip(made, rng.integers(0, 60, n), strict=True)
                ],
                "updated_at": made,
            },
        )

    def _billing(self, night: int, day: date) -> None:
        rng, n = self.rng, 600 + 3 * night
        if night == 0:
            self.subs: list[dict[str, Any]] = []
        now = datetime(day.year, day.month, day.day, 6)
        for number in range(len(self.subs), n):
            plan = str(pick(rng, {"basic": 5, "plus": 3, "pro": 2}, 1)[0])
            since = now - timedelta(
                days=int(rng.integers(0, 700)) if night == 0 else 0, hours=int(rng.integers(1, 20))
            )
            self.subs.append(
                {
                    "id": f"sub_{number:05}",
                    "customer": f"C-{number:06}",
                    "plan": plan,
                    "status": str(
                        pick(rng, {"active": 80, "trialing": 6, "past_due": 4, "canceled": 10}, 1)[
                            0
                        ]
                    ),
                    "seats": int(1 + rng.poisson(2)),
                    "amount": {"basic": 9.0, "plus": 19.0, "pro": 49.0}[plan] * self.prices(night),
                    "started_at": since,
                    "updated_at": since,
                }
            )
        for number in rng.integers(0, n, 6):
            self.subs[number] |= {
                "status": str(pick(rng, {"active": 9, "canceled": 1}, 1)[0]),
                "updated_at": now,
            }
        self.files["billing_subscriptions", day] = pl.DataFrame(self.subs)
        if day.day == 1 or night == 0:
            paid = pick(rng, {"paid": 95, "open": 5}, n)
            self._put(
                "billing_invoices",
                day,
                {
                    "id": [f"in_{day:%y%m}_{k}" for k in range(n)],
                    "customer": [row["customer"] for row in self.subs],
                    "subscription": [row["id"] for row in self.subs],
                    "status": paid,
                    "total": [row["amount"] * row["seats"] for row in self.subs],
                    "paid": [
                        row["amount"] * row["seats"] if p == "paid" else 0
                        for row, p in zip(self.subs, paid, strict=True)
                    ],
                    "created_at": [now] * n,
                },
            )

    def _survey(self, night: int, day: date) -> None:
        rng, n = self.rng, int(self.rng.poisson(60))
        if day.weekday():
            return
        ago = rng.integers(0, 7, n)
        self._put(
            "survey_nps",
            day,
            {
                "id": [f"r{night}-{k}" for k in range(n)],
                "customer": [f"C-{k:06}" for k in rng.integers(0, 2000, n)],
                "at": [times(rng, day - timedelta(days=int(k)), 1)[0] for k in ago],
                "score": np.minimum(10, rng.poisson(8, n)),
                "comment": [
                    f"text {k} of some words" if rng.random() < 0.4 else None for k in range(n)
                ],
                "channel": pick(rng, {"email": 8, "in_app": 2}, n),
                "language": pick(rng, {"de": 8, "en": 2}, n),
            },
        )

    def _desk(self, night: int, day: date) -> None:
        rng, n = self.rng, int(self.rng.poisson(2.5 * WEEK[day.weekday()]))
        self._put(
            "desk_tickets",
            day,
            {
                "id": [f"{night}{k:02}" for k in range(n)],
                "customer": [str(5000 + k) for k in rng.integers(0, 6000, n)],
                "email": [self.people[k]["email"] for k in rng.integers(0, 6000, n)],
                "subject": [f"about {k} and more" for k in rng.integers(0, 99, n)],
                "priority": pick(rng, {"normal": 7, "high": 2, "urgent": 1}, n),
                "status": pick(rng, {"open": 7, "solved": 3}, n),
                "channel": pick(rng, {"mail": 7, "chat": 3}, n),
                "created_at": times(rng, day, n),
            },
        )

    def _ads(self, night: int, day: date) -> None:
        rng, first = self.rng, night // 14
        channels = [
            (channel, f"{channel}-{first + k}")
            for channel in ("search", "social", "display", "video")
            for k in range(3)
        ]
        seen = np.round(rng.lognormal(8, 0.8, 12)).astype(int)
        self._put(
            "ads_spend",
            day,
            {
                "channel": [c for c, _ in channels],
                "campaign": [c for _, c in channels],
                "day": [day - timedelta(days=1)] * 12,
                "cost": np.round(seen * 0.02, 2),
                "impressions": seen,
                "clicks": rng.binomial(seen, 0.02),
            },
        )

    def _mail(self, night: int, day: date) -> None:
        rng, is_letter = self.rng, day.weekday() == 1
        n, k = int(rng.poisson(40 * self._level(night))), 1500 + 5 * night if is_letter else 0
        campaign = [f"flow-{c}" for c in rng.integers(0, 5, n)] + [f"news-{night // 7}"] * k
        self._put(
            "mail_touches",
            day,
            {
                "id": [f"{night}-{j}" for j in range(n + k)],
                "contact": [f"C-{c:06}" for c in rng.integers(0, 2000, n + k)],
                "at": times(rng, day, n + k),
                "campaign": campaign,
                "kind": np.concatenate(
                    [
                        pick(rng, {"sent": 6, "opened": 3, "clicked": 1}, n),
                        pick(rng, {"sent": 1}, k),
                    ]
                ),
            },
        )
