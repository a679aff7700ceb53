"""Harbor & Pine: a seeded coffee company (shop, subscription, app) that writes raw exports, and the
truth behind them.

`simulate` writes exports in the vendors' shapes, dirt included; `poison` adds one bad export for a
test of the gates. Same arguments, same bytes. Everything is fictional: reserved domains and phone
ranges only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from customer_intel.demo import companies, export_ads, oddities, people, segment
from customer_intel.demo import landing as files
from customer_intel.demo import truth as known
from customer_intel.demo.exports import Exporter
from customer_intel.demo.mess import Dirt
from customer_intel.demo.poison import POISONS, poison
from customer_intel.demo.world import simulate_world

__all__ = ["POISONS", "Summary", "poison", "sample", "simulate"]

END = date(2026, 6, 30)
# A stream of draws per part, seeded by its place: a change of one part moves no other. New ones go
# last.
STREAMS = ("world", "events", "exports", "dirt", "billing", "till", "rates", "ads")


@dataclass(frozen=True)
class Summary:
    """What was written: export dates, rows of each file (by path below landing), how often each
    kind of dirt.
    """

    dates: list[date]
    customers: int
    events: int
    orders: int  # the shop's
    rows: dict[str, int] = field(default_factory=dict)
    mess: dict[str, int] = field(default_factory=dict)


def simulate(
    landing: Path,
    *,
    customers: int = 1500,
    days: int = 365,
    seed: int = 7,
    end: date = END,
    truth: Path | None = None,
    nights: int = 1,
) -> Summary:
    """Write `landing/<source>/<export date>/…` for the last `nights` dates up to `end`, and the
    truth if wanted.

    The first date's exports hold all history before it, the later ones what the day before changed.
    Raises ValueError when there is no history left before the first night.
    """
    if customers < 1 or nights < 1 or days <= nights:
        raise ValueError(
            f"customers and nights must be at least 1 and days more than nights: {customers=} "
            f"{nights=} {days=}"
        )
    streams = {name: np.random.default_rng([seed, k]) for k, name in enumerate(STREAMS)}
    world = simulate_world(streams, customers, days, end)
    persons, records, spelling = people.build(world, seed)
    firms, records = companies.build(records, seed)
    events, devices = segment.events(streams["events"], world, records)
    exporter = Exporter(world, persons, records, firms, streams["exports"])
    dirt = Dirt(streams["dirt"])
    dirt.kinds.update({f"identity_{kind}": n for kind, n in sorted(spelling.items())})
    dirt.kinds.update(oddities.counts(world))
    spent = export_ads.spend(events, streams["ads"])
    dates = [end - timedelta(days=nights - 1 - k) for k in range(nights)]
    for night in range(nights):
        files.write_night(landing, exporter, events, dates, night, dirt)
        files.write_spend(landing, spent, dates, night, dirt)
    if truth is not None:
        settings = {
            "customers": customers,
            "days": days,
            "seed": seed,
            "end": str(end),
            "nights": nights,
        }
        known.write(truth, world, records, firms, devices, dirt, settings)
    rows = {name: counts["rows"] for name, counts in sorted(dirt.files.items())}
    n_events = sum(n for name, n in rows.items() if name.startswith("segment/"))
    return Summary(
        dates, customers, n_events, len(world.orders), rows, dict(sorted(dirt.kinds.items()))
    )


def sample(folder: Path) -> Summary:
    """The small exports that are kept in the repository under data/sample, to look at."""
    # With this seed no small file has so large a share of spoilt rows that it is refused whole.
    return simulate(folder / "landing", customers=40, days=120, seed=9)
