"""Does the churn model hold, how many are at risk, and who first: by id and reasons, never by name.

Belongs here: what the report says of churn. Not here: scoring and judging (churn.py, evaluation.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import polars as pl

from customer_intel.core.report import charts, metric
from customer_intel.core.report.charts import Range
from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import (
    DASH,
    Html,
    count,
    figure,
    interval,
    join,
    known,
    money,
    number,
    paragraph,
    percent,
    percents,
    phrase,
    plain,
    quiet,
    table,
    tag,
)
from customer_intel.core.report.metric import Value, cited
from customer_intel.core.report.section import Finding, RoomReport, Section

# Title and decimals of each metric that is told beside the area under the curve.
_METRICS = {
    "ap": ("Average precision", 3),
    "lift_decile": ("Lift of the top tenth", 2),
    "log_loss": ("Log-loss", 3),
    "brier": ("Brier score", 3),
    "ece": ("Calibration error", 3),
}
_BANDS = ("high", "medium", "low")
_TOP = 12


def churn(evidence: Evidence) -> Html:
    """Who is likely to leave and why, and how well that was foretold before."""
    if not evidence.has("churn_predictions") and not evidence.has("model_evaluation"):
        return quiet(f"Not available: {evidence.why_not('churn_predictions')}.")
    judged = evidence.frame("model_evaluation") if evidence.has("model_evaluation") else None
    scored = evidence.frame("churn_predictions") if evidence.has("churn_predictions") else None
    names = {
        name
        for frame in (judged, scored)
        if frame is not None
        for name in frame["definition_id"].unique()
    }
    return join(_definition(evidence, name, judged, scored) for name in sorted(names))


def kind(definition_id: str) -> str:
    """What the definition is about, in a word: orders, subscriptions."""
    word = definition_id.split("_")[0]
    return {"purchase": "orders", "subscription": "subscriptions"}.get(word, word)


def title(definition_id: str) -> str:
    """purchase_90d → No order within 90 days."""
    horizon = re.search(r"_(\d+)d$", definition_id)
    known_words = {"orders": "No order", "subscriptions": "Subscription cancelled"}
    words = known_words.get(kind(definition_id), plain(definition_id))
    return f"{words} within {horizon[1]} days" if horizon else words


def _definition(
    evidence: Evidence, name: str, judged: pl.DataFrame | None, scored: pl.DataFrame | None
) -> Html:
    own = judged.filter(pl.col("definition_id") == name) if judged is not None else None
    mine = scored.filter(pl.col("definition_id") == name) if scored is not None else None
    risks = mine.filter("eligible") if mine is not None else None
    is_scored = risks is not None and len(risks) > 0
    return join((
        tag("h3", title(name), class_="major"),
        _verdict(evidence, name, own, is_scored) if own is not None and len(own) else None,
        _evaluation(evidence, name, own) if own is not None and len(own) else None,
        _tonight(evidence, name, risks, own) if risks is not None and is_scored else quiet("Nobody is scored tonight."),
        _lapsed(evidence, name),
    ))  # fmt: skip


def _of(evidence: Evidence, name: str, definition: str) -> Value | None:
    """The metric's value for a definition of churn."""
    return metric.value(evidence, name, dimension="definition_id", member=definition)


def _tonight(
    evidence: Evidence, name: str, risks: pl.DataFrame, own: pl.DataFrame | None
) -> Html | None:
    if risks["risk_band"].null_count() == len(risks):
        leaving = _of(evidence, "expected_to_leave", name)
        if leaving is None or not leaving.n:
            return None
        return paragraph(
            phrase(
                "Each of the {n} customers has the base rate: {leaving} of them are expected to leave. "
                "Nothing tells them apart, so there is no band, reason or loss.",
                n=cited(count(leaving.n), leaving, part="n"),
                leaving=cited(count(round(leaving.value or 0)), leaving),
            )
        )
    return join((_bands(evidence, risks, own), _first(evidence, risks)))


def _lapsed(evidence: Evidence, name: str) -> Html | None:
    lapsed, share = _of(evidence, "lapsed_customers", name), _of(evidence, "lapsed_return", name)
    if lapsed is None:
        return None
    words = "{n} more have lapsed: silent far beyond their usual gap, so not scored."
    words += " Of such, {share} came back within the horizon before." if share else ""
    back = cited(percent(share.value), share) if share else ""
    return tag("p", phrase(words, n=cited(count(lapsed.value), lapsed), share=back), class_="note")


def _pooled(own: pl.DataFrame, metric: str) -> dict[str, Any] | None:
    rows = own.filter((pl.col("evaluated_origin") == "all") & (pl.col("metric") == metric))
    return rows.row(0, named=True) if len(rows) else None


