"""Commands about the match model: `identity fit`.

Belongs here: fitting one to a home's own records, and what it would change. Not here: how one is fitted
(identity/matching), which one a night uses (identity/linking/match_model.py).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from customer_intel.cli.screen import HomeOption, JsonOption, existing, out
from customer_intel.core.contract.yaml_lines import ConfigError

MODEL = "match_model"
# Weights that move less are not told, in bits.
LEAST_MOVE = 0.5


def fit(
    home: HomeOption = Path("data"),
    adopt: Annotated[
        bool,
        typer.Option(
            "--adopt", help="Write config/match_model.yaml: the next night uses the model."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Fits a match model to the home's own records and says what it would change; nothing changes without --adopt.

    Raises ConfigError when no night has run.
    """
    import polars as pl

    from customer_intel.core.contract import load as contract
    from customer_intel.core.contract import yaml_lines
    from customer_intel.core.store.lake import Lake, write_bytes
    from customer_intel.core.tables.parameters import room_config
    from customer_intel.identity.linking import match_model
    from customer_intel.identity.linking.match_edge import clusters_of, match_edge

    lake, contracts = Lake(existing(home).resolve()), contract.load()
    if lake.current(MODEL) is None:
        raise ConfigError(
            f"{home.name}/ holds no match model yet; run a night first (customer-intel run)"
        )

    def rows(name: str) -> pl.DataFrame:
        empty = pl.DataFrame(contracts.table(name).arrow_schema.empty_table())
        return pl.concat([empty, *map(pl.read_parquet, lake.files(name))])

    party, hubs, today = rows("party_record"), rows("hub_value"), rows("record_customer_map")
    config = room_config("identity", home)
    before = match_model.in_force(rows(MODEL))
    model = match_model.fitted_to(party, hubs, config)
    row = pl.DataFrame(
        {"valid_to": [None], "model_json": [json.dumps(model.as_dict())]},
        schema_overrides={"valid_to": pl.Date},
    )
    pairs = match_edge(party, hubs, rows("party_value"), row, rows("identity_overrides"), config)
    now = clusters_of(party["record_key"], pairs).select("record_key", "cluster")
    changed = _changed(today.filter(pl.col("valid_to").is_null()), now)
    summary: dict[str, Any] = {
        "model_version": model.version, "in_force": before.version, "n_records": len(party), **changed,
        "is_first_name_veto": model.is_veto, "is_birth_date_veto": model.is_birth_veto, "adopted": adopt,
    }  # fmt: skip
    if adopt:
        path = home / "config" / f"{MODEL}.yaml"
        path.parent.mkdir(exist_ok=True)
        write_bytes(path, yaml_lines.dumped(model.as_dict(), sort_keys=False).encode())
    if as_json:
        print(json.dumps(summary, indent=1))
        return
    out.print(
        f"A model fitted to {len(party):,} records: {model.version} (in force: {before.version})."
    )
    out.print(
        f"With it {changed['joined']:,} pairs of customers would become one, and {changed['parted']:,} customers would "
        f"fall apart: {changed['customers_before']:,} customers become {changed['customers_after']:,}."
    )
    for name, bits, was in _weights(model.weights, before.weights):
        out.print(f"  [dim]{name}: {was:+.1f} → {bits:+.1f} bits[/]")
    out.print(
        f"[green]✓[/] {MODEL}.yaml written to {home.name}/config/: the next night uses it"
        if adopt
        else "Nothing was changed; --adopt has the next night use it. A night that changes more than "
        "its limits allow stops: list its date in accepted_nights."
    )


def _changed(today: Any, now: Any) -> dict[str, int]:
    """How many customers would become one with others, or fall apart."""
    import polars as pl

    both = today.join(now, on="record_key")
    by_cluster = both.group_by("cluster").agg(n=pl.col("customer_id").n_unique())
    by_customer = both.group_by("customer_id").agg(n=pl.col("cluster").n_unique())
    return {
        "joined": int((by_cluster["n"] - 1).sum()),
        "parted": by_customer.filter(pl.col("n") > 1).height,
        "customers_before": both["customer_id"].n_unique(),
        "customers_after": both["cluster"].n_unique(),
    }


def _weights(now: Any, before: Any, most: int = 8) -> list[tuple[str, float, float]]:
    """The levels whose weights differ most: what it says, bits now, bits before."""
    from customer_intel.identity.matching.comparison_levels import COMPARISONS

    moved = [
        (f"{comparison.name}, {text}", now[comparison.name][level], before[comparison.name][level])
        for comparison in COMPARISONS
        for level, (text, _, _) in enumerate(comparison.levels, 1)
        if comparison.is_evidence
    ]
    moved = [item for item in moved if abs(item[1] - item[2]) >= LEAST_MOVE]
    return sorted(moved, key=lambda item: -abs(item[1] - item[2]))[:most]
