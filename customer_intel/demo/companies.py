"""Simulated companies: the cafés and offices that some of HubSpot's contacts belong to."""

from __future__ import annotations

import random

import polars as pl

from customer_intel.demo import pools
from customer_intel.demo.clock import DAY
from customer_intel.demo.people import ascii_slug

SHARE = 0.12
SCHEMA: dict[str, type[pl.DataType]] = {
    "id": pl.String,
    "name": pl.String,
    "domain": pl.String,
    "industry": pl.String,
    "employees": pl.Int64,
    "city": pl.String,
    "state": pl.String,
    "country": pl.String,
    "created": pl.Int64,
    "modified": pl.Int64,
}


def build(records: pl.DataFrame, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Companies (columns SCHEMA), and the records with `company_ids`, the first one theirs; "" for
    most.

    Who shares a café's mailbox belongs to it. A company is known to HubSpot before its first
    contact is.
    """
    # A stream of its own: companies must not move what persons do.
    rng = random.Random(seed * 6151 + 5)
    hubspot = records.filter(pl.col("source") == "hubspot")
    rows = {
        int(r["person"]): r
        for r in hubspot.unique("person", keep="first", maintain_order=True).to_dicts()
    }
    groups = _groups(rng, rows)
    companies = [_company(rng, k, [rows[i] for i in group]) for k, group in enumerate(groups)]
    company_of = {
        person: str(company["id"])
        for company, group in zip(companies, groups, strict=True)
        for person in group
    }
    ids = [str(company["id"]) for company in companies]
    company_ids = {
        i: f"{own};{rng.choice(ids)}" if rng.random() < 0.05 else own
        for i, own in company_of.items()
    }
    link = pl.DataFrame(
        {
            "source": ["hubspot"] * len(company_ids),
            "person": list(company_ids),
            "company_ids": list(company_ids.values()),
        },
        schema={"source": pl.String, "person": pl.Int64, "company_ids": pl.String},
    )
    joined = records.join(link, on=["source", "person"], how="left", maintain_order="left")
    return pl.DataFrame(companies, schema=SCHEMA, orient="row"), joined.with_columns(
        pl.col("company_ids").fill_null("")
    )


def _groups(rng: random.Random, rows: dict[int, dict[str, object]]) -> list[list[int]]:
    cafes: dict[str, list[int]] = {}
    for person, row in rows.items():
        if "role_mailbox" in str(row["mess"]):
            domain = _domain(row)
            if domain.startswith("cafe"):
                cafes.setdefault(domain, []).append(person)
    groups = [group for _, group in sorted(cafes.items())]
    placed = {person for group in groups for person in group}
    others = [person for person in rows if person not in placed]
    rng.shuffle(others)
    wanted = round(SHARE * len(rows)) - sum(len(group) for group in groups)
    while wanted > 0:
        size = min(wanted, rng.choices([1, 2, 3, 4, 7], [4, 4, 3, 2, 1])[0])
        groups.append([others.pop() for _ in range(size)])
        wanted -= size
    return groups


def _domain(row: dict[str, object]) -> str:
    return str(row["email"]).strip().lower().partition("@")[2]


def _company(rng: random.Random, k: int, members: list[dict[str, object]]) -> dict[str, object]:
    is_cafe = "role_mailbox" in str(members[0]["mess"]) and _domain(members[0]).startswith("cafe")
    kind, industry = rng.choice(pools.COMPANY_KINDS[:2] if is_cafe else pools.COMPANY_KINDS)
    name = f"{rng.choice(pools.STREETS)} {rng.choice(pools.STREETS)} {kind}"
    first = min(members, key=lambda r: int(str(r["created"])))
    created = int(str(first["created"])) - rng.randrange(2 * DAY)
    return {
        "id": str(800_001 + k),
        # a company that was made from an address has a domain and no name
        "name": name if rng.random() < 0.9 else "",
        "domain": _domain(members[0]) if is_cafe else f"{ascii_slug(name)}{k}.example",
        "industry": industry,
        "employees": rng.randrange(len(members), 60),
        "city": first["city"],
        "state": first["state"],
        "country": first["country"],
        "created": created,
        "modified": created + (rng.randrange(1, 200) * DAY if rng.random() < 0.25 else 0),
    }
