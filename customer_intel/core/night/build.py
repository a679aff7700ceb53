"""One table's step: compute a candidate, audit it, accept it or keep last night's.

Pure of Dagster: orchestration wraps `build` in an asset, tests call it directly.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from customer_intel.core.contract.model import Table
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.engine import DuckDBEngine, SchemaMismatch
from customer_intel.core.gate import gate
from customer_intel.core.gate.gate import Finding, GateClosed, Verdict
from customer_intel.core.gate.redact import without_values
from customer_intel.core.night import day_parts, in_part, raw_parts
from customer_intel.core.night.day_parts import schema_sha256
from customer_intel.core.night.in_part import Work
from customer_intel.core.night.incremental import NOTHING, Plan
from customer_intel.core.night.night import Night, Outcome, StepFailed, parts_of
from customer_intel.core.night.snapshot import lineage_cache
from customer_intel.core.night.worker import HelperFailed, helper
from customer_intel.core.store import disk
from customer_intel.core.store.lake import WHOLE, LakeDamaged, LakeError, Part, Version
from customer_intel.core.tables import kinds
from customer_intel.core.tables.definition import Definition
from customer_intel.core.tables.lineage import read_lineage
from customer_intel.core.tables.parameters import company_config, room_config, sql_literal


class _Clock:
    """Seconds spent per phase of a step; for telling where the time went, never data."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, phase: str) -> None:
        now = time.perf_counter()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self._last
        self._last = now

    def outcome(self, *facts: Any) -> Outcome:
        return replace(Outcome(*facts), seconds=self.seconds, ended=self._last)


def prepare(state: Path) -> None:
    """Has the gates' library loaded, and the columns' lineage read, beside whatever this process
    does next.
    """
    helper.post(gate.load)
    helper.post(read_lineage, lineage_cache(state))


def build(night: Night, definition: Definition) -> Outcome:
    """Computes, gates and accepts one table. A closed gate is an Outcome, not an exception: nothing
    was replaced.

    Raises StepFailed, ConfigError or LakeError when there is nothing to gate.
    """
    try:
        # What is kept of it; what is read is checked where it is read, but for exports' rows.
        kept = parts_of(night.lake.current(definition.table.name))
        night.lake.check(kept.values(), are_read=definition.kind == "raw")
        return (
            _build_raw(night, definition.table)
            if definition.kind == "raw"
            else _build(night, definition)
        )
    except LakeDamaged as error:
        verdict = _failure(definition.table, "lake_file", str(error))
        return _rejected(night, definition.table, {}, verdict, _Clock())
    except (ConfigError, LakeError):
        raise
    except Exception as error:
        if said := disk.sentence(error, night.home, f"{night.home.name}/lake/"):
            raise StepFailed(f"'{definition.table.name}' could not be computed: {said}") from None
        # The engines' messages quote the row that failed; the place in our code tells enough.
        frame = traceback.extract_tb(error.__traceback__)[-1]
        own = [
            item
            for item in traceback.extract_tb(error.__traceback__)
            if "customer_intel" in item.filename
        ]
        frame = own[-1] if own else frame
        raise StepFailed(
            f"'{definition.table.name}' could not be computed: {without_values(error)} "
            f"({Path(frame.filename).name}:{frame.lineno})"
        ) from None


def _build(night: Night, definition: Definition) -> Outcome:
    table = definition.table
    clock = _Clock()
    if missing := _missing_need(night, definition):
        return _build_empty(night, table, missing, clock)
    with night.lake.workspace(table.name) as work:
        with DuckDBEngine(night.engine, [night.lake.root], shared=True) as engine:
            engine.define_local_time(time_zone(night))
            before = night.lake.current(table.name)
            try:
                zone, register = time_zone(night), partial(_register_for, night, engine, table)
                part = in_part.planned(night, engine, definition, before, zone, register)
                select = part.whole(_select(night, definition, engine))
                if table.entity is not None and table.day_column:
                    part, select = in_part.of_exports(night, engine, part, select, before)
                sql = engine.contract_select(table, select, _stamps(night, table))
                candidates, keep, prints = _write(night, engine, part, sql, work, before)
            except (SchemaMismatch, GateClosed) as error:
                clock.lap("compute")
                what = error.expectation if isinstance(error, GateClosed) else "schema"
                return _rejected(night, table, {}, _failure(table, what, str(error)), clock)
            clock.lap("compute")
        verdict = Verdict(table.name, ())
        if candidates or not before:
            verdict = _audit(night, definition, candidates, before)
        clock.lap("gate")
        if not verdict.passed:
            return _rejected(night, table, candidates, verdict, clock)
        # Where no day was touched, the rows are those that the gate saw before: its certificate
        # stays.
        seen = certificate(verdict) if candidates or not before else before.certificate
        version = _accept(night, table, candidates, seen, keep, fingerprints=prints, plan=part.plan)
        clock.lap("accept")
    changed = _changed(before, version)
    status = "accepted" if changed or not before else "unchanged"
    return clock.outcome(table.name, status, version.rows, verdict, version, changed, "")


