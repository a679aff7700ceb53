"""tables.yaml and columns.yaml of every room, read into the contract. Each fault names file and line.

Belongs here: reading, and what may not stand in these files. Not here: what the contract then is
(model.py), whether SQL agrees with it (core/tables/compile.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import Any, NamedTuple, get_args

from customer_intel.core.contract import yaml_lines as yamlfile
from customer_intel.core.contract.metrics_yaml import read_metrics, unknown_entities
from customer_intel.core.contract.model import (
    MAY_BE_EMPTY,
    OF_ENTITIES,
    PACKAGE,
    STAMPS,
    Column,
    Contract,
    Expectation,
    Incremental,
    Metric,
    Profile,
    Table,
    suggestion,
)
from customer_intel.core.contract.parsing import parsed, word_list
from customer_intel.core.contract.yaml_lines import ConfigError, Faults


def load(package: Path = PACKAGE) -> Contract:
    """Every room's tables.yaml under `package`. Raises ConfigError naming file and line."""
    return _load(package)


class Declared(NamedTuple):
    """A column and the file and line that declare it, for tables of one `room` or ('') of all."""

    column: Column
    room: str
    where: str


def declared(package: Path = PACKAGE) -> dict[str, Declared]:
    """Every column of columns.yaml by name, of the rooms' own by room/name: what an export calls a
    value is not what a metric does. Raises ConfigError naming file and line.
    """
    found: dict[str, Declared] = {}
    faults = Faults()
    for path in (package / "columns.yaml", *sorted(package.glob("*/columns.yaml"))):
        file = path.relative_to(package).as_posix()
        room = "" if path.parent == package else path.parent.name
        document = yamlfile.Mapping()
        with faults.gathered():
            document = yamlfile.load(path, file)
        for name, entry in document.items():
            where = f"{file}:{document.lines[name]}"
            if name in found:
                faults.add(
                    f"{where}: column '{name}' is declared in {found[name].where} too, for all "
                    "rooms; take this line out, or name the column otherwise"
                )
                continue
            with faults.gathered():
                key = f"{room}/{name}" if room else name
                found[key] = Declared(_column(name, entry, where), room, where)
    faults.raise_any()
    return found


@lru_cache(maxsize=4)
def _load(package: Path) -> Contract:
    faults = Faults()
    columns: dict[str, Declared] = {}
    with faults.gathered():
        columns = declared(package)
    entries: dict[str, tuple[str, Any]] = {}
    for path in sorted(package.glob("*/tables.yaml")):
        file = path.relative_to(package).as_posix()
        document = yamlfile.Mapping()
        with faults.gathered():
            document = yamlfile.load(path, file)
        for name, entry in document.items():
            where = f"{file}:{document.lines[name]}"
            if name in entries:
                faults.add(f"{where}: table '{name}' is declared in two rooms; rename one")
            elif not isinstance(entry, dict):
                faults.add(f"{where}: table '{name}' needs grain, purpose, owner, key, columns")
            else:
                entries[name] = where, entry
    # Columns that could not be read would be missed in every table that lists them.
    faults.raise_any()
    worded = {
        f"{name}.{column}": words
        for name, (_, entry) in entries.items()
        if isinstance(entry.get("values"), dict)
        for column, words in entry["values"].items()
        if not isinstance(words, str)
    }
    tables: dict[str, Table] = {}
    places: dict[str, str] = {}
    metrics = {
        path.parent.name: read_metrics(path, path.relative_to(package).as_posix())
        for path in sorted(package.glob("*/metrics.yaml"))
    }
    for name, (where, entry) in entries.items():
        with faults.gathered():
            of_room = metrics.get(where.partition("/")[0], ())
            table = _table(name, where, entry, columns, worded, of_room)
            tables[name], places[name] = table, f"{where}: table '{name}'"
            if table.entity is not None:
                tables[f"raw_{name}"] = _raw(table)
    faults.raise_any()
    known = {own.column.name: own.column for own in columns.values()}
    for name, table in tables.items():
        with faults.gathered():
            if table.without:
                tables[name] = _without(table, tables)
            if table.is_profile:
                tables[name] = _profile(tables[name], tables, known, places)
    for told in (*_unmet(tables, places), *unknown_entities(metrics.values(), tables)):
        faults.add(told)
    faults.raise_any()
    return Contract(tables=tables)


