"""Tickets, survey answers and consents as Zendesk, Delighted and OneTrust export them."""

from __future__ import annotations

import polars as pl

from customer_intel.demo import pools
from customer_intel.demo.clock import DAY, NEVER
from customer_intel.demo.exports import Exporter, layout, seen, touched, utc

ZENDESK_TICKET = """
Summation column,Id,Requester,Requester id,Requester external id,Requester email,Requester domain,Submitter,
Assignee,Group,Subject,Tags,Status,Priority,Via,Ticket type,Created at,Updated at,Assigned at,Organization,
Due date,Initially assigned at,Solved at,Resolution time,Satisfaction Score,Group stations,Assignee stations,
Reopens,Replies,First reply time in minutes,First reply time in minutes within business hours,
First resolution time in minutes,Full resolution time in minutes""".replace("\n", "").split(",")


def zendesk_tickets(exporter: Exporter, since: int, upto: int) -> pl.DataFrame:
    """Zendesk's tickets, without messages."""
    tickets = exporter.world.tickets.join(
        exporter.persons, on="person", how="left", maintain_order="left"
    )
    tickets = tickets.with_columns(
        closed=pl.when(pl.col("solved") < int(NEVER))
        .then(pl.col("solved") + 4 * DAY)
        .otherwise(int(NEVER))
    )
    tickets = tickets.filter(
        (pl.col("created") < upto) & touched(since, upto, "created", "replied", "solved", "closed")
    )
    kinds = list(pools.TICKET_TOPICS)
    subjects = [
        pools.TICKET_TOPICS[kinds[a]][b % len(pools.TICKET_TOPICS[kinds[a]])]
        for a, b in tickets.select("topic", "phrase").iter_rows()
    ]
    solved, replied = pl.col("solved") < upto, pl.col("replied") < upto
    minutes_to_reply = ((pl.col("replied") - pl.col("created")) // 60).cast(pl.String)
    minutes_to_solution = ((pl.col("solved") - pl.col("created")) // 60).cast(pl.String)
    rating = (
        pl.when(~solved)
        .then(pl.lit("Not Offered"))
        .when(pl.col("rating") == 2)
        .then(pl.lit("Good"))
        .when(pl.col("rating") == 1)
        .then(pl.lit("Bad"))
        .otherwise(pl.lit("Offered"))
    )
    last = pl.max_horizontal(
        "created", seen("replied", upto), seen("solved", upto), seen("closed", upto)
    )
    status = (
        pl.when(pl.col("closed") < upto)
        .then(pl.lit("Closed"))
        .when(solved)
        .then(pl.lit("Solved"))
        .when(replied)
        .then(pl.lit("Pending"))
        .otherwise(pl.lit("Open"))
    )
    rows = tickets.select(
        pl.lit("1").alias("Summation column"),
        (pl.col("ticket") + 20_001).cast(pl.String).alias("Id"),
        pl.col("zendesk_name").alias("Requester"),
        pl.col("zendesk_id").alias("Requester id"),
        pl.when(pl.col("zendesk_user") != "").then("zendesk_user").alias("Requester external id"),
        pl.when(pl.col("zendesk_email") != "")
        .then(pl.col("zendesk_email"))
        .alias("Requester email"),
        pl.lit("Robin Vale").alias("Assignee"),
        pl.when(pl.col("topic") == 1)
        .then(pl.lit("Billing"))
        .otherwise(pl.lit("Support"))
        .alias("Group"),
        pl.Series("Subject", subjects, dtype=pl.String),
        pl.Series([f"{k} shop" for k in kinds]).gather(tickets["topic"]).alias("Tags"),
        status.alias("Status"),
        pl.Series(["Low", "Normal", "High", "Urgent"])
        .gather(tickets["priority"])
        .alias("Priority"),
        pl.Series(["Mail", "Web Form", "Chat"]).gather(tickets["channel"]).alias("Via"),
        pl.lit("Question").alias("Ticket type"),
        utc(pl.col("created")).alias("Created at"),
        utc(last).alias("Updated at"),
        utc(pl.when(solved).then("solved")).alias("Solved at"),
        rating.alias("Satisfaction Score"),
        pl.col("reopens").cast(pl.String).alias("Reopens"),
        pl.when(replied).then("replies").otherwise(0).cast(pl.String).alias("Replies"),
        pl.when(replied).then(minutes_to_reply).alias("First reply time in minutes"),
        pl.when(solved).then(minutes_to_solution).alias("Full resolution time in minutes"),
    )
    return layout(rows, ZENDESK_TICKET)


def delighted(exporter: Exporter, since: int, upto: int) -> pl.DataFrame:
    """Delighted's answers of the window; each is final."""
    answers = exporter.surveys.filter(pl.col("responded").is_between(since, upto, closed="left"))
    reasons = list(pools.NPS_COMMENTS)
    comments = [
        pools.NPS_COMMENTS[reasons[a]][b % len(pools.NPS_COMMENTS[reasons[a]])]
        if has_comment
        else None
        for a, b, has_comment in answers.select("reason", "phrase", "has_comment").iter_rows()
    ]
    iso = "%Y-%m-%dT%H:%M:%SZ"
    return answers.select(
        (pl.col("response") + 700_001).cast(pl.String).alias("Response ID"),
        (pl.col("person") + 300_001).cast(pl.String).alias("Person ID"),
        pl.col("email").alias("Email"),
        pl.col("name").alias("Name"),
        pl.lit("nps").alias("Survey Type"),
        pl.col("score").cast(pl.String).alias("Score"),
        pl.Series("Comment", comments, dtype=pl.String),
        pl.lit("email").alias("Source"),
        pl.lit("en").alias("Locale"),
        utc(pl.col("sent"), iso).alias("Sent At"),
        utc(pl.col("responded"), iso).alias("Created At"),
        pl.lit(None, dtype=pl.String).alias("Tags"),
    )


def onetrust(exporter: Exporter, since: int, upto: int) -> pl.DataFrame:
    """OneTrust's consent receipts of the window; a withdrawal is a receipt of its own."""
    consents = exporter.consents.filter(pl.col("at").is_between(since, upto, closed="left"))
    return consents.select(
        pl.format("rcpt-{}", (pl.col("receipt") + 1).cast(pl.String).str.zfill(7)).alias(
            "Receipt ID"
        ),
        pl.col("shopify_email").str.strip_chars().alias("Data Subject Identifier"),
        pl.lit("Email").alias("Identifier Type"),
        pl.col("purpose").alias("Purpose Name"),
        pl.lit("1").alias("Purpose Version"),
        pl.col("status").alias("Consent Status"),
        pl.lit("Shop sign-up form").alias("Collection Point"),
        utc(pl.col("at"), "%Y-%m-%dT%H:%M:%SZ").alias("Interaction Date"),
        pl.lit("US").alias("Jurisdiction"),
    )
