"""Groups that hang together pair by pair, split where they do not: average linkage, never across a veto."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

# On average, records of one person must not speak against each other by more than this many bits.
CUT = -4.0


def split(groups: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """id, part, confidence. `groups`: id, component; `pairs`: every pair i < j inside them with bits and is_vetoed.

    Average linkage on bits: the two parts whose pairs speak for each other most are joined first, until they speak
    against each other by more than CUT; parts with a vetoed pair are never joined. confidence: the chance that the
    record belongs with the rest of its part, from its mean bits to them; 1 of a part of one.
    """
    component = pairs.join(groups.rename({"id": "i"}), on="i")
    whole = component.group_by("component").agg(is_whole=(pl.col("bits") >= 0).all() & ~pl.col("is_vetoed").any())
    torn = component.join(whole.filter(~pl.col("is_whole")), on="component", how="semi").sort("component", "i", "j")
    parts = [
        (record, smallest)
        for _, rows in torn.group_by("component", maintain_order=True)
        for smallest, records in _agglomerated(rows.select("i", "j", "bits", "is_vetoed").iter_rows())
        for record in records
    ]
    found = pl.DataFrame(parts, schema={"id": pl.Int64, "own": pl.Int64}, orient="row")
    placed = groups.join(found, on="id", how="left").select(
        "id", part=pl.coalesce("own", pl.col("id").min().over("component"))
    )
    return placed.join(_confidence(placed, pairs), on="id", how="left").with_columns(
        pl.col("confidence").fill_null(1.0)
    )


def _agglomerated(rows: Iterator[tuple[int, int, float, bool]]) -> Iterator[tuple[int, list[int]]]:
    """(smallest record, records) of each part of one group."""
    total: dict[tuple[int, int], float] = {}
    barred: set[tuple[int, int]] = set()
    parts: dict[int, list[int]] = {}
    for i, j, bits, is_vetoed in rows:
        total[i, j] = bits
        parts.setdefault(i, [i])
        parts.setdefault(j, [j])
        if is_vetoed:
            barred.add((i, j))
    while True:
        open_pairs = [
            (bits / (len(parts[a]) * len(parts[b])), -a, -b) for (a, b), bits in total.items() if (a, b) not in barred
        ]
        best = max(open_pairs, default=(CUT - 1, 0, 0))
        if best[0] < CUT:
            break
        kept, gone = -best[1], -best[2]
        for other in parts:
            if other in (kept, gone):
                continue
            one, two = (min(kept, other), max(kept, other)), (min(gone, other), max(gone, other))
            total[one] += total.pop(two)
            if two in barred:
                barred.add(one)
        total.pop((kept, gone))
        parts[kept] += parts.pop(gone)
    for smallest in sorted(parts):
        yield smallest, sorted(parts[smallest])


def _confidence(placed: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    part = placed.select("id", "part")
    same = (
        pairs.join(part.rename({"id": "i"}), on="i")
        .join(part.rename({"id": "j", "part": "part_j"}), on="j")
        .filter(pl.col("part") == pl.col("part_j"))
    )
    both = pl.concat([same.select(id="i", bits="bits"), same.select(id="j", bits="bits")])
    mean = both.group_by("id").agg(pl.col("bits").mean())
    return mean.select("id", confidence=(1 / (1 + (-pl.col("bits").clip(-40, 40) * 0.6931471805599453).exp())).round(6))
