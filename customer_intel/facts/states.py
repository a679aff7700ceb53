"""The state of a row in one closed vocabulary, whatever word its source writes for it.

Belongs here: the vocabularies, the words that systems use for them (words/*.yaml, and a home's
own), and how they are looked up. Not here: what a state makes of a row's money and days (the SQL of
this room).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import groupby, takewhile
from pathlib import Path
from textwrap import fill
from typing import Any

import polars as pl

from customer_intel.core.contract import yaml_lines as yamlfile
from customer_intel.core.contract.model import PACKAGE, suggestion
from customer_intel.core.contract.yaml_lines import ConfigError, Faults
from customer_intel.core.tables.parameters import place_of

STATES: dict[str, tuple[str, ...]] = {
    "orders": (
        "draft", "placed", "paid", "fulfilled", "cancelled", "failed", "returned", "partly_returned", "credit_note",
        "test", "unknown",
    ),
    "subscriptions": (
        "trial", "active", "past_due", "paused", "free", "unpaid", "ending", "ended", "never_started", "unknown",
    ),
    "payments": (
        "succeeded", "failed", "pending", "refunded", "partly_refunded", "disputed", "cancelled", "unknown",
    ),
    "invoices": ("draft", "open", "paid", "void", "uncollectible", "refunded", "unknown"),
    "tickets": ("open", "pending", "solved", "closed", "deleted", "unknown"),
}  # fmt: skip
# What a row is whose source gives no state to any: a list of orders without states is a list of
# sales.
ABSENT = {
    "orders": "paid",
    "subscriptions": "active",
    "payments": "succeeded",
    "invoices": "open",
    "tickets": "open",
}

WORDS = Path(__file__).resolve().parent / "words"
COMMON = "common"
OWN_FILE = "config/facts.yaml"

_LETTERS = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th"}
)
_GAP = re.compile(r"[\W_]+")


def fold(word: str) -> str:
    """The word as it is compared: lower case, no accents, only letters and digits between single
    spaces, no 'wc-'.
    """
    letters = unicodedata.normalize("NFKD", word.casefold()).translate(_LETTERS)
    bare = "".join(sign for sign in letters if not unicodedata.combining(sign))
    return _GAP.sub(" ", bare).strip().removeprefix("wc ")


def vocabulary(
    config: Mapping[str, Any], source_system: str, entity: str
) -> dict[str, tuple[str, str]]:
    """Folded word → (state, basis) for one source: the home's own words for it, for any, the
    vendor's, the common ones.

    Raises ConfigError with file and line for a state or entity that does not exist, or a word with
    two states.
    """
    vendor = vendor_of(source_system)
    own = _own_words(config)
    layers = [
        (_file(COMMON).get(entity, {}), "common"),
        (_file(vendor).get(entity, {}) if vendor else {}, "vendor"),
    ]
    layers += [(own.get(key, {}), "own") for key in (("", entity), (source_system, entity))]
    return {word: (state, basis) for words, basis in layers for word, state in words.items()}


def validate(config: Mapping[str, Any]) -> None:
    """Raises ConfigError, a line a fault, for words of one's own, or a list of counted states, that
    name no state.
    """
    faults = Faults()
    with faults.gathered():
        _own_words(config)
    for key, entity in (
        ("counted_order_states", "orders"),
        ("counted_subscription_states", "subscriptions"),
    ):
        text = config.get(key, "|paid|" if entity == "orders" else "|active|")
        names = text.strip("|").split("|") if isinstance(text, str) else []
        if not isinstance(text, str) or not (
            text.startswith("|") and text.endswith("|") and all(names)
        ):
            faults.add(f"{place_of(config, key)}: {key} is written |like|this|, not {text!r}")
            continue
        for name in names:
            if name not in STATES[entity]:
                hint = suggestion(name, STATES[entity])
                faults.add(
                    f"{place_of(config, key)}: {key}: '{name}' is no state of {entity}{hint}"
                )
    currency = config.get("reporting_currency", "auto")
    if currency != "auto" and not (
        isinstance(currency, str) and re.fullmatch("[A-Za-z]{3}", currency)
    ):
        faults.add(
            f"{place_of(config, 'reporting_currency')}: reporting_currency is auto or a code such "
            f"as EUR, not {currency!r}"
        )
    faults.raise_any()


def vendor_of(source_system: str) -> str | None:
    """The vendor's file that serves the source: `shopify` serves shopify, shopify_uk and
    shopify-uk.
    """
    name = source_system.lower()
    serving = [
        vendor
        for vendor in vendors()
        if name == vendor or name.startswith((f"{vendor}_", f"{vendor}-"))
    ]
    return max(serving, key=len, default=None)


@lru_cache(maxsize=1)
def vendors() -> tuple[str, ...]:
    """The vendors whose words for states are known."""
    return tuple(path.stem for path in sorted(WORDS.glob("*.yaml")) if path.stem != COMMON)


def state_word(
    raw_orders: pl.LazyFrame,
    raw_subscriptions: pl.LazyFrame,
    raw_payments: pl.LazyFrame,
    raw_invoices: pl.LazyFrame,
    raw_tickets: pl.LazyFrame,
    orders: pl.LazyFrame,
    subscriptions: pl.LazyFrame,
    payments: pl.LazyFrame,
    invoices: pl.LazyFrame,
    tickets: pl.LazyFrame,
    config: dict[str, Any],
    schema: pl.Schema,
) -> pl.DataFrame:
    """One row per source, entity and word ever exported ('' for none): its state, and the current
    rows that have it.

    Raises ConfigError as `vocabulary` does.
    """
    frames = {
        "orders": (raw_orders, orders),
        "subscriptions": (raw_subscriptions, subscriptions),
        "payments": (raw_payments, payments),
        "invoices": (raw_invoices, invoices),
        "tickets": (raw_tickets, tickets),
    }
    # A wrong declaration is told even where no row would need it.
    validate(config)
    counted = pl.collect_all([_words(entity, *pair) for entity, pair in frames.items()])
    rows: list[tuple[Any, ...]] = []
    for found in counted:
        for (source, entity), group in groupby(found.iter_rows(), key=lambda row: (row[0], row[1])):
            rows += judged(source, entity, {word: n for _, _, word, n in group}, config)
    return pl.DataFrame(rows, schema=schema, orient="row").sort("source_system", "entity", "word")


def page() -> str:
    """docs/states.md: what the words of the shipped mappings are taken for, and how a home declares
    its own.
    """
    counted = _counted()
    parts = [_ABOUT, "| entity | counted | not counted |\n|---|---|---|\n"]
    for entity, states in STATES.items():
        rest = [state for state in states if state not in counted.get(entity, ())]
        parts.append(
            f"| {entity} | {', '.join(counted.get(entity, ())) or '–'} | {', '.join(rest)} |\n"
        )
    shipped = _shipped()
    for vendor in vendors():
        entities = [
            entity for entity in STATES if (vendor, entity) in shipped and entity in _file(vendor)
        ]
        if entities:
            parts.append(f"\n## {vendor}\n\n{fill(_heading(vendor), 120)}\n\n")
            parts.append(
                "| entity | the source's words | taken for | counted |\n|---|---|---|---|\n"
            )
            parts += [row for entity in entities for row in _page_rows(vendor, entity, counted)]
    others = [
        vendor for vendor in vendors() if not any((vendor, entity) in shipped for entity in STATES)
    ]
    silent = sorted({source for source, entity in shipped if vendor_of(source) is None})
    for paragraph in _OTHERS:
        parts.append(
            f"\n{fill(paragraph.format(others=', '.join(others), silent=', '.join(silent)), 120)}\n"
        )
    return "".join([*parts, _ENDING])


def _words(entity: str, raw: pl.LazyFrame, current: pl.LazyFrame) -> pl.LazyFrame:
    """source_system, entity, word, n: every word of the exports, counted in the current table."""
    word = pl.col("status").cast(pl.String).fill_null("").alias("word")
    ever = raw.select("source_system", word).unique().with_columns(n=pl.lit(0, pl.Int64))
    now = (
        current.select("source_system", word)
        .group_by("source_system", "word")
        .agg(n=pl.len().cast(pl.Int64))
    )
    return (
        pl.concat([ever, now])
        .group_by("source_system", "word")
        .agg(pl.col("n").sum())
        .select("source_system", pl.lit(entity).alias("entity"), "word", "n")
        .sort("source_system", "word")
    )


def judged(
    source: str, entity: str, counts: dict[str, int], config: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    """The rows of one source and entity."""
    known = vocabulary(config, source, entity)
    is_silent = not any(fold(word) for word in counts)
    states: dict[str, tuple[str, str]] = {}
    for word in counts:
        if is_silent:
            states[word] = known.get("", (ABSENT[entity], "absent"))
        else:
            states[word] = known.get(fold(word), ("unknown", "unknown"))
    total = max(sum(counts.values()), 1)
    unknown = sum(n for word, n in counts.items() if states[word][1] == "unknown") / total
    is_beyond = unknown > config["unknown_states_max_share"]
    return [
        (
            source,
            entity,
            word,
            *states[word],
            n,
            round(n / total, 9),
            is_beyond and states[word][1] == "unknown",
        )
        for word, n in counts.items()
    ]


def _own_words(config: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, str]]:
    """(source, '' for any; entity) → folded word → state, of the home's own declaration."""
    own: dict[tuple[str, str], dict[str, str]] = {}
    states = config["states"]
    lines = getattr(states, "lines", {})
    faults = Faults()
    for key, words in states.items():
        source, _, entity = key.rpartition(".")
        where = f"{OWN_FILE}:{lines[key]}" if key in lines else place_of(config, "states", "facts")
        with faults.gathered():
            _check_entity(entity, f"{where}: states")
            if not isinstance(words, Mapping):
                raise ConfigError(
                    f"{where}: states: '{key}' needs 'word: state' pairs, such as {{Abgelegt: "
                    f"cancelled}}"
                )
            word_lines = getattr(words, "lines", {})
            pairs = (
                (word, state, f"{OWN_FILE}:{word_lines[word]}" if word in word_lines else where)
                for word, state in words.items()
            )
            own[source, entity] = _folded(entity, pairs)
    faults.raise_any()
    return own


