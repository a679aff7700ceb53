"""Names of records in comparable form: columns in, columns out.

Belongs here: which column a name stands in, and the columns made of it. Not here: how one name is
read (name_reader.py), how common it is (name_shares.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from customer_intel.identity.records.folding import fold, words
from customer_intel.identity.records.name_reader import RANKED, Name, NameReader
from customer_intel.identity.records.name_sound import name_sound

_PARTS = {
    "first": pl.String,
    "middle": pl.String,
    "given": pl.String,
    "last": pl.String,
    "generation": pl.String,
    "business": pl.String,
    "legal": pl.Boolean,
    "trade": pl.Boolean,
    "n": pl.Int64,
}
ADDED = (
    "first_name_norm",
    "middle_name_norm",
    "given_names_norm",
    "last_name_norm",
    "first_name_sound",
    "last_name_sound",
    "suffix_norm",
    "nickname_root",
    "is_organisation",
    "business_name",
)


def nickname_roots(config: dict[str, Any]) -> dict[str, list[str]]:
    """Every known form of a first name → the roots it may stand for, the form itself first if it is
    one.
    """
    roots: dict[str, set[str]] = {}
    for root, forms in config["nicknames"].items():
        for form in (root, *words(forms)):
            roots.setdefault(form, set()).add(root)
    return {
        form: sorted(found, key=lambda root: (root != form, root))
        for form, found in sorted(roots.items())
    }


def names(frame: pl.DataFrame, config: dict[str, Any]) -> pl.DataFrame:
    """Adds ADDED: the parts of a person's name, or that it is an organisation's.

    Needs first_name, middle_name, last_name, suffix and full_name (read where a part is missing). A
    first name of several words without a last name is read as a full name; 'Last, First' is turned
    round; titles and placeholders are dropped; of several given names the first counts, the second
    is the middle name, and given_names_norm has all of them. business_name is what an organisation
    is called, or a person trades as.
    """
    reader = NameReader(config)
    both = pl.col("first_name").is_not_null() & pl.col("last_name").is_not_null()
    only_last = (
        pl.col("first_name").is_null()
        & pl.col("last_name").is_not_null()
        & pl.col("full_name").is_null()
    )
    work = frame.with_columns(
        _g=pl.when(both).then("first_name"), _f=pl.when(both | only_last).then("last_name")
    )
    work = _joined(work, "_g", reader.first, reader)
    work = _joined(work, "_f", reader.family, reader)
    # The full name says what the columns do not where a title stands for the first name, or the seat
    # of a peer (1st Baron Clifford of Chudleigh) for the last.
    ranked = both & pl.col("full_name").str.to_lowercase().str.contains(RANKED).fill_null(False)
    whole = (
        pl.when(~(both | only_last))
        .then(pl.coalesce("full_name", "first_name", "last_name"))
        .when(pl.col("_gfirst").is_null() | ranked)
        .then("full_name")
    )
    work = _joined(work.with_columns(_w=whole, _ranked=ranked), "_w", reader.whole, reader)
    middle = _read(work["middle_name"], reader.first, reader).select(
        "middle_name", _mfirst="first", _mgiven="given"
    )
    work = work.join(middle, on="middle_name", how="left", maintain_order="left")
    return _combined(work, both, config).drop(pl.selectors.starts_with("_"))


def _joined(
    work: pl.DataFrame, key: str, read: Callable[[str], Name], reader: NameReader
) -> pl.DataFrame:
    table = _read(work[key], read, reader).rename({part: f"{key}{part}" for part in _PARTS})
    return work.join(table, on=key, how="left", maintain_order="left")


def _combined(work: pl.DataFrame, both: pl.Expr, config: dict[str, Any]) -> pl.DataFrame:
    """The columns of names() of what the single columns say."""
    suffixes = {str(form): str(norm) for form, norm in config["name_suffixes"].items()}
    roots = {form: found[0] for form, found in nickname_roots(config).items()}
    flags = [f"{key}{part}" for key in ("_g", "_f", "_w") for part in ("legal", "trade")]
    yes = {flag: pl.col(flag).fill_null(False) for flag in flags}
    # A trade in a column of family names is a family's name, unless more words stand there.
    trades = (yes["_gtrade"] | yes["_ftrade"]) & (
        (pl.col("_gn").fill_null(0) + pl.col("_fn") > 2) | ~both
    )
    is_organisation = (
        yes["_glegal"] | yes["_flegal"] | yes["_wlegal"] | yes["_wtrade"] | trades.fill_null(False)
    )
    written = pl.coalesce(
        "full_name", pl.concat_str("first_name", "last_name", separator=" ", ignore_nulls=True)
    )
    person = ~pl.col("is_organisation")
    work = work.with_columns(is_organisation=is_organisation).with_columns(
        first_name_norm=pl.when(person).then(pl.coalesce("_gfirst", "_wfirst")),
        middle_name_norm=pl.when(person).then(pl.coalesce("_mfirst", "_gmiddle", "_wmiddle")),
        last_name_norm=pl.when(person).then(
            pl.coalesce(pl.when("_ranked").then("_wlast"), "_flast", "_wlast")
        ),
        suffix_norm=pl.coalesce(
            _mapped(work, "suffix", fold).replace_strict(suffixes, default=None),
            "_fgeneration",
            "_wgeneration",
        ),
        given_names_norm=pl.when(person).then(_given_names()),
        business_name=pl.coalesce(
            "_fbusiness", "_wbusiness", pl.when("is_organisation").then(written)
        ),
    )
    return work.with_columns(
        first_name_sound=_mapped(work, "first_name_norm", name_sound),
        last_name_sound=_mapped(work, "last_name_norm", name_sound),
        nickname_root=pl.col("first_name_norm").replace(roots),
    )


def _given_names() -> pl.Expr:
    """All given names, those of the middle name's column last unless they stand there already."""
    given = pl.coalesce("_ggiven", "_wgiven")
    is_said = pl.col("_mfirst") == pl.coalesce("_gmiddle", "_wmiddle")
    return (
        pl.when(given.is_not_null() & pl.col("_mgiven").is_not_null() & ~is_said.fill_null(False))
        .then(given + " " + pl.col("_mgiven"))
        .otherwise(given)
    )


