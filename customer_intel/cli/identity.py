"""Commands about the match model: `identity fit`.

Belongs here: fitting one to a home's own records, and what it would change. Not here: how one is fitted
(identity/matching), which one a night uses (identity/linking/match_model.py).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from customer_intel.cli.lake_tables import tables_of
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
    from customer_intel.core.contract import yaml_lines
    from customer_intel.core.store.lake import Lake, write_bytes
    from customer_intel.core.tables.parameters import room_config
    from customer_intel.identity.explain.new_model import TABLES, changes
    from customer_intel.identity.linking import match_model

    own = existing(home).resolve()
    if Lake(own).current(MODEL) is None:
        raise ConfigError(
            f"{home.name}/ holds no match model yet; run a night first (customer-intel run)"
        )
    tables = tables_of(own, TABLES)
    config = room_config("identity", home)
    party = tables["party_record"]
    before = match_model.in_force(tables[MODEL])
    model = match_model.fitted_to(party, tables["hub_value"], config)
    changed = changes(tables, model, config)
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
