"""Whose a mailbox is: a person's or a function's.

Belongs here: reading the part before the @. Not here: which mailboxes nobody has, or too many
(linking/placeholders.py, linking/hub_value.py).
"""

from __future__ import annotations

from typing import Any

import polars as pl

from customer_intel.identity.records.normalise import words


def is_role_mailbox(email: pl.Expr, config: dict[str, Any]) -> pl.Expr:
    """Whether the address (email_norm) is a function's, as info@, kasse1@, sales-emea@; null of null.

    On a company's domain one function's word of three letters and more before a separator is
    enough; on a public provider's the whole local part must be one.
    """
    return email.map_batches(lambda emails: _judged(emails, config), return_dtype=pl.Boolean)


def _judged(emails: pl.Series, config: dict[str, Any]) -> pl.Series:
    roles = words(config["role_mailboxes"])
    # Few begin as a function's word does, front-desk as frontdesk: only those are looked at closely.
    begins = sorted({role[:n] for role in roles for n in range(2, len(role) + 1)})
    first = emails.str.extract(r"^([^@+._\-0-9]+)")
    looked_at = first.is_in(begins)
    rows = looked_at.arg_true()
    local = pl.col("email").str.extract(r"^([^@+]+)")
    is_public = pl.col("email").str.extract(r"@(.+)$").is_in(words(config["freemail_domains"]))
    found = (
        pl.DataFrame({"email": emails.gather(rows), "first": first.gather(rows)})
        .select(
            is_role=local.is_in(roles)
            | local.str.replace_all(r"[._\-]|[0-9]+$", "").is_in(roles)
            | (
                ~is_public
                & pl.col("first").is_in([role for role in roles if len(role) > 2])
                & local.str.contains(r"^[^._\-0-9]+[0-9]*[._\-]")
            )
        )
        .to_series()
    )
    # An address without any such begin, 483920@ too, is nobody's function.
    judged = pl.select(pl.when(emails.is_not_null()).then(False)).to_series()
    return judged.scatter(rows, found).alias(emails.name)