def _unmet(tables: dict[str, Table], places: dict[str, str]) -> Iterator[str]:
    """Profiles and needed tables that no room makes."""
    profiles = {table.key for table in tables.values() if table.is_profile}
    for name, table in tables.items():
        if table.profile and table.key not in profiles:
            yield (
                f"{places[name]} says profile, but no table with is_profile has its key "
                f"({', '.join(table.key)}); a table enters the profile whose key it has"
            )
    for table in tables.values():
        for option in (option for need in table.needs for option in need.split("|")):
            if option not in tables:
                yield (
                    f"{table.where}: '{table.name}' needs '{option}', which no room makes"
                    f"{suggestion(option, tables)}"
                )


def _column(name: str, entry: Any, where: str) -> Column:
    if not re.fullmatch(r"_?[a-z][a-z0-9_]*", name):
        raise ConfigError(
            f"{where}: column '{name}': use lower-case letters, digits and underscores"
        )
    if not isinstance(entry, dict):
        raise ConfigError(f"{where}: column '{name}' needs {{type: …, meaning: …}}")
    at = f"{where}: values of '{name}' are"
    words = _allowed(entry["values"], at) if "values" in entry else {}
    return parsed(Column, {"name": name, **entry, **words}, where)


def _allowed(said: Any, where: str, others: dict[str, Any] | None = None) -> dict[str, Any]:
    """`values` as fields of their column: words, words with what they mean, or those of another
    table.column, of which `others` holds the `values`.
    """
    if isinstance(said, str) and others is not None:
        if said not in others:
            raise ConfigError(
                f"{where} those of '{said}', for which no table says any{suggestion(said, others)}"
            )
        said, where = others[said], f"{where} those of '{said}', which are"
    if isinstance(said, list) and said:
        return {"values": tuple(str(word) for word in said)}
    if not isinstance(said, dict) or not said:
        raise ConfigError(f"{where} a list of words, or pairs of word: what it means")
    for word, meaning in said.items():
        if not isinstance(meaning, str) or not meaning.strip():
            raise ConfigError(f"{where} pairs: say what '{word}' means, or list all words without")
    return {"values": tuple(said), "value_meanings": dict(said)}


def _find(name: str, table: str, where: str, known: dict[str, Declared]) -> Column:
    """The column that a table at `where` lists: one of its room's or of the house's."""
    room = where.partition("/")[0]
    if own := known.get(f"{room}/{name}") or known.get(name):
        return own.column
    own = next((other for other in known.values() if other.column.name == name), None)
    at = f"{where}: table '{table}': column '{name}' is"
    if own:
        raise ConfigError(
            f"{at} declared in {own.where} for tables of that room; move that line to columns.yaml "
            "to share it"
        )
    near = suggestion(
        name, [other.column.name for other in known.values() if other.room in ("", room)]
    )
    raise ConfigError(
        f"{at} neither in columns.yaml nor in {room}/columns.yaml{near}; add it to "
        f"{room}/columns.yaml with type and meaning"
    )


