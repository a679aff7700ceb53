"""The golden record: of each field, which source's value a customer shows, and how far each source
is to be trusted.

Belongs here: what the sources say (statements), how often they agree (source_trust), who wins
(provenance). Not here: the customer's row itself; it takes the winners' values from the party
records (profiles/customer.sql).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from customer_intel.core.contract.model import suggestion
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.identity.records import normalise

RULES = ("score", "source_priority", "most_recent", "most_frequent", "verified_first", "union")
SEPARATOR = "|"
_OWNER = ["customer_id", "value"]


@dataclass(frozen=True)
class GoldenField:
    """How one field is read from a party record.

    `value`: comparable form, null where the record says nothing. `doubts`: configured reasons
    (golden_validity) to believe the value less, and when they hold. `parts`: what a record that
    says only a part of the value may say of it; `is_part` tells such records. `hubs`: the kind of
    identifying value whose hub values count as shared.
    """

    value: pl.Expr
    doubts: Mapping[str, pl.Expr] = field(default_factory=dict)
    is_part: pl.Expr = field(default_factory=lambda: pl.lit(False))
    parts: tuple[pl.Expr, ...] = ()
    hubs: str | None = None
    is_verified: pl.Expr = field(default_factory=lambda: pl.lit(False))
    is_list: bool = False


def _joined(*values: str) -> pl.Expr:
    return pl.concat_str(*(pl.col(value) for value in values), separator=" ", ignore_nulls=True)


def _plain(column: str) -> GoldenField:
    return GoldenField(value=normalise.fold(pl.col(column)))


_NAMED = pl.coalesce("first_name", "last_name", "full_name").is_not_null()
_WHOLE_NAME = pl.col("first_name_norm").is_not_null() & pl.col("last_name_norm").is_not_null()
_SHOWN_NAME = pl.coalesce(_joined("first_name", "last_name").replace("", None), pl.col("full_name"))
_WITHOUT_STREET = normalise.address_key(pl.lit("-"), pl.col("postal_code"), pl.col("city"))
_PLACE = pl.coalesce(_WITHOUT_STREET, normalise.fold(pl.col("street")))
_E164 = pl.coalesce("mobile_e164", "phone_e164")
_DIGITS = pl.coalesce("mobile_phone", "phone").str.replace_all(r"\D", "").str.slice(-9)

FIELDS: dict[str, GoldenField] = {
    "email": GoldenField(
        value=pl.col("email_norm"),
        doubts={
            "role_mailbox": pl.col("is_role_mailbox"),
            "unverified_email": pl.col("email_verified").not_().fill_null(True),
        },
        hubs="email",
        is_verified=pl.col("email_verified"),
    ),
    # A number without country code equals another source's number when the digits are equal.
    "phone": GoldenField(
        value=pl.coalesce(_E164, _DIGITS),
        doubts={"unreadable_phone": _E164.is_null()},
        is_part=_E164.is_null(),
        parts=(_E164.str.slice(-9),),
        hubs="phone",
    ),
    # Bob and Robert are one name; so which of them is shown is no conflict.
    "name": GoldenField(
        value=pl.when(_NAMED).then(
            pl.coalesce(
                _joined("nickname_root", "last_name_norm").replace("", None),
                normalise.fold(_SHOWN_NAME),
            )
        ),
        doubts={
            "placeholder_name": pl.col("first_name_norm").is_null()
            & pl.col("last_name_norm").is_null(),
            "part_of_name": ~_WHOLE_NAME,
            "unparted_name": _WHOLE_NAME
            & pl.any_horizontal(pl.col("first_name", "last_name").is_null()),
            "one_case_name": (_SHOWN_NAME.str.to_uppercase() == _SHOWN_NAME)
            | (_SHOWN_NAME.str.to_lowercase() == _SHOWN_NAME),
        },
        is_part=~_WHOLE_NAME,
        parts=(pl.col("nickname_root"), pl.col("last_name_norm")),
    ),
    "address": GoldenField(
        value=pl.coalesce("address_key", _PLACE),
        doubts={"part_of_address": pl.col("address_key").is_null()},
        is_part=pl.col("address_key").is_null(),
        parts=(_PLACE,),
    ),
    "country": GoldenField(value=pl.coalesce("country_code", normalise.fold(pl.col("country")))),
    "birth_date": GoldenField(
        value=pl.col("birth_date_norm").cast(pl.String),
        doubts={"weak_date": pl.col("is_birth_date_weak")},
    ),
    "gender": GoldenField(value=pl.col("gender_norm")),
    # en-US and en are one language.
    "language": GoldenField(value=normalise.fold(pl.col("language")).str.extract(r"^(\p{L}+)")),
    "job_title": _plain("job_title"),
    "department": _plain("department"),
    "seniority": _plain("seniority"),
    "account": GoldenField(
        value=pl.coalesce(
            "company_norm", pl.concat_str("source_system", "account_id", separator=":")
        ),
        doubts={"company_without_account": pl.col("account_id").is_null()},
    ),
    "interests": GoldenField(
        value=normalise.fold(pl.col("interests").str.replace_all(SEPARATOR, " ", literal=True)),
        is_list=True,
    ),
}


# ---- what the sources say
def statements(party: pl.DataFrame, name: str) -> pl.DataFrame:
    """What each record says of one field: customer_id, source_system, record_key, known_at, value,
    doubts, flags.

    `party`: party records with customer_id. Parts of a value ("Anna", a city) count as the whole
    value that another record of the customer says, where it fits one.
    """
    spec = FIELDS[name]
    stated = party.select(
        "customer_id",
        "source_system",
        "record_key",
        "is_reference_only",
        known_at=pl.coalesce("updated_at", "last_seen_at"),
        value=spec.value,
        is_verified=spec.is_verified.fill_null(False),
        is_part=spec.is_part.fill_null(False),
        **{f"part_{place}": part for place, part in enumerate(spec.parts)},
        **{f"doubt {doubt}": when.fill_null(False) for doubt, when in spec.doubts.items()},
        **({"listed": pl.col(name)} if spec.is_list else {}),
    ).filter(pl.col("value").is_not_null() & (pl.col("value") != ""))
    if spec.parts and stated["is_part"].any():
        wholes = stated.filter(~pl.col("is_part"))
        parts = pl.concat(
            wholes.select("customer_id", part=f"part_{place}", whole="value")
            for place in range(len(spec.parts))
        )
        parts = parts.drop_nulls().group_by("customer_id", "part").agg(pl.col("whole").min())
        stated = stated.join(
            parts.with_columns(is_part=pl.lit(True)),
            left_on=["customer_id", "value", "is_part"],
            right_on=["customer_id", "part", "is_part"],
            how="left",
            maintain_order="left",
        ).with_columns(value=pl.coalesce("whole", "value"))
    return stated


def of_today(party_record: pl.LazyFrame, record_customer_map: pl.LazyFrame) -> pl.DataFrame:
    """What fields are read from of party records, with the customer they belong to today."""
    read = {"record_key", "source_system", "is_reference_only", "updated_at", "last_seen_at"}
    for name, spec in FIELDS.items():
        said = (spec.value, *spec.doubts.values(), spec.is_part, *spec.parts, spec.is_verified)
        read.update(*(expression.meta.root_names() for expression in said))
        read.update([name] if spec.is_list else [])
    today = (
        record_customer_map.lazy()
        .filter(pl.col("valid_to").is_null())
        .select("record_key", "customer_id")
    )
    party = party_record.lazy().select(sorted(read))
    return party.join(today, on="record_key").collect().sort("record_key")


def _numbered(party: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """The records with their customers as numbers in the order of the ids, which sort and join at a
    fraction of what ids cost, and the ids by number.
    """
    ids = party["customer_id"].unique().sort()
    numbers = pl.DataFrame({"customer_id": ids}).with_row_index("number")
    numbered = party.join(numbers, on="customer_id", how="left", maintain_order="left")
    return numbered.with_columns(customer_id=pl.col("number")).drop("number"), ids


# ---- how far each source can be trusted
def source_trust(
    party_record: pl.LazyFrame, record_customer_map: pl.LazyFrame, config: dict[str, Any]
) -> pl.DataFrame:
    """One row per source and field: the owner's prior, how often the other sources agree, and what
    follows.

    Leave-one-out: a source's latest value for a customer agrees when it is what most of the
    customer's other sources say (one source, one vote; a tie that its own vote would settle counts
    for it). Trust is the mean of the Beta posterior whose prior is worth source_trust_prior_weight
    comparisons; low and high hold 95 % of it. Raises ConfigError for a prior outside (0, 1).
    """
    from scipy.special import betaincinv

    party, _ = _numbered(of_today(party_record, record_customer_map))
    counted = [
        _agreements(statements(party, name)).with_columns(field=pl.lit(name)) for name in FIELDS
    ]
    rows = pl.concat(counted).sort("source_system", "field")
    prior = [
        _prior(source, name, config)
        for source, name in rows.select("source_system", "field").iter_rows()
    ]
    weight = float(config["source_trust_prior_weight"])
    rows = rows.with_columns(prior=pl.Series(prior, dtype=pl.Float64)).with_columns(
        a=pl.col("prior") * weight + pl.col("n_agreed"),
        b=(1 - pl.col("prior")) * weight + pl.col("n_compared") - pl.col("n_agreed"),
    )
    a, b = rows["a"].to_numpy(), rows["b"].to_numpy()
    return rows.with_columns(
        trust=(pl.col("a") / (pl.col("a") + pl.col("b"))).round(6),
        low=pl.Series(betaincinv(a, b, 0.025), dtype=pl.Float64).round(6),
        high=pl.Series(betaincinv(a, b, 0.975), dtype=pl.Float64).round(6),
    ).select(
        "source_system",
        "field",
        "prior",
        "n_statements",
        "n_compared",
        "n_agreed",
        "trust",
        "low",
        "high",
    )


def _agreements(stated: pl.DataFrame) -> pl.DataFrame:
    told = stated.select("customer_id", "source_system").unique()
    counts = told.group_by("source_system").agg(n_statements=pl.len().cast(pl.Int64))
    # A customer of one source has nobody to agree with.
    compared = told.group_by("customer_id").agg(n=pl.len()).filter(pl.col("n") > 1)
    latest = (
        stated.join(compared.select("customer_id"), on="customer_id", how="semi")
        .sort(
            ["customer_id", "source_system", "known_at", "record_key"],
            descending=[False, False, True, False],
        )
        .unique(["customer_id", "source_system"], keep="first", maintain_order=True)
    )
    votes = latest.group_by(_OWNER).agg(k=pl.len())
    most = votes.group_by("customer_id").agg(
        most=pl.col("k").max(), n_most=(pl.col("k") == pl.col("k").max()).sum()
    )
    judged = latest.join(votes, on=_OWNER).join(most, on="customer_id")
    # Leave-one-out: without its own vote the value is tied for most frequent; with it, it is the
    # only one.
    agrees = (pl.col("k") >= 2) & (pl.col("k") == pl.col("most")) & (pl.col("n_most") == 1)
    agreed = judged.group_by("source_system").agg(
        n_compared=pl.len().cast(pl.Int64), n_agreed=agrees.sum().cast(pl.Int64)
    )
    return counts.join(agreed, on="source_system", how="left").with_columns(
        pl.col("n_compared", "n_agreed").fill_null(0)
    )


def _prior(source: str, name: str, config: dict[str, Any]) -> float:
    priors = config["source_trust_prior"]
    value = priors.get(f"{source}.{name}", priors.get(source, priors["default"]))
    # At 0 or 1 no evidence could change the owner's mind.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
        raise ConfigError(
            f"config/identity.yaml: source_trust_prior of {source} ({name}) must lie between 0 "
            "and 1, both excluded"
        )
    return float(value)


# ---- which value wins
def profile_field_provenance(
    party_record: pl.LazyFrame,
    record_customer_map: pl.LazyFrame,
    source_trust: pl.DataFrame,
    hub_value: pl.DataFrame,
    as_of: date,
    config: dict[str, Any],
) -> pl.DataFrame:
    """One row per customer and field that any record fills: where the shown value comes from and
    how clear that was.

    A statement weighs trust × 2^(−age / half-life) × validity; a value scores its heaviest
    statement × the share of the customer's sources that say it. The field's rule (golden_rules)
    orders the values; its score breaks ties. Raises ConfigError for a rule that does not exist or
    does not fit its field.
    """
    _check(config)
    party, ids = _numbered(of_today(party_record, record_customer_map))
    found = []
    for name in FIELDS:
        trust = source_trust.filter(pl.col("field") == name).select("source_system", "trust")
        stated = statements(party, name).join(
            trust, on="source_system", how="left", maintain_order="left"
        )
        weighed = _weighed(stated, name, hub_value, as_of, config)
        found.append(_decided(weighed, name, config))
    decided = pl.concat(found).sort("customer_id", "field")
    return decided.with_columns(customer_id=ids.gather(decided["customer_id"]))


def _check(config: dict[str, Any]) -> None:
    for name, rule in config["golden_rules"].items():
        where = f"config/identity.yaml: golden_rules: {name}"
        if name not in FIELDS:
            raise ConfigError(f"{where} is no field of the golden record{suggestion(name, FIELDS)}")
        if rule not in RULES:
            raise ConfigError(
                f"{where}: '{rule}' is not one of {', '.join(RULES)}{suggestion(str(rule), RULES)}"
            )
        if rule == "union" and not FIELDS[name].is_list:
            lists = ", ".join(other for other, spec in FIELDS.items() if spec.is_list)
            raise ConfigError(
                f"{where}: union fits fields that hold lists ({lists}); a customer has one {name}"
            )
        if rule == "source_priority" and not config["golden_source_priority"].get(name):
            raise ConfigError(
                f"{where}: source_priority needs the sources in order, golden_source_priority: "
                f"{name}"
            )


def _weighed(
    stated: pl.DataFrame, name: str, hub_value: pl.DataFrame, as_of: date, config: dict[str, Any]
) -> pl.DataFrame:
    """Statements with their weight, what their value scores, and how many of the customer's sources
    say it.
    """
    spec, validity = FIELDS[name], config["golden_validity"]
    half_life = float(
        config["golden_half_life_days"].get(name, config["golden_half_life_days"]["default"])
    )
    hubs = hub_value.filter(pl.col("identifier_type") == (spec.hubs or ""))["value_norm"]
    doubts = {doubt: pl.col(f"doubt {doubt}") for doubt in spec.doubts}
    doubts |= {
        "reference_only": pl.col("is_reference_only"),
        "shared_value": pl.col("value").is_in(hubs.implode()),
    }
    valid = pl.lit(1.0)
    for doubt, when in doubts.items():
        valid = valid * pl.when(when).then(float(validity[doubt])).otherwise(1.0)
    age = (
        (pl.lit(as_of, pl.Date) - pl.col("known_at").cast(pl.Date))
        .dt.total_days()
        .clip(lower_bound=0)
    )
    weighed = stated.with_columns(
        # Rounded, so that equal weights tie whatever order they were computed in.
        weight=(pl.col("trust") * pl.lit(2.0).pow(-age / half_life) * valid).round(9),
        valid=valid,
    ).filter(pl.col("valid") > 0)
    sources = weighed.group_by("customer_id").agg(
        n_sources=pl.col("source_system").n_unique(),
        n_records=pl.len(),
        n_values=pl.col("value").n_unique(),
    )
    values = weighed.group_by(_OWNER).agg(
        n_agreeing=pl.col("source_system").n_unique(),
        n_saying=pl.len(),
        heaviest=pl.col("weight").max(),
        newest=pl.col("known_at").max(),
    )
    support = pl.col("n_agreeing") / pl.col("n_sources")
    return (
        weighed.join(values, on=_OWNER)
        .join(sources, on="customer_id")
        .with_columns(field_score=(pl.col("heaviest") * support).round(9))
    )


def _decided(weighed: pl.DataFrame, name: str, config: dict[str, Any]) -> pl.DataFrame:
    rule = config["golden_rules"].get(name, "score")
    listed = config["golden_source_priority"].get(name, [])
    rank = pl.col("source_system").replace_strict(
        {source: place for place, source in enumerate(listed)},
        default=len(listed),
        return_dtype=pl.Int64,
    )
    first = {
        "source_priority": -rank,
        "most_recent": pl.col("known_at"),
        "most_frequent": pl.col("n_saying").cast(pl.Int64),
        "verified_first": pl.col("is_verified").cast(pl.Int64),
    }.get(rule, pl.lit(0, pl.Int64))
    # First the values in order, of equals the newer one; then the records that say it, the
    # weightiest first.
    order = ["first", "field_score", "newest", "value", "weight", "known_at", "record_key"]
    ranked = weighed.with_columns(first=first).sort(
        ["customer_id", *order], descending=[False, True, True, True, False, True, True, False]
    )
    winners = ranked.unique("customer_id", keep="first", maintain_order=True)
    runners_up = (
        ranked.join(
            winners.select("customer_id", won="value"), on="customer_id", maintain_order="left"
        )
        .filter(pl.col("value") != pl.col("won"))
        .unique("customer_id", keep="first", maintain_order=True)
        .select("customer_id", runner_up_source="source_system", second_score="field_score")
    )
    lists = pl.DataFrame(schema={"customer_id": pl.UInt32, "united_value": pl.String})
    if rule == "union":
        lists = _united(weighed)
    is_close = pl.col("second_score") >= pl.col("field_score") * float(
        config["golden_conflict_share"]
    )
    counts = ("n_records", "n_sources", "n_agreeing", "n_values")
    return (
        winners.join(runners_up, on="customer_id", how="left", maintain_order="left")
        .join(lists, on="customer_id", how="left", maintain_order="left")
        .select(
            "customer_id",
            pl.lit(name).alias("field"),
            pl.lit(rule).alias("golden_rule"),
            "source_system",
            "record_key",
            "known_at",
            "trust",
            "field_score",
            "runner_up_source",
            (pl.col("field_score") - pl.col("second_score").fill_null(0.0))
            .round(9)
            .alias("score_margin"),
            *(pl.col(column).cast(pl.Int64) for column in counts),
            (is_close.fill_null(False) & pl.lit(rule != "union")).alias("is_conflict"),
            "united_value",
        )
    )


def _united(weighed: pl.DataFrame) -> pl.DataFrame:
    """Every item of a customer's lists once, in the order of the alphabet; spellings of one item
    count as one.
    """
    return (
        weighed.select("customer_id", item=pl.col("listed").str.split(SEPARATOR))
        .explode("item")
        .with_columns(item=pl.col("item").str.strip_chars(), folded=normalise.fold(pl.col("item")))
        .drop_nulls("folded")
        .sort("customer_id", "folded", "item")
        .unique(["customer_id", "folded"], keep="first", maintain_order=True)
        .group_by("customer_id", maintain_order=True)
        .agg(united_value=pl.col("item").str.join(SEPARATOR))
    )