@lru_cache(maxsize=128)
def _file(name: str) -> dict[str, dict[str, str]]:
    """entity → folded word → state, of one shipped file."""
    return read_words(WORDS / f"{name}.yaml")


def read_words(path: Path) -> dict[str, dict[str, str]]:
    """entity → folded word → state, of a file of `entity: {state: [words]}`. Raises ConfigError
    with file and line.
    """
    document = yamlfile.load(path)
    found: dict[str, dict[str, str]] = {}
    for entity, states in document.items():
        where = f"{path.name}:{document.lines[entity]}"
        _check_entity(entity, where)
        if not isinstance(states, yamlfile.Mapping) or not all(
            isinstance(words, list) for words in states.values()
        ):
            raise ConfigError(f"{where}: '{entity}' needs 'state: [words]' pairs")
        pairs = (
            (word, state, f"{path.name}:{states.lines[state]}")
            for state, words in states.items()
            for word in words
        )
        found[entity] = _folded(entity, pairs)
    return found


def _folded(entity: str, pairs: Iterable[tuple[Any, Any, str]]) -> dict[str, str]:
    """Folded word → state of (word, state, place) triples, each of them checked."""
    known = STATES[entity][:-1]
    words: dict[str, str] = {}
    faults = Faults()
    for word, state, where in pairs:
        if state not in known:
            faults.add(
                f"{where}: '{state}' is not a state of {entity} "
                f"({', '.join(known)}){suggestion(str(state), known)}"
            )
            continue
        if not isinstance(word, str):
            faults.add(f"{where}: {word!r} under '{state}' is not text; put the word in quotes")
            continue
        before = words.setdefault(fold(word), state)
        if before != state:
            faults.add(
                f"{where}: '{word}' of {entity} is both {before} and {state}; leave it with one "
                "of them"
            )
    faults.raise_any()
    return words