def _table(
    name: str,
    where: str,
    entry: dict[str, Any],
    known: dict[str, Declared],
    worded: dict[str, Any],
    metrics: tuple[Metric, ...],
) -> Table:
    """`known`: every declared column; `worded`: table.column → the `values` that its entry says;
    `metrics`: its room's.
    """
    entry = dict(entry)
    meanings = entry.pop("meanings", {})
    values = entry.pop("values", None) or {}
    layout, entity = entry.pop("layout", "whole"), entry.get("entity")
    if isinstance(layout, dict):
        entry.update(layout="by_day", day_column=layout["by_day"])
    else:
        entry["layout"] = layout
    added = (OF_ENTITIES if entity is not None else ()) + (STAMPS if layout == "whole" else ())
    listed = re.split(r"[,\s]+", str(entry.pop("columns", "")).strip())
    listed += [own if own in MAY_BE_EMPTY else f"{own}*" for own in added]
    picked: dict[str, Column] = {}
    for word in listed:
        column_name = word.rstrip("*")
        column = _find(column_name, name, where, known)
        if column_name in picked:
            raise ConfigError(
                f"{where}: table '{name}' lists '{column_name}' twice"
                + ("; it has it by itself, take it out" if column_name in added else "")
            )
        changes: dict[str, Any] = {"required": word.endswith("*")}
        if column_name in meanings:
            changes["meaning"] = meanings[column_name]
        if column_name in values:
            at = f"{where}: table '{name}': values of '{column_name}' are"
            changes |= _allowed(values[column_name], at, worded)
        picked[column_name] = column.model_copy(update=changes)
    for stray in (set(meanings) | set(values) | set(word_list(entry.get("key", [])))) - set(picked):
        raise ConfigError(
            f"{where}: table '{name}' says something of '{stray}', which is not among its columns"
        )

    expect = tuple(_expectation(item, where, name) for item in entry.pop("expect", None) or [])
    if (
        entity is not None
        and not any(item.kind == "drop" for item in expect)
        and entry["layout"] == "whole"
    ):
        expect += (Expectation(kind="drop", args={"max_share": 0.6}),)
    if (says := entry.pop("incremental", None)) is not None:
        entry["incremental"] = _incremental(
            says, f"{where}: table '{name}': incremental", entry["layout"]
        )
    if profile := entry.pop("profile", None):
        if profile is not True and not isinstance(profile, dict):
            raise ConfigError(
                f"{where}: table '{name}': profile is true, or any of all_but, rename, zero"
            )
        says = {} if profile is True else dict(profile)
        lists = {part: word_list(says.pop(part, [])) for part in ("all_but", "zero")}
        entry["profile"] = parsed(Profile, {**says, **lists}, f"{where}: table '{name}': profile")
    if entry.get("metrics") is True:
        entry["metrics"] = metrics
    entry["needs"] = word_list(entry.pop("needs", []))
    entry["key"] = word_list(entry.pop("key", []))
    table = parsed(
        Table,
        {
            "name": name,
            "room": where.partition("/")[0],
            "where": where,
            "columns": tuple(picked.values()),
            "expect": expect,
            **entry,
        },
        where,
    )
    _check_phrases(table, where)
    return table


def _check_phrases(table: Table, where: str) -> None:
    """Raises ConfigError for a feature that a reason could not tell."""
    known = {"v", "t", "a", *table.feature_columns}
    for name, column in table.feature_columns.items():
        told = f"{where}: table '{table.name}': feature '{name}'"
        if not column.phrase:
            raise ConfigError(
                f"{told} has no phrase for reasons; add one to its entry in columns.yaml, such as "
                'phrase: "orders in the last 90 days: {v}, average {a}"'
            )
        if not column.required and not column.phrase_missing:
            raise ConfigError(
                f"{told} may be empty and has no phrase for that; add one to its entry in "
                "columns.yaml, such as phrase_missing: no order so far"
            )
        try:
            names = {name for _, name, _, _ in Formatter().parse(column.phrase) if name is not None}
        except ValueError as error:
            raise ConfigError(f"{told}: {error} in its phrase; mend it in columns.yaml") from None
        for stray in sorted(names - known):
            raise ConfigError(
                f"{told}: its phrase in columns.yaml names {{{stray}}}, which is neither v, t or a "
                f"nor a feature of the table{suggestion(stray, known)}"
            )


def _without(table: Table, tables: dict[str, Table]) -> Table:
    """The table with the expectation that none of the rows it must not see came through."""
    other = tables.get(str(table.without))
    where = f"{table.room}/tables.yaml: '{table.name}' is without '{table.without}'"
    if other is None:
        raise ConfigError(f"{where}, which no room makes{suggestion(str(table.without), tables)}")
    if len(other.key) != 1 or other.key[0] not in table.by_name:
        raise ConfigError(f"{where}: that table needs one key column, which '{table.name}' has too")
    key = other.key[0]
    query = f"select {key} from {table.name} where {key} in (select {key} from {other.name})"
    rule = Expectation(kind="sql", args={"name": f"without_{other.name}", "query": query})
    return table.model_copy(update={"expect": (*table.expect, rule)})