def _verdict(evidence: Evidence, name: str, own: pl.DataFrame, is_scored: bool) -> Html:
    auc, recency = _of(evidence, "churn_auc", name), _of(evidence, "churn_auc_recency", name)
    verdict = own["verdict"][0]
    reason = str(own["reason"][0])
    if auc is None or verdict == "insufficient":
        told = tag("span", "No model can be judged yet.", class_="warn")
        used = " Everybody has the base rate." if is_scored else ""
        return join(
            (paragraph(told, used, class_="lede"), tag("p", plain(reason) + ".", class_="note"))
        )
    numbers = phrase(
        " On {n} past cases it had not seen it ranks with an AUC of {auc} ({between}); recency alone "
        "reaches {recency}.",
        n=cited(count(auc.n), auc, part="n"),
        auc=cited(number(auc.value, 3), auc),
        between=cited(interval(auc.low, auc.high, 3), auc, part="low"),
        recency=cited(number(recency.value, 3), recency) if recency else DASH,
    )
    if verdict == "model":
        told = tag("span", "The model holds.", class_="ok")
        return join(
            (paragraph(told, numbers, class_="lede"), tag("p", plain(reason) + ".", class_="note"))
        )
    if verdict == "no_signal":
        told = tag("span", "No signal.", class_="warn")
        end = " Neither clearly beats the base rate, so that is all that is published."
    else:
        told = tag("span", "The model is not used.", class_="warn")
        end = " That is no clear gain, so the probabilities below come from recency alone."
    return join(
        (paragraph(told, numbers, end, class_="lede"), tag("p", plain(reason) + ".", class_="note"))
    )


def _evaluation(evidence: Evidence, name: str, own: pl.DataFrame) -> Html:
    judged = []
    meanings = evidence.meanings("model_evaluation", "metric")
    for scored_by, (words, digits) in _METRICS.items():
        row = _pooled(own, scored_by)
        if row and known(row["metric_value"]):
            judged.append((
                join((tag("b", words), tag("br"), tag("small", meanings[scored_by]))),
                number(row["metric_value"], digits),
                interval(row["low"], row["high"], digits), number(row["baseline_value"], digits),
                number(row["base_rate_value"], digits) if known(row["base_rate_value"]) else DASH,
            ))  # fmt: skip
    head = ("On all past dates", "Model", "95 % interval", "Recency alone", "Base rate")
    measured = table(head, judged, numeric=(1, 2, 3, 4)) if judged else None
    left, right = join((_origins(own), measured)), _calibration(evidence, name)
    return tag(
        "div",
        tag("div", left) if left else None,
        tag("div", right) if right else None,
        class_="row",
    )


def _origins(own: pl.DataFrame) -> Html | None:
    rows = own.filter((pl.col("metric") == "auc") & pl.col("metric_value").is_not_null()).sort(
        "evaluated_origin"
    )
    if not len(rows):
        return None
    items = [
        (row, Range(row["metric_value"], row["low"], row["high"], row["baseline_value"]))
        for row in rows.iter_rows(named=True)
    ]
    scale = charts.scale_of([item for _, item in items], 0.0, 1.0)
    body: list[tuple[object, ...]] = [
        (
            tag("b", "All")
            if row["evaluated_origin"] == "all"
            else tag("span", row["evaluated_origin"], class_="nw"),
            count(row["n"]),
            charts.range_mark(item, scale),
            number(item.value, 3),
        )
        for row, item in items
    ]
    body.append(("", "", charts.range_axis(scale, lambda v: f"{v:g}"), ""))
    note = (
        "Dot and bar: the model's AUC with its 95 % interval. Notch: recency alone on the same "
        "customers."
    )
    rows_table = table(("Date", "Cases", "AUC", ""), body, numeric=(1, 3))
    return figure("Who leaves is ranked above who stays (AUC; .5 is chance)", rows_table, note)


def _calibration(evidence: Evidence, name: str) -> Html | None:
    if not evidence.has("calibration_bins"):
        return None
    rows = (
        evidence.frame("calibration_bins")
        .filter(pl.col("definition_id") == name)
        .sort("scorer", "bin")
    )
    series = []
    for scorer, words in (("model", "model"), ("recency_baseline", "recency alone")):
        own = rows.filter(pl.col("scorer") == scorer)
        if len(own):
            bins = [
                (row["mean_predicted"], Range(row["observed_share"], row["low"], row["high"]))
                for row in own.iter_rows(named=True)
            ]
            series.append((words, bins))
    if not series:
        return None
    note = (
        "Tenths of the customers by predicted probability. On the dashed line, a promised 30 % "
        "was 30 %."
    )
    picture = charts.calibration(series, "Predicted against observed churn", 440)
    return figure("Is a promised 30 % a true 30 %?", picture, note)


def _came_to(own: pl.DataFrame | None, band: str) -> str:
    """What the band's churn was at past origins, by whoever is published now."""
    row = _pooled(own, f"churn_{band}") if own is not None else None
    if row is None:
        return DASH
    share = row["metric_value" if row["verdict"] == "model" else "baseline_value"]
    return percent(share) if known(share) else DASH