def _check_entity(entity: str, where: str) -> None:
    if entity not in STATES:
        raise ConfigError(
            f"{where}: '{entity}' is not one of {', '.join(STATES)}{suggestion(entity, STATES)}"
        )


def _shipped() -> set[tuple[str, str]]:
    """(source, entity) of the shipped mappings whose rows have a state."""
    folder = PACKAGE / "ingest" / "vendors"
    mappings = [yamlfile.load(path) for path in sorted(folder.rglob("*.yaml"))]
    return {
        (mapping["source"], mapping["entity"])
        for mapping in mappings
        if mapping["entity"] in STATES
    }


def _counted() -> dict[str, list[str]]:
    """entity → the states that count, as shipped."""
    config = yamlfile.load(PACKAGE / "config.yaml")
    settings = {"orders": "counted_order_states", "subscriptions": "counted_subscription_states"}
    return {
        entity: str(config[setting]).strip("|").split("|") for entity, setting in settings.items()
    }


def _heading(vendor: str) -> str:
    """What the vendor's file says of itself at its top."""
    lines = (WORDS / f"{vendor}.yaml").read_text(encoding="utf-8").splitlines()
    return " ".join(
        line.lstrip("# ") for line in takewhile(lambda line: line.startswith("#"), lines)
    )


def _page_rows(vendor: str, entity: str, counted: Mapping[str, list[str]]) -> list[str]:
    spelled: Mapping[str, list[str]] = yamlfile.load(WORDS / f"{vendor}.yaml")[entity]
    told = {state: "yes" if state in counted.get(entity, ()) else "no" for state in spelled}
    return [
        (
            f"| {entity} | {', '.join(words)} | {state} | "
            f"{told[state] if entity in counted else '–'} "
            "|\n"
        )
        for state, words in spelled.items()
    ]


_ABOUT = """\
# States

Every source writes the state of an order, subscription, payment, invoice or ticket in words of its own. Each word is
taken for one state of a closed vocabulary (table `state_word`); revenue counts the orders, recurring revenue the
subscriptions, that stand in a counted state (`counted_order_states`, `counted_subscription_states`).

"""

_OTHERS = (
    "## Other sources",
    "The words of {others} are known too: for mappings of your own whose `source` is that name, "
    "or begins with it and "
    "`_` or `-`. Any other source's words are looked up among the common words of eight languages "
    "(`customer_intel/facts/words/common.yaml`). Case, accents and punctuation do not matter.",
    "Sources that give no state at all list sales: orders are paid, subscriptions active, "
    "payments succeeded, invoices "
    "and tickets open (shipped: {silent}). Where other rows of the source have a word, a row "
    "without one is unknown.",
)

_ENDING = """
## Words of your own

In `config/facts.yaml`, for one source or for all. They go before the vendor's words, and those before the common ones.

```yaml
states:
  shop.orders: {Abgelegt: cancelled, "1": paid, "": paid}   # "" is a row without a word
  tickets: {Parked: pending}
```

## Unknown words

A word that nobody declared, or that may be counted as well as not (such as "approved"), is unknown: its rows are not
counted, and a warning names the word and how many rows have it. Above `unknown_states_max_share` of a source's rows the
gate closes and nothing is published, until the words are declared.
"""
