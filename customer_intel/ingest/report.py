"""What came in: every row accounted for, what sources break, what the gates found.

Belongs here: what the report says of exports and gates. Not here: taking them (land/).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import polars as pl

from customer_intel.core.report import metric
from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import (
    Html,
    count,
    day,
    details,
    join,
    paragraph,
    percent,
    phrase,
    plain,
    plural,
    quiet,
    table,
    tag,
)
from customer_intel.core.report.metric import Value, cited, said_in
from customer_intel.core.report.section import Finding, RoomReport, Section
from customer_intel.ingest import report_sources

_PARTS = ("rows_accepted", "rows_quarantined", "rows_duplicate", "rows_skipped")
_OUTCOMES = {
    "taken": "taken",
    "quarantined": "in quarantine",
    "repeated": "repeated",
    "unwanted": "not wanted by the mapping",
}
_LISTED = 12
# A source that loses this share of its rows of tonight, and as many, is worth a sentence.
_LOST_SHARE = 0.01
_LOST_ROWS = 5


def what_came_in(evidence: Evidence) -> Html:
    """Tonight's files, their rows, what is in quarantine, and what the gates found."""
    if not evidence.has("export_file"):
        return join(
            (quiet(f"No file was read: {evidence.why_not('export_file')}."), gates(evidence))
        )
    files = evidence.frame("export_file")
    return join(
        (
            _tonight(evidence, files),
            report_sources.sources(evidence),
            _identity(evidence, files),
            _sources(evidence, files),
            _refused(files),
            _broken_rules(evidence),
            gates(evidence),
        )
    )


def _tonight(evidence: Evidence, files: pl.DataFrame) -> Html:
    tonight = files.filter(pl.col("export_date") == evidence.as_of)
    if not len(tonight):
        newest: date = files["export_date"].max()  # type: ignore[assignment]
        return paragraph(
            f"No export is dated {day(evidence.as_of)}; the newest is of {day(newest)}.",
            class_="lede",
        )
    arrived = metric.value(evidence, "exported_files")
    read, bad = metric.value(evidence, "exported_rows"), metric.value(evidence, "quarantined_rows")
    if arrived is None or read is None or bad is None:
        return quiet(f"Counts are not available: {evidence.why_not('metric_daily')}.")
    refused = metric.value(evidence, "exported_files", dimension="status", member="refused")
    several = tonight["source_file"].is_duplicated().any()
    lost = (bad.value or 0) / (read.value or 1)
    return paragraph(
        phrase(
            "Tonight {files} of {sources} brought {rows} rows" + ", a file's for each entity that it feeds" * several
            + ", {bad} of them ({lost}) went to quarantine and {refused}.",
            files=_files(arrived),
            sources=plural(tonight["source_system"].n_unique(), "source"),
            rows=cited(count(read.value), read),
            bad=cited(count(bad.value), bad),
            lost=cited(percent(lost, 2), bad, against=read, how="ratio"),
            refused=join((_files(refused), " could not be taken"))
            if refused and refused.value
            else "no file was refused",
        ),
        class_="lede",
    )  # fmt: skip


def _files(found: Value) -> Html:
    return cited(plural(int(found.value or 0), "file"), found)


def _identity(evidence: Evidence, files: pl.DataFrame) -> Html:
    off = files.filter(pl.col("rows_read") != pl.sum_horizontal(*_PARTS))
    read = metric.value(evidence, "exported_rows_ever")
    outcomes = metric.by_member(evidence, "exported_rows_ever", "outcome")
    sides = [
        join((cited(count(outcomes[name].value), outcomes[name]), f" {words}"))
        for name, words in _OUTCOMES.items()
        if name in outcomes
    ]
    verdict = (
        tag("span", "It adds up for every file.", class_="ok")
        if not len(off)
        else tag(
            "span",
            f"It does not add up for {plural(off['source_file'].n_unique(), 'file')}.",
            class_="down",
        )
    )
    if read is None:
        return paragraph(verdict)
    return paragraph(
        phrase(
            "Of all rows since the first night, {read} read = {sides}. {verdict}",
            read=cited(count(read.value), read),
            sides=join(sides, " + "),
            verdict=verdict,
        )
    )


def _sources(evidence: Evidence, files: pl.DataFrame) -> Html:
    rows = (
        files.group_by("source_system")
        .agg(
            files=pl.struct("export_date", "source_file").n_unique(),
            refused=pl.struct("export_date", "source_file")
            .filter(pl.col("status") == "refused")
            .n_unique(),
            tonight=pl.col("rows_read").filter(pl.col("export_date") == evidence.as_of).sum(),
            newest=pl.col("export_date").max(),
            **{name: pl.col(name).sum() for name in ("rows_read", *_PARTS)},
        )
        .sort("source_system")
    )
    head = "Source|Files|Refused|Newest|Rows tonight|Rows ever|Taken|Repeated|Unwanted|Quarantine|"
    return table(
        head.split("|"),
        [
            (
                tag("b", row["source_system"]),
                count(row["files"]),
                tag("span", count(row["refused"]), class_="warn" if row["refused"] else None),
                tag("span", day(row["newest"]), class_="nw"),
                count(row["tonight"]),
                count(row["rows_read"]),
                count(row["rows_accepted"]),
                count(row["rows_duplicate"]),
                count(row["rows_skipped"]),
                tag(
                    "span",
                    count(row["rows_quarantined"]),
                    class_="warn" if row["rows_quarantined"] else None,
                ),
                percent(row["rows_quarantined"] / row["rows_read"] if row["rows_read"] else 0, 2),
            )
            for row in rows.iter_rows(named=True)
        ],
        numeric=(1, 2, 4, 5, 6, 7, 8, 9, 10),
    )


