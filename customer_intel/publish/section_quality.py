"""What came in: every row accounted for, what sources break, what the gates found."""

from __future__ import annotations

from datetime import date

import polars as pl

from customer_intel.publish.evidence import Evidence
from customer_intel.publish.markup import (
    Html,
    count,
    day,
    details,
    join,
    listed,
    paragraph,
    percent,
    plain,
    plural,
    quiet,
    table,
    tag,
)

TITLE = "What came in"
_PARTS = ("rows_accepted", "rows_quarantined", "rows_duplicate", "rows_skipped")
_LISTED = 12


def section(e: Evidence) -> Html:
    if not e.has("export_file"):
        return join((quiet(f"No file was read: {e.why_not('export_file')}."), gates(e)))
    files = e.frame("export_file")
    return join(
        (
            _tonight(e, files),
            _identity(files),
            _sources(e, files),
            _refused(files),
            _broken_rules(e),
            gates(e),
        )
    )


def _tonight(e: Evidence, files: pl.DataFrame) -> Html:
    tonight = files.filter(pl.col("export_date") == e.as_of)
    if not len(tonight):
        newest: date = files["export_date"].max()  # type: ignore[assignment]
        return paragraph(
            f"No export is dated {day(e.as_of)}; the newest is of {day(newest)}.", class_="lede"
        )
    sources = plural(tonight["source_system"].n_unique(), "source")
    read, bad = int(tonight["rows_read"].sum()), int(tonight["rows_quarantined"].sum())
    parts = [
        (
            f"{plural(tonight['source_file'].n_unique(), 'file')} of {sources} brought "
            f"{count(read)} "
            "rows"
        )
    ]
    refused = _files(tonight, "refused")
    parts.append(f"{count(bad)} of them ({percent(bad / max(read, 1), 2)}) went to quarantine")
    parts.append(
        f"{plural(refused, 'file')} could not be taken" if refused else "no file was refused"
    )
    return paragraph(f"Tonight {listed(parts)}.", class_="lede")


def _files(files: pl.DataFrame, status: str) -> int:
    return (
        files.filter(pl.col("status") == status).select("export_date", "source_file").n_unique()
        if len(files)
        else 0
    )


def _identity(files: pl.DataFrame) -> Html:
    sums = [int(files[name].sum()) for name in ("rows_read", *_PARTS)]
    off = files.filter(pl.col("rows_read") != pl.sum_horizontal(*_PARTS))
    words = ("read", "taken", "in quarantine", "repeated", "not wanted by the mapping")
    sides = [f"{count(n)} {word}" for n, word in zip(sums, words, strict=True)]
    verdict = (
        tag("span", "It adds up for every file.", class_="ok")
        if not len(off)
        else tag(
            "span",
            f"It does not add up for {plural(off['source_file'].n_unique(), 'file')}.",
            class_="down",
        )
    )
    return paragraph(
        f"Of all rows since the first night, {sides[0]} = {' + '.join(sides[1:])}. ", verdict
    )


def _sources(e: Evidence, files: pl.DataFrame) -> Html:
    rows = (
        files.group_by("source_system")
        .agg(
            files=pl.struct("export_date", "source_file").n_unique(),
            refused=pl.struct("export_date", "source_file")
            .filter(pl.col("status") == "refused")
            .n_unique(),
            tonight=pl.col("rows_read").filter(pl.col("export_date") == e.as_of).sum(),
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


def _broken_rules(e: Evidence) -> Html | None:
    if not e.has("export_check"):
        return None
    rows = (
        e.frame("export_check")
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


def gates(e: Evidence) -> Html:
    """Every table's gate: a table is here only because its critical checks passed; warnings are
    told.
    """
    checks = sum(len(source.findings) for source in e.tables.values())
    warned = [
        (name, finding)
        for name, source in sorted(e.tables.items())
        for finding in source.warnings
        # The sources' own rules stand above, in export_check.
        if not (
            name.startswith("raw_")
            and finding["expectation"].startswith("check ")
            and e.has("export_check")
        )
    ]
    warned.sort(key=lambda item: (-item[1]["unexpected"], item[0], item[1]["expectation"]))
    lede = f"{count(checks)} checks guarded {count(len(e.tables))} tables; all critical ones passed"
    lede += f", {plural(len(warned), 'check')} warned." if warned else " and none warned."
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
            for name, source in sorted(e.tables.items())
        ],
        numeric=(1, 2, 3),
    )
    return join((
        tag("h3", "Gates"),
        paragraph(lede),
        listed_warnings if warned else None,
        details(f"All {count(len(e.tables))} tables", everything),
    ))  # fmt: skip
