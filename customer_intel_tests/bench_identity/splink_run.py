"""Splink set up as its own documentation does it. Run by the interpreter of an environment that has
`splink` 5: python splink_run.py RECORDS.parquet PAIRS.parquet --setting demo

RECORDS: record_key and any of FIELDS, all text. PAIRS: a, b, weight (bits) of every pair predicted
at `--least` or more. Printed: one line of JSON. What the settings are: see SETTINGS.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
import warnings
from pathlib import Path
from typing import Any

FIELDS = (
    "first_name", "middle", "surname", "dob", "email", "phone", "id_number", "number", "street", "address", "city",
    "postcode", "gender", "birth_place", "occupation",
)  # fmt: skip

# Settings as its demonstrations have them ("deduplicate 50k", "febrl3", "pseudopeople-acs"), each
# with what differs:
#   demo       joint name, date of birth, email, postcode; term frequencies; blocks of the 50k demo
#   parts      first and last name apart (NameComparison), as in its febrl3 demo
#   household  the address as one field, and pairs whose first names cannot be one left out
#   slips      Damerau-Levenshtein on dates and numbers, wider on names: for lists full of typos
#   household_slips  both
#   capped     training on a sample without term frequencies, few narrow blocks: for a million
CAPPED = 100_000  # pairs that one training looks at
SETTINGS = ("demo", "parts", "household", "slips", "household_slips", "capped")

_WIDE = [
    ("substr(first_name,1,3)", "substr(surname,1,4)"), ("surname", "dob"), ("first_name", "dob"),
    ("postcode", "first_name"), ("postcode", "surname"), ("dob", "birth_place"), ("substr(postcode,1,3)", "dob"),
    ("substr(postcode,1,3)", "first_name"), ("substr(postcode,1,3)", "surname"),
    ("substr(first_name,1,2)", "substr(surname,1,2)", "substr(dob,1,4)"),
    ("email",), ("phone",), ("id_number",), ("address", "substr(first_name,1,1)"), ("dob", "city"), ("dob", "gender"),
    ("first_name", "surname"), ("surname", "city"), ("first_name", "city"), ("first_name", "address"),
    ("surname", "address"), ("surname", "street"), ("first_name", "street"), ("surname", "number"),
    ("first_name", "number"), ("dob",), ("substr(email,1,6)",), ("street", "number"),
    ("first_name", "substr(dob,6,5)"), ("surname", "substr(dob,1,4)"), ("first_name", "substr(dob,1,4)"),
    ("first_name",), ("surname",),
]  # fmt: skip
_NARROW = [
    ("email",), ("phone", "first_name"), ("first_name", "surname", "postcode"), ("dob", "surname"),
    ("dob", "first_name"), ("address", "first_name"), ("id_number",),
]  # fmt: skip
_SURE = [
    ("first_name", "surname", "dob"), ("dob", "postcode"), ("email",), ("id_number",),
    ("first_name", "surname", "address"), ("substr(first_name,1,2)", "surname", "substr(postcode,1,3)"),
]  # fmt: skip
_TRAIN = [("first_name", "surname"), ("dob",), ("address",), ("email",), ("id_number",)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("records")
    parser.add_argument("pairs")
    parser.add_argument("--setting", choices=SETTINGS, default="demo")
    parser.add_argument("--every-pair", action="store_true", help="block 1=1: few records only")
    parser.add_argument("--least", type=float, default=-10, help="bits from which pairs are told")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="3GB", help="DuckDB's limit")
    parser.add_argument("--max-pairs", type=float, default=1e7, help="of the u-estimation")
    print(json.dumps(run(parser.parse_args())))


def run(told: argparse.Namespace) -> dict[str, Any]:
    import duckdb
    from splink import Linker, SettingsCreator, block_on
    from splink.backends.duckdb import DuckDBAPI

    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    started, cpu = time.perf_counter(), time.process_time()
    con = duckdb.connect(config={"threads": told.threads, "memory_limit": told.memory})
    con.execute(
        "CREATE TABLE people AS SELECT *, first_name || ' ' || surname AS first_surname FROM read_parquet(?)",
        [told.records],
    )
    columns = {
        name for (name,) in con.execute("SELECT column_name FROM (DESCRIBE people)").fetchall()
    }
    said = {name for name in FIELDS if name in columns and _count(con, f'count("{name}")')}
    blocks = ["1=1"] if told.every_pair else _blocks(con, said, told.setting)
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record_key",
        comparisons=_comparisons(con, said, told.setting),
        blocking_rules_to_generate_predictions=[
            block if isinstance(block, str) else block_on(*block) for block in blocks
        ],
        retain_intermediate_calculation_columns=False,
        retain_matching_columns=False,
    )
    api = DuckDBAPI(connection=con)
    linker = Linker(api.register("people"), settings)
    training = linker.training
    is_capped = told.setting == "capped"
    sure = [rule for rule in _SURE if _are_said(rule, said) and _pairs_of(con, rule)]
    training.estimate_probability_two_random_records_match(
        [block_on(*rule) for rule in (sure[:3] if is_capped else sure)] or [block_on("dob")],
        recall=0.7,
    )
    training.estimate_u_using_random_sampling(max_pairs=told.max_pairs, seed=1)
    capped = {"max_pairs": CAPPED} if is_capped else {}
    trained = [rule for rule in _TRAIN if _are_said(rule, said) and _pairs_of(con, rule) > 20]
    for rule in trained[:3]:
        training.estimate_parameters_using_expectation_maximisation(
            block_on(*rule), estimate_without_term_frequencies=True, **capped
        )
    predicted = linker.inference.predict(threshold_match_weight=told.least)
    pairs = f"""SELECT record_key_l AS a, record_key_r AS b, match_weight AS weight
        FROM {predicted.physical_name}"""
    if told.setting.startswith("household"):
        pairs = f"""SELECT a, b, weight FROM ({pairs}) JOIN people l ON l.record_key = a
            JOIN people r ON r.record_key = b WHERE NOT coalesce({_VETO}, false)"""
    con.execute(f"COPY ({pairs}) TO '{told.pairs}' (FORMAT parquet)")
    return {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - cpu,
        "comparisons": con.execute(f"SELECT count(*) FROM read_parquet('{told.pairs}')").fetchall()[0][0],
        "blocks": [block if isinstance(block, str) else " + ".join(block) for block in blocks],
        "peak_mb": _peak_mb(),
    }  # fmt: skip


# Both first names known, unlike, and neither the other's initial.
_VETO = """
    jaro_winkler_similarity(l.first_name, r.first_name) < 0.8
    AND NOT (least(length(l.first_name), length(r.first_name)) = 1 AND l.first_name[1] = r.first_name[1])