def _refused(files: pl.DataFrame) -> Html | None:
    rows = (
        files.filter(pl.col("status").is_in(["refused", "unmapped"]))
        .select("export_date", "source_file", "status", "reason")
        .unique()
        .sort(
            "export_date", "source_file", "status", "reason", descending=[True, False, False, False]
        )
    )
    if not len(rows):
        return None
    shown = [
        (
            tag("span", row["source_file"], class_="id"),
            plain(row["status"]),
            row["reason"] or "no mapping reads it",
        )
        for row in rows.head(_LISTED).iter_rows(named=True)
    ]
    return join((
        tag("h3", "Files that were not taken"),
        table(("File", "Status", "Why"), shown),
        quiet(f"and {count(len(rows) - _LISTED)} more in "
            "export_file") if len(rows) > _LISTED else None,
    ))  # fmt: skip


def _broken_rules(evidence: Evidence) -> Html | None:
    if not evidence.has("export_check"):
        return None
    rows = (
        evidence.frame("export_check")
        .group_by("source_system", "mapping", "check_name")
        .agg(pl.col("matches", "rows_checked").sum())
        .filter(pl.col("matches") > 0)
        .with_columns(share=pl.col("matches") / pl.col("rows_checked"))
        .sort(
            "share",
            "source_system",
            "mapping",
            "check_name",
            descending=[True, False, False, False],
        )
    )
    if not len(rows):
        return paragraph("No source broke a rule that its mapping watches.")
    shown = [
        (
            tag("b", r["source_system"]),
            plain(r["check_name"]),
            r["mapping"],
            count(r["matches"]),
            count(r["rows_checked"]),
            percent(r["share"], 1),
        )
        for r in rows.head(_LISTED).iter_rows(named=True)
    ]
    return join((
        tag("h3", "Rules of a source that its rows break"),
        table(("Source", "Rule", "Mapping", "Rows", "of", "Share"), shown, numeric=(3, 4, 5)),
        quiet(f"and {count(len(rows) - _LISTED)} more in "
            "export_check") if len(rows) > _LISTED else None,
    ))  # fmt: skip


def gates(evidence: Evidence) -> Html:
    """Every table's gate: a table is here only because its critical checks passed; warnings are
    told.
    """
    checks = sum(len(source.findings) for source in evidence.tables.values())
    warned = [
        (name, finding)
        for name, source in sorted(evidence.tables.items())
        for finding in source.warnings
        # The sources' own rules stand above, in export_check.
        if not (
            name.startswith("raw_")
            and finding["expectation"].startswith("check ")
            and evidence.has("export_check")
        )
    ]
    warned.sort(key=lambda item: (-item[1]["unexpected"], item[0], item[1]["expectation"]))
    lede = phrase(
        "{checks} checks guarded {tables} tables; all critical ones passed"
        + (", {warned} warned." if warned else " and none warned."),
        checks=said_in(count(checks), "manifest.json: gate"),
        tables=said_in(count(len(evidence.tables)), "manifest.json: tables"),
        warned=said_in(plural(len(warned), "check"), "manifest.json: gate"),
    )
    listed_warnings = table(
        ("Table", "Check that warned", "Rows", "of", "What it says"),
        [
            (
                tag("b", name),
                f["expectation"],
                count(f["unexpected"]),
                count(f["checked"]),
                f["message"],
            )
            for name, f in warned[:_LISTED]
        ],
        numeric=(2, 3),
    )
    everything = table(
        ("Table", "Rows", "Checks", "Warnings", "Remark"),
        [
            (
                name,
                count(source.rows),
                count(len(source.findings)),
                count(len(source.warnings)),
                source.reason,
            )
            for name, source in sorted(evidence.tables.items())
        ],
        numeric=(1, 2, 3),
    )
    return join((
        tag("h3", "Gates"),
        paragraph(lede),
        listed_warnings if warned else None,
        quiet(f"and {count(len(warned) - _LISTED)} more; all are in manifest.json")
        if len(warned) > _LISTED
        else None,
        details(f"All {count(len(evidence.tables))} tables", everything),
    ))  # fmt: skip


def refused_files(evidence: Evidence) -> Iterator[Finding]:
    """Whether a file of tonight could not be taken."""
    files = metric.value(evidence, "exported_files")
    refused = metric.value(evidence, "exported_files", dimension="status", member="refused")
    if files and refused and refused.value:
        text = phrase(
            "{refused} of tonight's {files} files could not be taken: what follows lacks their rows.",
            refused=cited(count(refused.value), refused),
            files=cited(count(files.value), files),
        )
        yield Finding(text, "export_file", 0.9, "exported_files")


def lost_rows(evidence: Evidence) -> Iterator[Finding]:
    """Which source lost more rows to quarantine than is usual."""
    read = metric.by_member(evidence, "exported_rows", "source_system")
    for source, bad in metric.by_member(evidence, "quarantined_rows", "source_system").items():
        rows = read.get(source)
        lost = (bad.value or 0) / rows.value if rows and rows.value else 0.0
        if rows and lost >= _LOST_SHARE and (bad.value or 0) >= _LOST_ROWS:
            text = phrase(
                "{bad} of tonight's {rows} rows from {source} ({share}) are in quarantine.",
                bad=cited(count(bad.value), bad),
                rows=cited(count(rows.value), rows),
                source=source,
                share=cited(percent(lost, 1), bad, against=rows, how="ratio"),
            )
            yield Finding(text, "export_file", 0.2 + lost, "quarantined_rows")


REPORT = RoomReport(
    place=10,
    sections=(Section("quality", "What came in", what_came_in),),
    findings=(
        report_sources.stale_sources,
        report_sources.odd_exports,
        refused_files,
        lost_rows,
    ),
)
