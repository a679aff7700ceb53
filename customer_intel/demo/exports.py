"""What each vendor's export of a window of time looks like: text frames with the vendors' own headers.

Every function takes the window [since, upto) in epoch seconds and returns the rows that the window touched, in their state
at `upto`. Nothing here is dirty yet; `mess` does that.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from customer_intel.demo import pools
from customer_intel.demo.people import Identity
from customer_intel.demo.world import DAY, NEVER, World

SHOP_ZONE = "America/New_York"
SHOPIFY_ORDER = """Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,
Shipping,Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,Lineitem price,
Lineitem compare at price,Lineitem sku,Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,Billing Name,
Billing Street,Billing Address1,Billing Address2,Billing Company,Billing City,Billing Zip,Billing Province,Billing Country,
Billing Phone,Shipping Name,Shipping Street,Shipping Address1,Shipping Address2,Shipping Company,Shipping City,Shipping Zip,
Shipping Province,Shipping Country,Shipping Phone,Notes,Note Attributes,Cancelled at,Payment Method,Payment Reference,
Refunded Amount,Vendor,Id,Tags,Risk Level,Source,Lineitem discount,Tax 1 Name,Tax 1 Value,Phone,Receipt Number,Duties,
Billing Province Name,Shipping Province Name,Payment Terms Name,Next Payment Due At""".replace("\n", "").split(",")
ZENDESK_TICKET = """Summation column,Id,Requester,Requester id,Requester external id,Requester email,Requester domain,Submitter,
Assignee,Group,Subject,Tags,Status,Priority,Via,Ticket type,Created at,Updated at,Assigned at,Organization,Due date,
Initially assigned at,Solved at,Resolution time,Satisfaction Score,Group stations,Assignee stations,Reopens,Replies,
First reply time in minutes,First reply time in minutes within business hours,First resolution time in minutes,
Full resolution time in minutes""".replace("\n", "").split(",")


def money(column: str) -> pl.Expr:
    cents = pl.col(column).cast(pl.Int64)
    return pl.concat_str((cents // 100).cast(pl.String), pl.lit("."), (cents % 100).cast(pl.String).str.zfill(2))


def utc(expr: pl.Expr, form: str = "%Y-%m-%d %H:%M:%S") -> pl.Expr:
    return pl.from_epoch(expr, time_unit="s").dt.strftime(form)


def seen(column: str, upto: int) -> pl.Expr:
    """The moment, or null when it has not happened yet."""
    return pl.when(pl.col(column) < upto).then(pl.col(column))


def touched(since: int, upto: int, *moments: str) -> pl.Expr:
    return pl.any_horizontal(*[pl.col(m).is_between(since, upto, closed="left") for m in moments])


def layout(frame: pl.DataFrame, header: list[str]) -> pl.DataFrame:
    """The vendor's full header in the vendor's order; columns that Harbor & Pine does not fill are empty."""
    return frame.select([pl.col(c).cast(pl.String) if c in frame.columns else pl.lit(None, dtype=pl.String).alias(c) for c in header])


class Exporter:
    def __init__(self, world: World, people: list[Identity], records: pl.DataFrame, rng: np.random.Generator) -> None:
        self.world, self.records = world, records
        persons = pl.DataFrame({
            "person": [p.person for p in people], "true_email": [p.email for p in people], "email2": [p.email2 for p in people],
            "name": [f"{p.first} {p.last}" for p in people], "street": [p.street for p in people], "town": [p.city for p in people],
            "state": [p.state for p in people], "postal": [p.postal for p in people], "country": [p.country for p in people],
            "digits": [p.digits for p in people],
        })
        first = records.unique(["source", "person"], keep="first", maintain_order=True)
        for source in ("shopify", "stripe", "zendesk"):
            own = first.filter(pl.col("source") == source).select(
                "person", pl.col("id").alias(f"{source}_id"), pl.col("email").alias(f"{source}_email"), pl.col("user_id").alias(f"{source}_user"),
                pl.concat_str("first", "last", separator=" ").alias(f"{source}_name"))
            persons = persons.join(own, on="person", how="left", maintain_order="left")
        self.persons = persons
        self.orders = self._order_frame(rng)
        self.surveys = world.surveys.join(persons, on="person", how="left", maintain_order="left").with_columns(
            email=pl.coalesce("shopify_email", "true_email").str.strip_chars())
        self.consents = self._consent_frame(rng)

    def _order_frame(self, rng: np.random.Generator) -> pl.DataFrame:
        o = self.world.orders.join(self.persons, on="person", how="left", maintain_order="left")
        n = len(o)
        alias, drawn = rng.random(n) < 0.04, rng.random(n)
        email = pl.when(pl.Series(alias) & (pl.col("email2") != "")).then("email2").otherwise(pl.coalesce("shopify_email", "true_email"))
        # a till asks for no address: four in ten of the shop's own sales stay anonymous
        hidden = ~pl.col("is_web") & pl.Series(drawn < 0.4)
        return o.with_columns(order_email=pl.when(hidden).then(None).otherwise(email), is_hidden=hidden)

    def _consent_frame(self, rng: np.random.Generator) -> pl.DataFrame:
        who = self.persons.filter(pl.col("shopify_id").is_not_null())
        base = who.join(self.records.filter(pl.col("source") == "shopify").unique("person", keep="first").select("person", "created"),
                        on="person", how="left", maintain_order="left")
        parts = []
        for purpose, share in (("Marketing", 0.62), ("Analytics", 0.8), ("Profiling", 0.9)):
            n = len(base)
            granted = rng.random(n) < share
            parts.append(base.select("person", "shopify_email", purpose=pl.lit(purpose), at=pl.col("created") + 60,
                                     status=pl.Series(np.where(granted, "ACTIVE", "NO_CONSENT"))))
            later = granted & (rng.random(n) < 0.05)
            at = base["created"].to_numpy() + rng.integers(5, 250, n) * DAY
            parts.append(base.select("person", "shopify_email", purpose=pl.lit(purpose), at=pl.Series(at),
                                     status=pl.lit("WITHDRAWN")).filter(pl.Series(later)))
        return pl.concat(parts).filter(pl.col("at") < self.world.t1).sort("at", "person", "purpose").with_row_index("receipt")

    # --- contacts ---------------------------------------------------------------------------------------------------

    def contacts(self, source: str, since: int, upto: int) -> pl.DataFrame:
        rows = self.records.filter((pl.col("source") == source) & (pl.col("created") < upto) & touched(since, upto, "created", "modified"))
        return rows.with_columns(
            modified=pl.when(pl.col("modified") < upto).then("modified").otherwise("created"),
            **{c: pl.when(pl.col(c) == "").then(None).otherwise(c) for c in ("email", "phone", "mobile", "suffix", "birth", "user_id", "state")})

    def hubspot(self, since: int, upto: int) -> pl.DataFrame:
        rows = self.contacts("hubspot", since, upto)
        last = pl.concat_str("last", pl.concat_str(pl.lit(" "), "suffix").fill_null(""))
        buyers = self.world.orders.filter(pl.col("created") < upto)["person"].unique().to_list()
        return rows.select(
            pl.col("id").alias("Record ID"), pl.col("first").alias("First Name"), last.alias("Last Name"), pl.col("email").alias("Email"),
            pl.col("phone").alias("Phone Number"), pl.col("mobile").alias("Mobile Phone Number"),
            pl.col("street").alias("Street Address"), pl.col("city").alias("City"), pl.col("state").alias("State/Region"),
            pl.col("postal").alias("Postal Code"), pl.col("country").alias("Country/Region"),
            pl.when(pl.col("person").is_in(buyers)).then(pl.lit("Customer")).otherwise(pl.lit("Lead")).alias("Lifecycle Stage"),
            pl.lit("Organic Search").alias("Original Source"), pl.lit("Robin Vale").alias("Contact owner"),
            pl.col("user_id").alias("Shopify Customer ID"), utc(pl.col("created"), "%Y-%m-%d %H:%M").alias("Create Date"),
            utc(pl.col("modified"), "%Y-%m-%d %H:%M").alias("Last Modified Date"))

    def shopify_customers(self, since: int, upto: int) -> pl.DataFrame:
        rows = self.contacts("shopify", since, upto)
        spent = self.world.orders.filter(pl.col("created") < upto).group_by("person").agg(pl.col("total").sum(), n=pl.len())
        rows = rows.join(spent, on="person", how="left", maintain_order="left").with_columns(pl.col("total", "n").fill_null(0))
        # the real export guards digits against spreadsheets with an apostrophe
        guarded = pl.concat_str(pl.lit("'"), "phone")
        return rows.select(
            pl.concat_str(pl.lit("'"), "id").alias("Customer ID"), pl.col("first").alias("First Name"), pl.concat_str("last", pl.concat_str(pl.lit(" "), "suffix").fill_null("")).alias("Last Name"),
            pl.col("email").alias("Email"), pl.when(pl.col("person") % 5 < 3).then(pl.lit("yes")).otherwise(pl.lit("no")).alias("Accepts Email Marketing"),
            pl.lit(None, dtype=pl.String).alias("Default Address Company"), pl.col("street").alias("Default Address Address1"), pl.lit(None, dtype=pl.String).alias("Default Address Address2"),
            pl.col("city").alias("Default Address City"), pl.col("state").alias("Default Address Province Code"), pl.col("country").alias("Default Address Country Code"),
            pl.concat_str(pl.lit("'"), "postal").alias("Default Address Zip"), guarded.alias("Default Address Phone"), guarded.alias("Phone"),
            pl.lit("no").alias("Accepts SMS Marketing"), money("total").alias("Total Spent"), pl.col("n").cast(pl.String).alias("Total Orders"),
            pl.lit(None, dtype=pl.String).alias("Note"), pl.lit("no").alias("Tax Exempt"), pl.lit(None, dtype=pl.String).alias("Tags"))

    def stripe_customers(self, since: int, upto: int) -> pl.DataFrame:
        rows = self.contacts("stripe", since, upto)
        return rows.select(
            "id", pl.lit(None, dtype=pl.String).alias("Description"), pl.col("email").alias("Email"), pl.concat_str("first", "last", separator=" ").alias("Name"),
            utc(pl.col("created")).alias("Created (UTC)"), pl.lit("false").alias("Delinquent"), pl.lit("Visa").alias("Card Brand"),
            pl.col("street").alias("Card Address Line1"), pl.col("city").alias("Card Address City"), pl.col("state").alias("Card Address State"),
            pl.col("country").alias("Card Address Country"), pl.col("postal").alias("Card Address Zip"), pl.lit("usd").alias("Currency"),
            pl.col("user_id").alias("shopify_customer_id (metadata)"))

    def zendesk_users(self, since: int, upto: int) -> pl.DataFrame:
        rows = self.contacts("zendesk", since, upto)
        iso = "%Y-%m-%dT%H:%M:%SZ"
        users = rows.select(
            "id", pl.lit("true").alias("active"), utc(pl.col("created"), iso).alias("created_at"), "email", pl.col("user_id").alias("external_id"),
            pl.lit("en-US").alias("locale"), pl.concat_str("first", "last", separator=" ").alias("name"), pl.lit(None, dtype=pl.String).alias("notes"),
            pl.lit(None, dtype=pl.String).alias("organization_id"), "phone", pl.lit("end-user").alias("role"), pl.lit("false").alias("suspended"),
            pl.lit("Eastern Time (US & Canada)").alias("time_zone"), utc(pl.col("modified"), iso).alias("updated_at"), pl.lit("true").alias("verified"))
        agent = {"id": "370000000001", "active": "true", "created_at": "2024-01-02T09:00:00Z", "email": "robin.vale@harborandpine.example", "external_id": None,
                 "locale": "en-US", "name": "Robin Vale", "notes": None, "organization_id": None, "phone": None, "role": "agent", "suspended": "false",
                 "time_zone": "Eastern Time (US & Canada)", "updated_at": "2024-01-02T09:00:00Z", "verified": "true"}
        return pl.concat([pl.DataFrame([agent], schema=users.schema), users])

    def loyalty(self, since: int, upto: int) -> pl.DataFrame:
        rows = self.contacts("loyalty", since, upto)
        birth = pl.col("birth").str.replace(r"(\d{4})-(\d\d)-(\d\d)", "$3/$2/$1")
        return rows.select(
            pl.col("id").alias("Card no"), pl.concat_str("first", pl.lit(" "), "last", pl.concat_str(pl.lit(" "), "suffix").fill_null("")).alias("Name"),
            pl.col("email").alias("E-mail"), pl.col("phone").alias("Tel"), birth.alias("Birthday"), pl.col("city").alias("Store"),
            pl.col("postal").alias("Post code"), utc(pl.col("created"), "%d/%m/%Y").alias("Joined"))

    # --- shop -------------------------------------------------------------------------------------------------------

    def shopify_orders(self, since: int, upto: int) -> pl.DataFrame:
        o = self.orders.filter((pl.col("created") < upto) & touched(since, upto, "created", "shipped", "delivered", "cancelled", "refunded"))
        lines = self.world.lines.with_columns(line=pl.int_range(pl.len()).over("order"))
        rows = o.join(lines, on="order", how="inner", maintain_order="left")

        def local(expr: pl.Expr) -> pl.Expr:
            return pl.from_epoch(expr, time_unit="s").dt.replace_time_zone("UTC").dt.convert_time_zone(SHOP_ZONE).dt.strftime("%Y-%m-%d %H:%M:%S %z")

        head = pl.col("line") == 0
        delivered = pl.concat_str(pl.lit("\ndelivered_at: "), local(seen("delivered", upto))).fill_null("")
        note = pl.when("is_web").then(pl.concat_str(pl.lit("promised_delivery: "), utc(pl.col("promised"), "%Y-%m-%d"), delivered))
        refunded = pl.when(pl.col("refunded") < upto).then("total").when(pl.col("cancelled") < upto).then("total").otherwise(0).alias("back")
        phone = pl.when(pl.col("country") == "GB").then(pl.concat_str(pl.lit("'+44"), "digits")).otherwise(pl.concat_str(pl.lit("'+1"), "digits"))
        phone = pl.when(~pl.col("is_hidden") & (pl.col("digits") != "") & (pl.col("person") % 3 > 0)).then(phone)
        person = ~pl.col("is_hidden")
        product = {c: pl.Series([x[i] for x in pools.PRODUCTS]) for c, i in (("sku", 0), ("title", 1))}
        rows = rows.with_columns(refunded).with_columns(
            sku=product["sku"].gather(rows["product"]), title=product["title"].gather(rows["product"]),
            code=pl.Series(pools.DISCOUNTS).gather(rows["discount_code"]))
        status = (pl.when(pl.col("refunded") < upto).then(pl.lit("refunded")).when(pl.col("cancelled") < upto).then(pl.lit("voided")).otherwise(pl.lit("paid")))
        fulfilled = pl.when(pl.col("shipped") < upto).then(pl.lit("fulfilled")).otherwise(pl.lit("unfulfilled"))
        once: dict[str, pl.Expr] = {
            "Financial Status": status, "Paid at": local(pl.col("created")), "Fulfillment Status": fulfilled, "Fulfilled at": local(seen("shipped", upto)),
            "Accepts Marketing": pl.when(pl.col("person") % 5 < 3).then(pl.lit("yes")).otherwise(pl.lit("no")), "Currency": pl.lit("USD"),
            "Subtotal": money("subtotal"), "Shipping": money("shipping"), "Taxes": money("tax"), "Total": money("total"),
            "Discount Code": pl.when(pl.col("code") != "").then("code"), "Discount Amount": money("discount"), "Shipping Method": pl.when("is_web").then(pl.lit("Standard")),
            "Billing Name": pl.when(person).then("name"), "Billing Street": pl.when(person).then("street"), "Billing Address1": pl.when(person).then("street"),
            "Billing City": pl.when(person).then("town"), "Billing Zip": pl.when(person).then(pl.concat_str(pl.lit("'"), "postal")),
            "Billing Province": pl.when(person & (pl.col("state") != "")).then("state"), "Billing Country": pl.when(person).then("country"),
            "Billing Phone": phone, "Shipping Name": pl.when("is_web").then("name"), "Shipping Street": pl.when("is_web").then("street"),
            "Shipping City": pl.when("is_web").then("town"), "Shipping Country": pl.when("is_web").then("country"), "Note Attributes": note,
            "Cancelled at": local(seen("cancelled", upto)), "Payment Method": pl.lit("Shopify Payments"), "Refunded Amount": money("back"),
            "Id": (pl.col("order") + 5_550_000_000_001).cast(pl.String), "Risk Level": pl.lit("Low"),
            "Source": pl.when("is_web").then(pl.lit("web")).otherwise(pl.lit("pos")), "Tax 1 Name": pl.lit("Sales Tax 6.25%"), "Tax 1 Value": money("tax"), "Phone": phone,
        }
        each = {
            "Name": pl.concat_str(pl.lit("#"), (pl.col("order") + 1001).cast(pl.String)), "Email": pl.col("order_email"), "Created at": local(pl.col("created")),
            "Lineitem quantity": pl.col("quantity").cast(pl.String), "Lineitem name": pl.col("title"), "Lineitem price": money("price"), "Lineitem sku": pl.col("sku"),
            "Lineitem requires shipping": pl.lit("true"), "Lineitem taxable": pl.lit("true"), "Lineitem fulfillment status": fulfilled.str.replace("unfulfilled", "pending"),
            "Lineitem discount": pl.lit("0.00"), "Vendor": pl.lit("Harbor & Pine"),
        }
        values = {c: pl.when(head).then(e) for c, e in once.items()} | each
        return layout(rows.select([e.alias(c) for c, e in values.items()]), SHOPIFY_ORDER)

    # --- billing ----------------------------------------------------------------------------------------------------

    def stripe_subscriptions(self, since: int, upto: int) -> pl.DataFrame:
        renewed = self.world.invoices.filter(pl.col("created").is_between(since, upto, closed="left"))["subscription"].unique().to_list()
        s = self.world.subscriptions.join(self.persons, on="person", how="left", maintain_order="left")
        s = s.filter((pl.col("started") < upto) & (touched(since, upto, "started", "canceled", "ended") | pl.col("subscription").is_in(renewed)))
        unpaid = self.world.invoices.filter((pl.col("created") < upto) & pl.col("is_failed") & (pl.col("paid") >= upto))["subscription"].unique().to_list()
        plan = {c: pl.Series([x[i] for x in pools.PLANS]).gather(s["plan"]) for c, i in (("plan_id", 0), ("plan_name", 1), ("interval", 2), ("amount", 3))}
        s = s.with_columns(**plan)
        trial_end = pl.col("started") + 14 * DAY
        period = pl.min_horizontal(pl.lit(upto), "ended", "canceled") - pl.col("started")
        begun = pl.col("started") + period // (pl.col("period") * DAY) * pl.col("period") * DAY
        status = (pl.when(pl.col("ended") < upto).then(pl.lit("canceled")).when(pl.col("subscription").is_in(unpaid)).then(pl.lit("past_due"))
                  .when(pl.col("trial") & (trial_end >= upto)).then(pl.lit("trialing")).otherwise(pl.lit("active")))
        reason = pl.when(pl.col("canceled") < upto).then(pl.when("by_dunning").then(pl.lit("payment_failed")).otherwise(pl.lit("cancellation_requested")))
        asked = (pl.col("canceled") < upto) & ~pl.col("by_dunning")
        feedback = pl.Series(["too_expensive", "unused", "switched_service", "low_quality"]).gather(s["feedback"])
        return s.select(
            pl.format("sub_{}", (pl.col("subscription") + 1_000_000).cast(pl.String)).alias("id"), pl.col("stripe_id").alias("Customer ID"),
            pl.col("stripe_email").alias("Customer Email"), pl.col("stripe_name").alias("Customer Name"), pl.col("plan_id").alias("Plan"), pl.col("plan_name").alias("Product"),
            pl.lit("1").alias("Quantity"), pl.lit("usd").alias("Currency"), pl.col("interval").alias("Interval"), money("amount").alias("Amount"), status.alias("Status"),
            utc(pl.col("started")).alias("Created (UTC)"), utc(pl.col("started")).alias("Start Date (UTC)"), utc(begun).alias("Current Period Start (UTC)"),
            utc(begun + pl.col("period") * DAY).alias("Current Period End (UTC)"), utc(pl.when("trial").then("started")).alias("Trial Start (UTC)"),
            utc(pl.when("trial").then(trial_end)).alias("Trial End (UTC)"), utc(seen("canceled", upto)).alias("Canceled At (UTC)"),
            (pl.col("at_period_end") & (pl.col("canceled") < upto)).cast(pl.String).alias("Cancel At Period End"), utc(seen("ended", upto)).alias("Ended At (UTC)"),
            reason.alias("Cancellation Reason"), pl.when(asked).then(feedback).alias("Cancellation Feedback"))

    def stripe_invoices(self, since: int, upto: int) -> pl.DataFrame:
        i = self.world.invoices.join(self.persons, on="person", how="left", maintain_order="left")
        given_up = pl.col("created") + 30 * DAY
        i = i.with_columns(given_up=pl.when(pl.col("paid") >= int(NEVER)).then(given_up).otherwise(int(NEVER)))
        i = i.filter((pl.col("created") < upto) & touched(since, upto, "created", "paid", "given_up"))
        paid = pl.col("paid") < upto
        due = pl.when(paid).then(0).otherwise("amount").alias("due")
        got = pl.when(paid).then("amount").otherwise(0).alias("got")
        tries = 1 + (pl.col("is_failed") & (pl.col("created") + 4 * DAY < upto)).cast(pl.Int64)
        return i.with_columns(due, got).select(
            pl.format("in_{}", (pl.col("invoice") + 1_000_000).cast(pl.String)).alias("id"), money("amount").alias("Amount Due"), pl.lit("charge_automatically").alias("Billing"),
            pl.lit("usd").alias("Currency"), pl.col("stripe_id").alias("Customer"), utc(pl.col("created")).alias("Date (UTC)"), pl.lit(None, dtype=pl.String).alias("Due Date (UTC)"),
            pl.format("HP-{}", (pl.col("invoice") + 1).cast(pl.String).str.zfill(6)).alias("Number"), pl.format("sub_{}", (pl.col("subscription") + 1_000_000).cast(pl.String)).alias("Subscription"),
            money("amount").alias("Subtotal"), pl.lit("0.00").alias("Total Discount Amount"), pl.lit("0.00").alias("Tax"), money("amount").alias("Total"), money("got").alias("Amount Paid"),
            money("due").alias("Amount Remaining"), tries.cast(pl.String).alias("Attempt Count"),
            pl.when(paid).then(pl.lit("paid")).when(pl.col("given_up") < upto).then(pl.lit("uncollectible")).otherwise(pl.lit("open")).alias("Status"),
            utc(pl.col("created")).alias("Minimum Line Item Period Start (UTC)"), utc(pl.col("period_end")).alias("Maximum Line Item Period End (UTC)"),
            utc(seen("paid", upto)).alias("Paid At (UTC)"), pl.col("stripe_email").alias("Customer Email"))

    def stripe_charges(self, since: int, upto: int) -> pl.DataFrame:
        c = self.world.charges.filter(pl.col("at").is_between(since, upto, closed="left")).join(self.persons, on="person", how="left", maintain_order="left")
        ok = pl.col("ok")
        fee = (pl.col("amount") * 29 // 1000 + 30).alias("fee")
        return c.with_columns(fee).select(
            pl.format("ch_{}", (pl.col("charge") + 1_000_000).cast(pl.String)).alias("id"), utc(pl.col("at")).alias("Created date (UTC)"), money("amount").alias("Amount"),
            pl.lit("0.00").alias("Amount Refunded"), pl.lit("usd").alias("Currency"), ok.cast(pl.String).alias("Captured"),
            pl.when(~ok).then(pl.lit("card_declined")).alias("Decline Reason"), pl.lit("Subscription update").alias("Description"),
            pl.when(ok).then(money("fee")).otherwise(pl.lit("0.00")).alias("Fee"), pl.lit("card").alias("Payment Source Type"),
            pl.when(ok).then(pl.lit("Paid")).otherwise(pl.lit("Failed")).alias("Status"), pl.col("stripe_id").alias("Customer ID"), pl.col("stripe_email").alias("Customer Email"),
            pl.format("in_{}", (pl.col("invoice") + 1_000_000).cast(pl.String)).alias("Invoice ID"))

    # --- support, surveys, consent ----------------------------------------------------------------------------------

    def zendesk_tickets(self, since: int, upto: int) -> pl.DataFrame:
        t = self.world.tickets.join(self.persons, on="person", how="left", maintain_order="left")
        t = t.with_columns(closed=pl.when(pl.col("solved") < int(NEVER)).then(pl.col("solved") + 4 * DAY).otherwise(int(NEVER)))
        t = t.filter((pl.col("created") < upto) & touched(since, upto, "created", "replied", "solved", "closed"))
        kinds = list(pools.TICKET_TOPICS)
        subjects = [pools.TICKET_TOPICS[kinds[a]][b % len(pools.TICKET_TOPICS[kinds[a]])] for a, b in t.select("topic", "phrase").iter_rows()]
        solved, replied = pl.col("solved") < upto, pl.col("replied") < upto
        minutes = ((pl.col("replied") - pl.col("created")) // 60).cast(pl.String)
        full = ((pl.col("solved") - pl.col("created")) // 60).cast(pl.String)
        rating = pl.when(~solved).then(pl.lit("Not Offered")).when(pl.col("rating") == 2).then(pl.lit("Good")).when(pl.col("rating") == 1).then(pl.lit("Bad")).otherwise(pl.lit("Offered"))
        last = pl.max_horizontal("created", seen("replied", upto), seen("solved", upto), seen("closed", upto))
        status = (pl.when(pl.col("closed") < upto).then(pl.lit("Closed")).when(solved).then(pl.lit("Solved")).when(replied).then(pl.lit("Pending")).otherwise(pl.lit("Open")))
        rows = t.select(
            pl.lit("1").alias("Summation column"), (pl.col("ticket") + 20_001).cast(pl.String).alias("Id"), pl.col("zendesk_name").alias("Requester"), pl.col("zendesk_id").alias("Requester id"),
            pl.when(pl.col("zendesk_user") != "").then("zendesk_user").alias("Requester external id"), pl.when(pl.col("zendesk_email") != "").then(pl.col("zendesk_email")).alias("Requester email"),
            pl.lit("Robin Vale").alias("Assignee"), pl.when(pl.col("topic") == 1).then(pl.lit("Billing")).otherwise(pl.lit("Support")).alias("Group"),
            pl.Series("Subject", subjects, dtype=pl.String), pl.Series([f"{k} shop" for k in kinds]).gather(t["topic"]).alias("Tags"), status.alias("Status"),
            pl.Series(["Low", "Normal", "High", "Urgent"]).gather(t["priority"]).alias("Priority"), pl.Series(["Mail", "Web Form", "Chat"]).gather(t["channel"]).alias("Via"),
            pl.lit("Question").alias("Ticket type"), utc(pl.col("created")).alias("Created at"), utc(last).alias("Updated at"), utc(pl.when(solved).then("solved")).alias("Solved at"),
            rating.alias("Satisfaction Score"), pl.col("reopens").cast(pl.String).alias("Reopens"), pl.when(replied).then("replies").otherwise(0).cast(pl.String).alias("Replies"),
            pl.when(replied).then(minutes).alias("First reply time in minutes"), pl.when(solved).then(full).alias("Full resolution time in minutes"))
        return layout(rows, ZENDESK_TICKET)

    def delighted(self, since: int, upto: int) -> pl.DataFrame:
        s = self.surveys.filter(pl.col("responded").is_between(since, upto, closed="left"))
        reasons = list(pools.NPS_COMMENTS)
        comments = [pools.NPS_COMMENTS[reasons[a]][b % len(pools.NPS_COMMENTS[reasons[a]])] if said else None for a, b, said in s.select("reason", "phrase", "has_comment").iter_rows()]
        iso = "%Y-%m-%dT%H:%M:%SZ"
        return s.select(
            (pl.col("response") + 700_001).cast(pl.String).alias("Response ID"), (pl.col("person") + 300_001).cast(pl.String).alias("Person ID"), pl.col("email").alias("Email"),
            pl.col("name").alias("Name"), pl.lit("nps").alias("Survey Type"), pl.col("score").cast(pl.String).alias("Score"), pl.Series("Comment", comments, dtype=pl.String),
            pl.lit("email").alias("Source"), pl.lit("en").alias("Locale"), utc(pl.col("sent"), iso).alias("Sent At"), utc(pl.col("responded"), iso).alias("Created At"),
            pl.lit(None, dtype=pl.String).alias("Tags"))

    def onetrust(self, since: int, upto: int) -> pl.DataFrame:
        c = self.consents.filter(pl.col("at").is_between(since, upto, closed="left"))
        return c.select(
            pl.format("rcpt-{}", (pl.col("receipt") + 1).cast(pl.String).str.zfill(7)).alias("Receipt ID"), pl.col("shopify_email").str.strip_chars().alias("Data Subject Identifier"),
            pl.lit("Email").alias("Identifier Type"), pl.col("purpose").alias("Purpose Name"), pl.lit("1").alias("Purpose Version"), pl.col("status").alias("Consent Status"),
            pl.lit("Shop sign-up form").alias("Collection Point"), utc(pl.col("at"), "%Y-%m-%dT%H:%M:%SZ").alias("Interaction Date"), pl.lit("US").alias("Jurisdiction"))

