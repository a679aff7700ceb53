"""What a query reads.

Belongs here: parsing SQL, and which tables it names. Not here: columns (lineage.py),
which functions are allowed (portable_sql.py).
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.tables import kept

if TYPE_CHECKING:
    from sqlglot import exp

PLACEHOLDER = re.compile(r"\$([a-z_][a-z0-9_]*)")


@cache
def tables_read(sql: str, name: str) -> tuple[str, ...]:
    """The tables a query reads, its own common table expressions left out.

    Raises ConfigError with `name` and line for SQL that cannot be parsed.
    """

    def read() -> list[str]:
        from sqlglot import exp

        tree = parse(sql, name)
        own = {cte.alias for cte in tree.find_all(exp.CTE)}
        return sorted({table.name for table in tree.find_all(exp.Table)} - own)

    return tuple(kept.reading("tables", sql, read))


def parse(sql: str, name: str) -> exp.Query:
    """The query's tree. Raises ConfigError with `name` and line for what is not one SELECT."""
    import sqlglot
    from sqlglot import exp

    try:
        trees = [
            tree
            for tree in sqlglot.parse(PLACEHOLDER.sub("1", sql), read="duckdb")
            if tree is not None
        ]
    except sqlglot.errors.ParseError as error:
        line = str(error.errors[0]["line"]) if error.errors else ""
        place = line if name.endswith(" ") else f":{line}"
        said = error.errors[0]["description"] if error.errors else str(error).splitlines()[0]
        if said.startswith("Required keyword"):
            said = "an expression is missing or not ended"
        raise ConfigError(f"{name}{place}: {said.rstrip('.')}; mend the SQL there") from error
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise ConfigError(f"{name}: a table's file is one SELECT, found {len(trees)} statement(s)")
    return trees[0]
