"""Names of records in comparable form: columns in, columns out.

Belongs here: which column a name stands in, and the columns made of it. Not here: how one name is
read (name_reader.py), how common it is (name_shares.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import polars as pl

from customer_intel.identity.records import latin
from customer_intel.identity.records.folding import fold, words
from customer_intel.identity.records.name_reader import (
    BODY_OF,
    END_FORM,
    FAMILY_FIRM,
    ODD,
    PATRONYMIC,
    RANKED,
    Name,
    NameReader,
)
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
Read = Callable[[str, list[str], bool], Name]
_LETTER = re.compile(r"[^\W\d_]")
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


def _joined(work: pl.DataFrame, key: str, read: Read, reader: NameReader) -> pl.DataFrame:
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


def _read(values: pl.Series, read: Read, reader: NameReader) -> pl.DataFrame:
    """Distinct values of a column of names with _PARTS.

    A name of plain words that needs no reading (one, or up to three of a whole name) is taken as it
    stands; the rest goes through the reader.
    """
    key = values.name
    part = {"_f": "last", "_w": "whole"}.get(key, "first")
    table = _told(values.drop_nulls().unique().sort(), part, reader)
    plain, rest = table.filter("_is_plain"), table.filter(~pl.col("_is_plain"))
    none = pl.lit(None, pl.String)
    second, third = (
        pl.col("_words").list.get(1, null_on_oob=True),
        pl.col("_words").list.get(2, null_on_oob=True),
    )
    given = pl.col("_words").list.get(0)
    middle = pl.when(third.is_not_null()).then(second)
    is_family = part == "last"
    done = plain.select(
        key,
        first=none if is_family else given,
        middle=none if is_family else middle,
        given=none if is_family else pl.concat_str(given, middle, separator=" ", ignore_nulls=True),
        last=given if is_family else pl.coalesce(third, second),
        generation=none,
        business=none,
        legal="_legal",
        trade="_trade",
        n="_n",
    )
    asked = rest.select(key, "_text", "_words", "_is_odd", "_legal", "_trade", "_n")
    rows = [
        (text, *_row(read(told, found, is_odd), reader, legal, trade), n)
        for text, told, found, is_odd, legal, trade, n in asked.iter_rows()
    ]
    return pl.concat([done, pl.DataFrame(rows, schema={key: pl.String, **_PARTS}, orient="row")])


def _told(distinct: pl.Series, part: str, reader: NameReader) -> pl.DataFrame:
    """What can be said of names a column at a time: their words, whether one is of a business, and
    whether the words can be taken as they stand (_is_plain).
    """
    key = distinct.name
    table = distinct.to_frame().with_columns(
        _text=latin.folded(pl.col(key).str.replace_all(r"(?i)\bm\.?ª\.?", "maria "))
    )
    foreign = table.filter(pl.col(key).str.contains(latin.OTHER_SCRIPT))[key]
    if len(foreign):
        spelled = [latin.name_in_latin(text, part) for text in foreign]
        own = pl.DataFrame(
            {key: foreign, "_own": spelled}, schema={key: pl.String, "_own": pl.String}
        )
        table = table.join(own, on=key, how="left", maintain_order="left").with_columns(
            _text=pl.coalesce("_own", "_text")
        )
    tidy = (
        pl.col("_text")
        .str.replace_all(r"[’`´]", "'")
        .str.replace_all(r"\b([a-z]{2,4})\.(r?a|ssa)\b", "$1$2")
        .str.replace_all(r"[^\p{L}\p{N}'\-]+", " ")
        .str.replace_all(r"(?:^| )['\-]+|['\-]+(?: |$)", " ")
        .str.replace_all(" +", " ")
        .str.strip_chars(" ")
    )

    def says(words: Iterable[str]) -> pl.Expr:
        return pl.col("_tidy").str.contains(rf"(?:^| )(?:{'|'.join(sorted(words))})(?: |$)")

    table = (
        table.with_columns(_tidy=tidy)
        .with_columns(
            _words=pl.when(pl.col("_tidy") != "")
            .then(pl.col("_tidy").str.split(" "))
            .otherwise([]),
            _is_odd=pl.col("_text").str.contains(ODD),
            _legal=says(reader.legal) | pl.col(key).str.contains(END_FORM),
            _trade=says(reader.trade)
            | pl.col("_tidy").str.contains(rf"\w{{2}}(?:{reader.trade_endings})(?:$|[ \-])")
            | pl.col("_text").str.contains(FAMILY_FIRM)
            | pl.col("_tidy").str.contains(BODY_OF),
        )
        .with_columns(_n=pl.col("_words").list.len().cast(pl.Int64))
    )
    pattern = "^[a-z]{2,} [a-z]{2,}(?: [a-z]{2,})?$" if part == "whole" else "^[a-z]{2,}$"
    second = pl.col("_words").list.get(1, null_on_oob=True)
    head = pl.col("_words").list.get(0, null_on_oob=True)
    third = pl.col("_words").list.get(2, null_on_oob=True)
    common = [name for name, share in reader.first_share.items() if share > 0.0001]
    heads = "|".join(sorted(reader.heads))
    return table.with_columns(
        _is_plain=pl.col("_tidy").str.contains(pattern)
        & ~pl.col("_is_odd")
        & ~says(reader.special)
        # A long first word may be two names in one; a known one is not.
        & (~head.str.contains(rf"^(?:abd|(?:{heads})[a-z]{{4}})") | head.is_in(common))
        # Three words: García Márquez, Ivan Ivanovich, Ann Annemarie.
        & (
            third.is_null()
            | ~(
                second.is_in(sorted(reader.two_family))
                | third.str.contains(PATRONYMIC)
                | (second.str.contains(rf"^(?:{heads})[a-z]{{4}}") & ~second.is_in(common))
            )
        )
    )


def _row(name: Name, reader: NameReader, legal: bool, trade: bool) -> tuple[str | bool | None, ...]:
    """A Name as _PARTS; what a form makes people write is none."""

    def known(text: str | None) -> str | None:
        return text if text and text not in reader.placeholders and _LETTER.search(text) else None

    given = [known(part) for part in name.given] if known(" ".join(name.given)) else []
    return (
        given[0] if given else None,
        given[1] if len(given) > 1 else None,
        " ".join(part for part in given if part) or None,
        known(name.last),
        name.generation,
        name.business,
        # Of who trades as a business only the person's own part counts.
        legal if name.business is None else name.is_legal,
        trade and name.business is None,
    )
