"""Vetoes: what speaks against two records being one person.

Records that agree in everything a veto looks at share a *signature*; vetoes are judged once per
pair of signatures that meet.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from customer_intel.identity.records.normalise import nickname_roots

# In the order in which a reason is reported when several hold.
REASONS = ("user_id", "first_name", "birth_date", "generation", "organisation", "gender")

_COMPARED = {
    "first": pl.col("first_name_norm"),
    "middle": pl.col("middle_name_norm"),
    "last": pl.col("last_name_norm"),
    "generation": pl.col("suffix_norm"),
    "born": pl.when(~pl.col("is_birth_date_weak")).then(pl.col("birth_date_norm")),
    "gender": pl.col("gender_norm"),
    "organisation": pl.col("is_organisation").fill_null(False),
}


def signatures(
    party: pl.DataFrame, hubs: pl.DataFrame, apart: pl.DataFrame, config: dict[str, Any]
) -> pl.DataFrame:
    """record_key, signature and what the vetoes look at, sorted by record_key.

    A record that a person's decision keeps apart (`apart`: record_key) has a signature of its own,
    so that the decision binds it alone.
    """
    hub_logins = hubs.filter(pl.col("identifier_type") == "user_id")["value_norm"]
    logins_are_unique = "user" in config["duplicate_free_namespaces"]
    login = pl.col("external_user_id")
    frame = party.select(
        "record_key",
        **_COMPARED,
        login=pl.when(pl.lit(logins_are_unique) & ~login.is_in(hub_logins.implode())).then(login),
        own=pl.when(pl.col("record_key").is_in(apart["record_key"].implode())).then("record_key"),
    ).sort("record_key")
    compared = [*_COMPARED, "login", "own"]
    return frame.with_columns(signature=pl.struct(compared).rank("dense").cast(pl.Int64))


def compare(pairs: pl.DataFrame, signed: pl.DataFrame, config: dict[str, Any]) -> pl.DataFrame:
    """`pairs` of signatures (a, b) with veto (the first reason, or null) and how the names compare.

    is_first_other, is_last_other: both are known and differ. is_named: both first names are known.
    is_generation_open: one is a Jr or Sr, of the other nothing is said.
    """
    facts = signed.unique("signature", keep="first", maintain_order=True).drop("record_key", "own")
    both = pairs.join(
        facts.rename({name: f"{name}_a" for name in facts.columns if name != "signature"}),
        left_on="a",
        right_on="signature",
        how="left",
        maintain_order="left",
    ).join(
        facts.rename({name: f"{name}_b" for name in facts.columns if name != "signature"}),
        left_on="b",
        right_on="signature",
        how="left",
        maintain_order="left",
    )
    both = _with_first_names(both, config)
    both = _with_last_names(both, config)
    a, b = _sides("born")
    parts = sum(
        (getattr(a.dt, part)() != getattr(b.dt, part)()).cast(pl.Int8)
        for part in ("year", "month", "day")
    )
    # 03-04 and 04-03 are one date in two notations.
    is_day_month_swap = (
        (a.dt.year() == b.dt.year()) & (a.dt.month() == b.dt.day()) & (a.dt.day() == b.dt.month())
    )
    person_a, person_b = (
        pl.coalesce(f"first_{side}", f"last_{side}").is_not_null() for side in "ab"
    )
    org_a, org_b = _sides("organisation")
    reasons = {
        "user_id": _differ("login"),
        "first_name": ~pl.col("first_fits"),
        "birth_date": (parts >= 2) & ~is_day_month_swap,
        "generation": _differ("generation"),
        "organisation": (org_a & person_b) | (org_b & person_a),
        "gender": _differ("gender") & _differ("first"),
    }
    return both.select(
        *pairs.columns,
        veto=pl.coalesce(
            pl.when(reasons[name].fill_null(False)).then(pl.lit(name)) for name in REASONS
        ),
        is_first_other=~pl.col("first_fits"),
        is_last_other=~pl.col("last_fits"),
        is_generation_open=pl.col("generation_a").is_null() != pl.col("generation_b").is_null(),
        is_named=pl.col("first_a").is_not_null() & pl.col("first_b").is_not_null(),
    )


def _sides(name: str) -> tuple[pl.Expr, pl.Expr]:
    return pl.col(f"{name}_a"), pl.col(f"{name}_b")


def _differ(name: str) -> pl.Expr:
    a, b = _sides(name)
    return (a != b).fill_null(False)


def _with_first_names(both: pl.DataFrame, config: dict[str, Any]) -> pl.DataFrame:
    roots = nickname_roots(config)
    # Last names too: where the parts are swapped, the first name stands there.
    name_columns = ("first_a", "first_b", "last_a", "last_b")
    names = pl.concat([both[name] for name in name_columns]).drop_nulls().unique().sort()
    table = pl.DataFrame(
        {"name": names, "roots": [roots.get(name, [name]) for name in names]},
        schema={"name": pl.String, "roots": pl.List(pl.String)},
    )
    for name in name_columns:
        both = both.join(
            table.rename({"name": name, "roots": f"roots_{name}"}),
            on=name,
            how="left",
            maintain_order="left",
        )
    a, b = _sides("first")
    last_a, last_b = _sides("last")
    middle_a, middle_b = _sides("middle")
    initial = ((a.str.len_chars() == 1) & b.str.starts_with(a)) | (
        (b.str.len_chars() == 1) & a.str.starts_with(b)
    )
    is_middle_name = (a == middle_b) | (b == middle_a)
    swapped = ((a == last_b) & _one_root("first_b", "last_a")) | (
        (b == last_a) & _one_root("first_a", "last_b")
    )
    # A single word is as often a last name as a first.
    is_single_word = (last_a.is_null() & (a == last_b)) | (last_b.is_null() & (b == last_a))
    nickname = _one_root("first_a", "first_b")
    fits = pl.any_horizontal(
        term.fill_null(False)
        for term in (
            a.is_null() | b.is_null() | (a == b),
            initial,
            nickname,
            is_middle_name,
            swapped,
            is_single_word,
        )
    )
    both = both.with_columns(first_fits=fits, is_swapped=swapped.fill_null(False))
    return _or_similar(both, "first", config["first_name_similarity"])


def _one_root(a: str, b: str) -> pl.Expr:
    """The same first name, or forms of one."""
    return pl.col(f"roots_{a}").list.set_intersection(f"roots_{b}").list.len() > 0


def _with_last_names(both: pl.DataFrame, config: dict[str, Any]) -> pl.DataFrame:
    a, b = _sides("last")
    common = _pieces(a).list.set_intersection(_pieces(b)).list.len() > 0
    fits = pl.any_horizontal(
        term.fill_null(False)
        for term in (a.is_null() | b.is_null() | (a == b), common, pl.col("is_swapped"))
    )
    return _or_similar(both.with_columns(last_fits=fits), "last", config["last_name_similarity"])


def _pieces(name: pl.Expr) -> pl.Expr:
    """The parts of a compound last name that are long enough to mean something."""
    return (
        name.str.replace_all("-", " ").str.split(" ").list.filter(pl.element().str.len_chars() > 3)
    )


def _or_similar(both: pl.DataFrame, name: str, enough: float) -> pl.DataFrame:
    """`<name>_fits` also where the spellings are similar (Jaro-Winkler), judged once per pair of
    spellings.
    """
    from rapidfuzz.distance import JaroWinkler

    columns = [f"{name}_a", f"{name}_b"]
    open_pairs = both.filter(~pl.col(f"{name}_fits")).select(columns).unique()
    similar = [JaroWinkler.normalized_similarity(a, b) >= enough for a, b in open_pairs.iter_rows()]
    judged = open_pairs.with_columns(pl.Series("similar", similar, pl.Boolean))
    joined = both.join(judged, on=columns, how="left", maintain_order="left")
    return joined.with_columns(
        (pl.col(f"{name}_fits") | pl.col("similar").fill_null(False)).alias(f"{name}_fits")
    ).drop("similar")