def _bands(evidence: Evidence, risks: pl.DataFrame, own: pl.DataFrame | None) -> Html:
    found = {
        row["risk_band"]: row
        for row in risks.group_by("risk_band")
        .agg(
            n=pl.len(),
            expected=pl.col("p_churn").sum(),
            loss=pl.when(pl.col("expected_loss").count() > 0).then(pl.col("expected_loss").sum()),
        )
        .iter_rows(named=True)
    }
    total, largest = len(risks), max(row["n"] for row in found.values())
    body = [
        (
            tag("b", plain(band)),
            count(found[band]["n"]),
            tag("span", charts.bar(found[band]["n"] / largest), class_="bars"),
            percent(found[band]["n"] / total),
            count(round(found[band]["expected"])),
            _came_to(own, band),
            money(found[band]["loss"], evidence.currency),
        )
        for band in _BANDS
        if band in found
    ]
    head = ("Risk", "Customers", "", "Share", "Expected to leave", "Left before", "Expected loss")
    return join((tag("h4", "Risk tonight"), table(head, body, numeric=(1, 3, 4, 5, 6))))


def _first(evidence: Evidence, risks: pl.DataFrame) -> Html:
    rows = risks.filter(pl.col("expected_loss").is_not_null()).sort(
        "expected_loss", "p_churn", "customer_id", descending=[True, True, False]
    )
    body = []
    for row in rows.head(_TOP).iter_rows(named=True):
        reasons = [row[f"reason_{place}"] for place in (1, 2, 3) if row[f"reason_{place}"]]
        keeps = tag("small", f"for staying: {row['protect_1']}") if row["protect_1"] else None
        why = join((plain("; ".join(reasons)) or DASH, tag("br") if keeps else None, keeps))
        body.append((
            tag("span", row["customer_id"], class_="id"), percent(row["p_churn"]),
            percents(row["p_low"], row["p_high"]), money(row["expected_loss"], evidence.currency), why,
        ))  # fmt: skip
    if not body:
        return quiet("No customer's value at risk is known.")
    return join((
        tag("h4", "Whom to call first ", tag("small", "by probability times what staying would bring "
            f"in {risks['horizon_days'][0]} days")),
        table(("Customer", "Churn", "95 %", "Expected loss", "Why"), body, numeric=(1, 2, 3)),
    ))  # fmt: skip


def expected_churn(evidence: Evidence) -> Iterator[Finding]:
    """How much of the expected loss lies with the few who have most at stake."""
    if not evidence.has("churn_predictions"):
        return
    rows = evidence.frame("churn_predictions").filter(
        pl.col("eligible") & pl.col("expected_loss").is_not_null()
    )
    for definition in rows["definition_id"].unique().sort():
        own = rows.filter(pl.col("definition_id") == definition)
        names = ("expected_to_leave", "expected_loss", "expected_loss_top")
        leaving, loss, top = (_of(evidence, name, definition) for name in names)
        if leaving is None or loss is None or top is None:
            continue
        held, total = top.value or 0.0, loss.value or 0.0
        likely = own.filter(pl.col("p_churn") > 0)
        at_stake = float((likely["expected_loss"].cast(pl.Float64) / likely["p_churn"]).sum())
        if len(own) < 20 or total <= 0 or at_stake <= 0:
            continue
        act = "cancel" if definition.startswith("subscription") else "not buy again"
        days = own["horizon_days"][0]
        text = phrase(
            f"About {{leaving}} of {{n}} customers are expected to {act} within {days} days; the {{few}} "
            "with most at stake stand for {share} of the expected loss ({held} of {total}).",
            leaving=cited(count(round(leaving.value or 0)), leaving),
            n=cited(count(leaving.n), leaving, part="n"),
            few=cited(count(top.n), top, part="n"),
            share=cited(percent(held / total), top, against=loss, how="ratio"),
            held=cited(money(round(held, 2), evidence.currency), top),
            total=cited(money(round(total, 2), evidence.currency), loss),
        )
        value = min(1.0, held / at_stake)
        yield Finding(text, "churn_predictions", value, "expected_loss")


REPORT = RoomReport(
    place=50,
    sections=(Section("churn", "Churn", churn),),
    findings=(expected_churn,),
    glossary={
        "Expected loss": (
            "Probability of churn times what the customer brings within the horizon by staying: by "
            "the own past rate, or the monthly amount times its months."
        ),
        "Recency alone": (
            "The simplest prediction: who was silent longest leaves first. A model must "
            "beat it to be used."
        ),
        "Base rate": (
            "The share that left at earlier dates, the same for everybody. What does not beat it "
            "tells nobody apart."
        ),
        "Left before": "The share of that band, as drawn at past dates, that then left.",
    },
)