def _profile(
    table: Table, tables: dict[str, Table], columns: dict[str, Column], places: dict[str, str]
) -> Table:
    """The profile with what tables of its key bring: listed columns in their place, the others
    behind them. A column means what the table says that brings it, unless the profile's entry does.
    """
    found: dict[str, tuple[str, Column]] = {}
    for other in Contract(tables=tables).joined(table):
        where, zero = f"{places[other.name]}: profile", other.profile.zero if other.profile else ()
        for name, own in _brought(other, where).items():
            if name not in columns or columns[name].type != own.type:
                raise ConfigError(
                    f"{where} brings '{name}', which is no column of type {own.type} in "
                    f"columns.yaml{suggestion(name, columns)}; add it there"
                )
            if name in found:
                raise ConfigError(
                    f"{where} brings '{name}', and so does '{found[name][0]}'; name it in all_but "
                    "or rename it"
                )
            told = own if name == own.name else columns[name]
            is_filled = own.required and own.name in zero
            found[name] = other.name, told.model_copy(update={"required": is_filled})
    listed: dict[str, Column] = {}
    for column in table.columns:
        whose, brought = found.get(column.name, ("", column))
        if whose and column.required:
            raise ConfigError(
                f"{places[table.name]}: '{column.name}' comes from '{whose}', whose entry says "
                "whether it may be empty (zero); list it without *"
            )
        if whose and column != columns[column.name]:
            brought = column.model_copy(update={"required": brought.required})
        listed[column.name] = brought
    stamps = {name: listed.pop(name) for name in STAMPS if name in listed}
    others = {name: column for name, (_, column) in found.items() if name not in listed}
    return table.model_copy(update={"columns": tuple({**listed, **others, **stamps}.values())})


def _brought(table: Table, where: str) -> dict[str, Column]:
    """`table.brought`. Raises ConfigError for what the table's `profile` says of nothing."""
    says = table.profile or Profile()
    for stray in {*says.all_but, *says.rename, *says.zero} - set(table.by_name):
        near = suggestion(stray, table.by_name)
        raise ConfigError(f"{where} names '{stray}', which is not among its columns{near}")
    for name in says.zero:
        if table.by_name[name].type not in ("int", "float", "money", "bool"):
            raise ConfigError(
                f"{where}: zero: '{name}' is {table.by_name[name].type}, which can be empty only; "
                "take it out"
            )
    if len(table.brought) < len(set(table.by_name) - table.left_out):
        raise ConfigError(f"{where} brings two columns under one name; rename one or leave it out")
    return table.brought


def _raw(table: Table) -> Table:
    """The typed rows of each export file that feeds the entity, before the newest row of each key
    is chosen.
    """
    return table.model_copy(
        update={
            "name": f"raw_{table.name}",
            "grain": f"one row per accepted row of an export that feeds {table.name}",
            "purpose": (
                f"Every accepted row of {table.name}, by export date and file, as evidence "
                "and for rebuilding"
            ),
            "key": (),
            "columns": tuple(column for column in table.columns if column.name not in STAMPS),
            "expect": (),
            "layout": "by_export",
            "day_column": None,
            "published": False,
            "entity": None,
            "without": None,
            "profile": None,
            "raw_of": table.name,
        }
    )


def _incremental(says: Any, at: str, layout: str) -> Incremental:
    if not isinstance(says, dict):
        raise ConfigError(f"{at}: is any of per, look_back, look_ahead, days, lookups")
    if (layout == "by_day") == ("per" in says):
        raise ConfigError(
            f"{at}: layout by_day goes by days, layout whole `per` a key; this one is {layout}"
        )
    says = {
        **says,
        "days": {key: word_list(value) for key, value in (says.get("days") or {}).items()},
    }
    says["lookups"] = {
        key: {**value, "of": word_list(value.get("of", []))} if isinstance(value, dict) else value
        for key, value in (says.get("lookups") or {}).items()
    }
    return parsed(Incremental, says, at)


def _expectation(item: Any, where: str, table: str) -> Expectation:
    if not isinstance(item, dict):
        raise ConfigError(
            f"{where}: table '{table}': an expectation is 'kind: arguments', not {item!r}"
        )
    item = dict(item)
    severity = item.pop("severity", "critical")
    if len(item) != 1:
        raise ConfigError(
            f"{where}: table '{table}': one kind per expectation, found {', '.join(item) or 'none'}"
        )
    kind, args = next(iter(item.items()))
    if kind == "unique":
        args = {"columns": list(word_list(args))}
    args = dict(args)
    severity = args.pop("severity", severity)
    for word, field in ((kind, "kind"), (severity, "severity")):
        known = get_args(Expectation.model_fields[field].annotation)
        if word not in known:
            raise ConfigError(
                f"{where}: table '{table}': '{word}' is no {field} of expectations"
                f"{suggestion(str(word), known)}; use {', '.join(known)}"
            )
    return parsed(Expectation, {"kind": kind, "args": args, "severity": severity}, where)
