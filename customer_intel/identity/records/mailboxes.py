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
    roles = words(config["role_mailboxes"])
    long_roles = [role for role in roles if len(role) > 2]
    local = email.str.extract(r"^([^@+]+)")
    whole = local.str.replace_all(r"[._\-]", "").str.replace(r"[0-9]+$", "")
    first = local.str.extract(r"^([^._\-]+)[._\-]").str.replace(r"[0-9]+$", "")
    is_public = email.str.extract(r"@(.+)$").is_in(words(config["freemail_domains"]))
    return (
        local.is_in(roles)
        | whole.is_in(roles)
        | (~is_public & first.is_in(long_roles)).fill_null(False)
    )