"""


def _comparisons(con: Any, said: set[str], setting: str) -> list[Any]:
    import splink.comparison_library as cl

    frequent = setting != "capped"

    def exact(name: str) -> Any:
        return cl.ExactMatch(name).configure(term_frequency_adjustments=frequent)

    slips = setting in ("slips", "household_slips")
    is_british = (
        "postcode" in said
        and _count(
            con,
            r"count(*) FILTER (regexp_matches(postcode, '^[a-z]{1,2}\d{1,2}[a-z]? \d[a-z]{2}$'))",
        )
        > _count(con, "count(postcode)") / 2
    )
    offered: dict[str, Any] = {
        "dob": cl.DamerauLevenshteinAtThresholds("dob", [1, 2, 3])
        if slips
        else cl.DateOfBirthComparison("dob", input_is_string=True),
        "email": cl.EmailComparison("email"),
        "phone": cl.DamerauLevenshteinAtThresholds("phone", [1, 2]),
        "id_number": cl.DamerauLevenshteinAtThresholds("id_number", [1, 2]),
        "number": exact("number"),
        "street": cl.JaroWinklerAtThresholds("street", [0.9, 0.8]).configure(
            term_frequency_adjustments=frequent
        ),
        "address": cl.JaroWinklerAtThresholds("address", [0.97, 0.92, 0.85]).configure(
            term_frequency_adjustments=frequent
        ),
        "city": cl.JaroWinklerAtThresholds("city", [0.9]).configure(term_frequency_adjustments=frequent)
        if slips
        else exact("city"),
        "postcode": cl.PostcodeComparison("postcode")
        if is_british
        else cl.DamerauLevenshteinAtThresholds("postcode", [1, 2])
        if slips
        else exact("postcode"),
        "middle": exact("middle"),
        "gender": exact("gender"),
        "birth_place": exact("birth_place"),
        "occupation": exact("occupation"),
    }  # fmt: skip
    # One joint address, or its parts: never both.
    is_joint = "address" in said and setting in ("household", "household_slips", "capped")
    left_out = {"street", "number"} if is_joint else {"address"}
    chosen = [
        comparison for name, comparison in offered.items() if name in said and name not in left_out
    ]
    if setting in ("parts", "slips", "household_slips"):
        names = [
            cl.NameComparison(name).configure(term_frequency_adjustments=True)
            for name in ("first_name", "surname")
        ]
    else:
        names = [
            cl.ForenameSurnameComparison(
                "first_name",
                "surname",
                forename_surname_concat_col_name="first_surname" if frequent else None,
            )
        ]
    return names + chosen


def _blocks(con: Any, said: set[str], setting: str) -> list[tuple[str, ...]]:
    """Those whose columns are said and that make no flood of pairs."""
    records = _count(con, "count(*)")
    most = 10 * records if setting == "capped" else max(20 * records, 2_000_000)
    offered = _NARROW if setting == "capped" else _WIDE
    return [
        block for block in offered if _are_said(block, said) and 0 < _pairs_of(con, block) <= most
    ]


def _are_said(rule: tuple[str, ...], said: set[str]) -> bool:
    return {part.removeprefix("substr(").split(",")[0] for part in rule} <= said


def _pairs_of(con: Any, rule: tuple[str, ...]) -> int:
    parts = ", ".join(rule)
    there = " AND ".join(f"{part} IS NOT NULL" for part in rule)
    return int(
        con.execute(
            f"""SELECT coalesce(sum(n * (n - 1) / 2), 0) FROM
            (SELECT count(*)::DOUBLE AS n FROM people WHERE {there} GROUP BY {parts})"""
        ).fetchall()[0][0]
    )


def _count(con: Any, what: str) -> int:
    return int(con.execute(f"SELECT {what} FROM people").fetchall()[0][0])


def _peak_mb() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


if __name__ == "__main__":
    main()