def _audit(
    night: Night, definition: Definition, candidates: Mapping[str, Path], before: Version | None
) -> Verdict:
    """The gate's verdict on a candidate. A gate that cannot answer stays closed."""
    table = definition.table
    files = [(table, [candidates[key] for key in sorted(candidates)])]
    files += [
        (night.contract.table(name), night.lake.checked(name))
        for name in definition.checks_against
        if name != table.name
    ]
    rows = before.rows if before else None
    arguments = (night.engine, night.lake.root, table, files, rows)
    try:
        verdict: Verdict = helper.call(
            gate.check_files, *arguments, seconds=night.engine.gate_seconds
        )
    except HelperFailed as failed:
        return gate.not_checked(table, str(failed))
    return verdict


def _build_empty(night: Night, table: Table, missing: str, clock: _Clock) -> Outcome:
    """The table with its schema and no rows, and the reason why."""
    verdict = Verdict(table.name, ())
    with night.lake.workspace(table.name) as work:
        candidates = {}
        if table.layout == "whole":
            candidates[WHOLE] = work / "whole.parquet"
            pq.write_table(table.arrow_schema.empty_table(), candidates[WHOLE])
        version = _accept(night, table, candidates, certificate(verdict), {}, missing=missing)
    clock.lap("accept")
    return clock.outcome(table.name, "not_available", 0, verdict, version, (), missing)


def _select(night: Night, definition: Definition, engine: DuckDBEngine) -> str:
    table = definition.table
    parameters = {**room_config(table.room, night.home), "as_of": night.as_of}
    if definition.kind in ("sql", "conformed"):
        return definition.sql(parameters)
    given: dict[str, Any] = {"as_of": night.as_of, "config": parameters, "landing": night.landing}
    given["snapshot"] = night.snapshot_id
    if "ledgers" in definition.arguments:
        given["ledgers"] = [
            part.facts
            for name in night.contract.entities
            for part in parts_of(night.lake.current(f"raw_{name}")).values()
        ]
    if "entities" in definition.arguments:
        given["entities"] = {
            name: _frame(night, night.contract.table(name)) for name in night.contract.entities
        }

    def read(name: str) -> pl.LazyFrame:
        own = name == "previous"
        return _frame(night, table if own else night.contract.table(name), None if own else table)

    engine.con.register("result_frame", definition.call(given, read).to_arrow())
    return "SELECT * FROM result_frame"


def _write(
    night: Night, engine: DuckDBEngine, part: Work, sql: str, work: Path, before: Version | None
) -> tuple[dict[str, Path], dict[str, Part], dict[str, str]]:
    """(new candidate files, parts kept as they are, day fingerprints)."""
    table, lake, as_of = part.table, night.lake, night.as_of
    order = table.key or tuple(column.name for column in table.columns)
    if table.layout == "whole":
        target = work / "whole.parquet"
        engine.materialize(sql, target, order)
        return {WHOLE: target}, {}, {}
    selects = part.selects(sql)
    return day_parts.write(
        engine, table, selects, work, before, order, part.days, lake=lake, as_of=as_of
    )


def _build_raw(night: Night, table: Table) -> Outcome:
    """Takes every export file of the entity that the lake does not hold yet; one part per file and
    mapping.
    """
    clock = _Clock()
    entity = night.contract.table(str(table.raw_of))
    before = night.lake.current(table.name)
    config = room_config(table.room, night.home)
    with (
        night.lake.workspace(table.name) as work,
        DuckDBEngine(night.engine, [night.lake.root], shared=True) as engine,
    ):
        result = kinds.intake(table.room).ingest(
            entity=entity,
            landing=night.landing,
            mappings_dir=night.home / "config" / "mappings",
            as_of=night.as_of,
            known=[part.facts for part in parts_of(before).values()],
            held_files={key: night.lake.path(part) for key, part in parts_of(before).items()},
            run_id=night.snapshot_id,
            source_states=raw_parts.source_states(night, table.room),
            workdir=work,
            con=engine.con,
            config=config,
        )
        clock.lap("compute")
        verdict = Verdict(table.name, tuple(Finding(**finding) for finding in result.findings))
        candidates = {part.key: part.parquet for part in result.parts}
        if not verdict.passed:
            return _rejected(night, table, candidates, verdict, clock)
        for part in result.parts:
            night.lake.quarantine(entity.name, part.key, part.quarantine)
        keep = {
            key: part
            for key, part in parts_of(before).items()
            if key not in candidates and key not in result.gone
        }
        for key, kept in result.superseded.items():
            keep[str(kept["part"])] = replace(parts_of(before)[key], facts=kept)
        facts = {part.key: part.facts for part in result.parts}
        if before and not candidates and not result.gone:
            return clock.outcome(table.name, "unchanged", before.rows, verdict, before)
        version = _accept(night, table, candidates, certificate(verdict), keep, facts=facts)
        clock.lap("accept")
    status = "accepted" if version.parts else "not_available"
    reason = "" if version.parts else f"no export feeds {entity.name}"
    return clock.outcome(
        table.name, status, version.rows, verdict, version, tuple(candidates), reason
    )