def _mapped(work: pl.DataFrame, column: str, step: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    """`step` of a column, worked out once per distinct value."""
    distinct = work.select(pl.col(column).drop_nulls().unique())
    done = distinct.select(step(pl.col(column)))[column] if len(distinct) else distinct[column]
    return pl.col(column).replace_strict(
        distinct[column], done, default=None, return_dtype=pl.String
    )


def _read(values: pl.Series, read: Callable[[str], Name], reader: NameReader) -> pl.DataFrame:
    """Distinct values of a column of names with _PARTS.

    A name of plain letters that needs no reading (one word, or two of a whole name) is taken as it
    stands; the rest goes through the reader.
    """
    key = values.name
    low = pl.col(key).str.to_lowercase()
    pattern = "^[a-z]{2,} [a-z]{2,}$" if key == "_w" else "^[a-z]{2,}$"
    heads = "|".join(sorted(reader.heads))
    split = low.str.split(" ").list
    table = (
        values.drop_nulls()
        .unique()
        .sort()
        .to_frame()
        .with_columns(_a=split.get(0), _b=split.get(1, null_on_oob=True))
        .with_columns(
            _plain=low.str.contains(pattern)
            & ~pl.any_horizontal(pl.col("_a", "_b").is_in(sorted(reader.special))).fill_null(False)
            & ~low.str.contains(reader.trade_ending.pattern)
            # A long first word may be two names in one; a known one is not.
            & (
                ~low.str.contains(rf"^(?:abd|(?:{heads})[a-z]{{4}})")
                | pl.col("_a").is_in(
                    [n for n, share in reader.first_share.items() if share > 0.0001]
                )
            )
        )
    )
    plain = table.filter("_plain").select(
        key,
        first=pl.col("_a") if key != "_f" else pl.lit(None, pl.String),
        middle=pl.lit(None, pl.String),
        given=pl.col("_a") if key != "_f" else pl.lit(None, pl.String),
        last=pl.col("_a") if key == "_f" else pl.col("_b"),
        generation=pl.lit(None, pl.String),
        business=pl.lit(None, pl.String),
        legal=pl.lit(False),
        trade=pl.lit(False),
        n=pl.lit(2 if key == "_w" else 1, pl.Int64),
    )
    rest = table.filter(~pl.col("_plain"))[key]
    rows = [(text, *_row(read(text), reader)) for text in rest]
    return pl.concat([plain, pl.DataFrame(rows, schema={key: pl.String, **_PARTS}, orient="row")])


def _row(name: Name, reader: NameReader) -> tuple[str | bool | int | None, ...]:
    """A Name as _PARTS; what a form makes people write is none."""

    def known(text: str | None) -> str | None:
        is_name = text and text not in reader.placeholders and any(c.isalpha() for c in text)
        return text if is_name else None

    given = [known(part) for part in name.given] if known(" ".join(name.given)) else []
    return (
        given[0] if given else None,
        given[1] if len(given) > 1 else None,
        " ".join(part for part in given if part) or None,
        known(name.last),
        name.generation,
        name.business,
        name.is_legal,
        name.is_trade,
        name.n_words,
    )
