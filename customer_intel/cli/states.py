"""What counts, on the screen: the sources' words for states, the currency of sums, who is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.markup import escape

from customer_intel.core.store.lake import Lake

# More words than these of one source and entity are counted, not listed; unknown ones are all
# listed.
LISTED = 12


def words(home: Path, landing: Path) -> list[dict[str, Any]]:
    """source_system, entity, word, n, state, basis of every word: of the last night, else of the
    landed files.

    Judged by the configuration as it is now. Raises ConfigError for a declaration that is wrong.
    """
    from customer_intel.core.contract import load as contract
    from customer_intel.core.tables import parameters
    from customer_intel.facts import states
    from customer_intel.ingest.land.landed_words import landed_words

    config = parameters.room_config("facts", home)
    frame = _frame(home, "state_word")
    counts: dict[tuple[str, str], dict[str, int]] = {}
    if frame is not None and len(frame):
        for row in frame.iter_rows(named=True):
            counts.setdefault((row["source_system"], row["entity"]), {})[row["word"]] = row["n"]
    else:
        found = landed_words(
            home / "config" / "mappings", landing, contract.load().entities, states.STATES
        )
        counts = {key: dict(words) for key, words in found.items()}
    told = []
    for (source, entity), own in sorted(counts.items()):
        for _, _, word, state, basis, n, *_ in states.judged(source, entity, own, config):
            told.append(
                {
                    "source_system": source,
                    "entity": entity,
                    "word": word,
                    "n": n,
                    "state": state,
                    "basis": basis,
                }
            )
    return told


def print_words(told: list[dict[str, Any]], out: Console) -> None:
    """One line a source and entity; a yellow one for each word that nobody declared."""
    if not told:
        return
    out.print(
        "States, as the sources' words are taken (config/facts.yaml: states, to say otherwise):"
    )
    for source, entity in sorted({(row["source_system"], row["entity"]) for row in told}):
        own = [row for row in told if (row["source_system"], row["entity"]) == (source, entity)]
        if [row["basis"] for row in own] == ["absent"]:
            out.print(
                f"  {escape(source)} {entity}: no states; every row counts as {own[0]['state']} "
                f"({own[0]['n']:,})"
            )
            continue
        sound = sorted((row for row in own if row["basis"] != "unknown"), key=lambda row: -row["n"])
        parts = [f"‘{row['word']}’ {row['state']} ({row['n']:,})" for row in sound[:LISTED]]
        parts += [f"{len(sound) - LISTED} more"] if len(sound) > LISTED else []
        if parts:
            out.print(escape(f"  {source} {entity}: {', '.join(parts)}"), soft_wrap=True)
        print_unknown([row for row in own if row["basis"] == "unknown"], out)


def print_unknown(unknown: list[dict[str, Any]], out: Console) -> None:
    """One yellow line for each word that nobody declared, with how many rows have it."""
    for row in unknown:
        word = f"‘{row['word']}’" if row["word"] else "no word"
        rows = f"{row['n']:,} row{'' if row['n'] == 1 else 's'}"
        text = (
            f"{row['source_system']} {row['entity']}: {word} ({rows}) is unknown, so it does "
            "not count; declare it"
        )
        out.print(f"  [yellow]![/] {escape(text)}", soft_wrap=True)


def print_meaning(home: Path, out: Console) -> None:
    """After a night: files that wait for an answer, defaults that touch money or people, and what
    does not count for want of a declaration.
    """
    files = _frame(home, "export_file", "source_file", "status", "reason")
    if files is not None:
        for name, _, why in (
            files.filter(pl.col("status") == "undecided").sort("source_file").rows()
        ):
            out.print(f"  [yellow]![/] {escape(f'{name} was not taken: {why}')}", soft_wrap=True)
    words = _frame(home, "state_word")
    if words is not None:
        print_unknown(
            list(
                words.filter((pl.col("basis") == "unknown") & (pl.col("n") > 0)).iter_rows(
                    named=True
                )
            ),
            out,
        )
        silent = words.filter(
            (pl.col("basis") == "absent") & pl.col("entity").is_in(["orders", "subscriptions"])
        )
        for row in silent.iter_rows(named=True):
            text = (
                f"{row['source_system']} {row['entity']} have no states: each counts as "
                f"{row['state']} ({row['n']:,})"
            )
            out.print(f"  [dim]{escape(text)}[/]", soft_wrap=True)
    used = _frame(home, "currency_use")
    if used is not None and len(used.filter(pl.col("reporting_basis") == "most_amounts")):
        own = used.filter("is_reporting")["currency"][0]
        others = ", ".join(used.filter(~pl.col("is_reporting"))["currency"].sort().to_list())
        text = (
            f"sums are in {own}, which most amounts are in, beside {others}; decide it in "
            "config/company.yaml"
        )
        out.print(f"  [yellow]![/] {escape(text)} (reporting_currency)", soft_wrap=True)
    orders = _frame(home, "order_fact", "currency", "is_sale", "net_reporting")
    if orders is not None:
        lost = orders.filter(pl.col("is_sale") & pl.col("net_reporting").is_null())
        for currency, n in lost.group_by("currency").agg(n=pl.len()).sort("currency").iter_rows():
            text = (
                f"{n:,} orders in {currency} have no rate of their day (fx_rates): no sum holds "
                "them, "
                "nor their customers' other orders"
            )
            out.print(f"  [yellow]![/] {escape(text)}", soft_wrap=True)
    barred = _frame(home, "unprofiled_customer", "customer_id")
    if barred is not None and len(barred):
        text = (
            f"{len(barred):,} customers may not be profiled: left out of segments, stages and "
            "predictions"
        )
        out.print(f"  [dim]{text}[/]", soft_wrap=True)


def _frame(home: Path, name: str, *columns: str) -> pl.DataFrame | None:
    """The table as the lake has it, None when it was never made."""
    lake = Lake(home.resolve())
    if lake.current(name) is None:
        return None
    files = lake.files(name)
    if not files:
        return None
    scan = pl.scan_parquet(files, hive_partitioning=False)
    return (scan.select(columns) if columns else scan).collect()
