"""The SELECT of a profile: its own, joined by its key with what other tables bring.

Belongs here: the text of that SELECT. Not here: which columns a table brings, and what the profile's
contract makes of them (core/contract/model.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from customer_intel.core.contract.model import Column, Profile, Table


def select(own: str, key: Sequence[str], joined: Sequence[Table]) -> str:
    """`own` gives the rows; its lines keep their numbers, so that an error names the file's."""
    picked = ",\n".join(column for table in joined for column in _columns(table))
    joins = "\n".join(
        f"LEFT JOIN {table.name} ON " + " AND ".join(f"{table.name}.{k} = own.{k}" for k in key)
        for table in joined
    )
    return (
        f"WITH own AS ( {own.rstrip().rstrip(';')}\n)\n"
        f'-- Generated from what tables say under "profile" in their tables.yaml.\n'
        f"SELECT\n    own.*,\n{picked}\nFROM own\n{joins}\n"
    )


def _columns(table: Table) -> Iterator[str]:
    says = table.profile or Profile()
    for name, column in table.brought.items():
        value = f"{table.name}.{column.name}"
        if column.name in says.zero:
            yield f"    {_or_zero(table, column, value)} AS {name}"
        else:
            yield f"    {value}" + (f" AS {name}" if name != column.name else "")


def _or_zero(table: Table, column: Column, value: str) -> str:
    """A value that a row has not stays empty; where there is no row, it is 0 or false."""
    zero = "FALSE" if column.type == "bool" else "0"
    if column.required:
        return f"coalesce({value}, {zero})"
    return f"CASE WHEN {table.name}.{table.key[0]} IS NULL THEN {zero} ELSE {value} END"