def _accept(
    night: Night,
    table: Table,
    candidates: Mapping[str, Path],
    seen: dict[str, Any],
    keep: Mapping[str, Part],
    *,
    facts: Mapping[str, dict[str, Any]] | None = None,
    fingerprints: dict[str, str] | None = None,
    plan: Plan = NOTHING,
    missing: str = "",
) -> Version:
    return night.lake.accept(
        table.name,
        candidates,
        as_of=night.as_of.isoformat(),
        snapshot_id=night.snapshot_id,
        schema_sha256=schema_sha256(table),
        certificate=seen,
        keep=keep,
        facts=facts,
        fingerprints=fingerprints,
        inputs=plan.inputs,
        recipe=plan.recipe,
        status="not_available" if missing else "available",
        reason=missing,
    )


def _rejected(
    night: Night, table: Table, candidates: Mapping[str, Path], verdict: Verdict, clock: _Clock
) -> Outcome:
    night.lake.reject(table.name, candidates, certificate(verdict))
    reason = "; ".join(f"{finding.expectation}: {finding.message}" for finding in verdict.failed)
    return clock.outcome(table.name, "rejected", 0, verdict, None, (), reason)


def certificate(verdict: Verdict) -> dict[str, Any]:
    """What publication demands of a table: the verdict of its gate, finding by finding, without row
    values.
    """
    return {
        "passed": verdict.passed,
        "findings": [
            {
                "expectation": finding.expectation,
                "severity": finding.severity,
                "success": finding.success,
                "unexpected": finding.unexpected,
                "checked": finding.checked,
                "message": finding.message,
            }
            for finding in verdict.findings
        ],
    }


def _failure(table: Table, what: str, message: str) -> Verdict:
    return Verdict(
        table.name,
        (
            Finding(
                expectation=what,
                kind=what,
                columns=(),
                severity="critical",
                success=False,
                unexpected=1,
                checked=1,
                observed="",
                sample_keys=(),
                message=message,
            ),
        ),
    )


def _missing_need(night: Night, definition: Definition) -> str:
    table = definition.table
    if definition.kind == "conformed" and not parts_of(night.lake.current(definition.reads[0])):
        return f"no export feeds {table.name}"
    for need in table.needs:
        options = need.split("|")
        if not any((version := night.lake.current(name)) and version.rows for name in options):
            return f"needs {' or '.join(options)}"
    return ""


def _register_for(night: Night, engine: DuckDBEngine, reader: Table, name: str) -> None:
    """As `_register`; before sources were ever judged (run --select), none is held back."""
    if night.lake.current(name) is None:
        rooms = {other.room for other in night.contract.tables.values()}
        if name in kinds.state_tables(rooms):
            return
    _register(night, engine, night.contract.table(name), reader)


def _register(night: Night, engine: DuckDBEngine, table: Table, reader: Table) -> None:
    """Makes `table` readable for `reader`, without the rows that `reader` must not see."""
    if night.lake.current(table.name) is None:
        raise LakeError(
            f"'{table.name}' was never accepted; run it first (customer-intel run --select "
            f"{table.name})"
        )
    key = _hidden_by(night, reader, table)
    if key is None:
        engine.register(table, _files(night, table))
        return
    hidden = night.contract.table(str(reader.without))
    files = night.lake.checked(table.name)
    engine.register_without(table, files, key, night.lake.checked(hidden.name))


def _hidden_by(night: Night, reader: Table, table: Table) -> str | None:
    """The key column by which `table` loses rows before `reader` sees it; None when it loses none."""
    if reader.without is None or table.name == reader.without:
        return None
    key = night.contract.table(reader.without).key[0]
    return key if key in table.by_name else None


def _files(night: Night, table: Table) -> list[Path]:
    """What a reader of the table reads tonight: of a raw table, without what is held back."""
    return raw_parts.files(night, table) if table.raw_of else night.lake.checked(table.name)


def _frame(night: Night, table: Table, reader: Table | None = None) -> pl.LazyFrame:
    files = _files(night, table)
    if not files:
        return pl.DataFrame(table.arrow_schema.empty_table()).lazy()
    lazy = pl.scan_parquet(files, hive_partitioning=False)
    if table.raw_of:
        # A part of an export that is no longer landed stays as an earlier version wrote it.
        lazy = pl.scan_parquet(
            files, hive_partitioning=False, missing_columns="insert", extra_columns="ignore"
        )
    key = _hidden_by(night, reader, table) if reader else None
    if key and reader:
        lazy = lazy.join(
            _frame(night, night.contract.table(str(reader.without))).select(key), on=key, how="anti"
        )
    return lazy


def time_zone(night: Night) -> str:
    """The zone whose midnights part days; UTC where the package has no such setting."""
    return str(company_config(night.home).get("time_zone", "UTC"))


def _stamps(night: Night, table: Table) -> dict[str, str]:
    if table.layout != "whole":
        return {}
    return {"as_of": sql_literal(night.as_of), "snapshot_id": sql_literal(night.snapshot_id)}


def _changed(before: Version | None, now: Version) -> tuple[str, ...]:
    old = parts_of(before)
    return tuple(
        key
        for key, part in sorted(now.parts.items())
        if key not in old or old[key].sha256 != part.sha256
    )
