"""Errors of the engines without the values that they quote.

Belongs here: what of an error's text may be shown, and what to do about memory that did not
suffice. Not here: errors of the disk (core/store/disk.py).
"""

from __future__ import annotations

import os
import re

import duckdb

SETTING = "CUSTOMER_INTEL_MEMORY_LIMIT"
SPILL_SETTING = "CUSTOMER_INTEL_SPILL_LIMIT"
THREADS_SETTING = "CUSTOMER_INTEL_THREADS"
OUT_OF_MEMORY = "Out of Memory Error"
WITHHELD = "whose text is withheld since it may quote rows"

_NUMBER = r"([\d.]+ (?:bytes|[KMGT]i?B))"
# "failed to allocate data of size 32.0 MiB (49.6 MiB/61.0 MiB used)": sizes, no value of a row.
_SIZES = re.compile(rf"of size {_NUMBER} \({_NUMBER}/{_NUMBER} used\)")
_UNITS = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


def without_values(error: BaseException) -> str:
    """What kind of error it is, with its text only where that cannot quote a row."""
    if isinstance(error, duckdb.Error):
        return redacted(str(error))
    if isinstance(error, MemoryError):
        return (
            f"{OUT_OF_MEMORY}: outside the engine (Polars, Arrow or a model); give the machine or "
            f"the container more memory, or set {SETTING} lower, so that the engine leaves more"
        )
    if isinstance(error, OSError) and error.errno:
        # A full disk must be seen to be one.
        return os.strerror(error.errno)
    return f"{type(error).__name__}, {WITHHELD}"


def redacted(error: str) -> str:
    """The kind of a DuckDB error; its text only where it was raised before any row was read, or
    tells of memory alone.
    """
    found = re.search(r"\b([A-Z][A-Za-z -]* ?(?:Error|Exception)): ?([^\n]*)", error)
    if not found:
        return f"an error, {WITHHELD}"
    kind, text = found.groups()
    if kind == OUT_OF_MEMORY:
        return _out_of_memory(error)
    if kind in ("Binder Error", "Catalog Error", "Parser Error"):
        return f"{kind}: {text}"
    return f"{kind}, {WITHHELD}"


def _out_of_memory(error: str) -> str:
    """How much there was, how much was asked for, and which setting gives more."""
    sizes = _SIZES.search(error)
    asked, used, limit = sizes.groups() if sizes else ("", "", "")
    if "max_temp_directory_size" in error:
        numbers = f" ({used} of {limit} are spilled, {asked} more were asked for)" if sizes else ""
        return (
            f"{OUT_OF_MEMORY}: the folder to spill into is full{numbers}; make room there and set "
            f"{SPILL_SETTING} higher, or {SETTING}, so that less is spilled"
        )
    numbers = (
        f" of {limit} did not suffice: {used} were held and {asked} more asked for, beside what "
        "was spilled to the disk"
        if sizes
        else " did not suffice"
    )
    least = f" (at least to {_sum(used, asked)})" if sizes else ""
    return (
        f"{OUT_OF_MEMORY}: the engine's memory limit{numbers}; set {SETTING} higher{least}, or "
        f"{THREADS_SETTING} lower, since each thread holds its own share; where the disk has little "
        f"room to spill, {SPILL_SETTING} higher"
    )


def _sum(*amounts: str) -> str:
    """The amounts together, in MiB, rounded up: DuckDB rounds each of them."""
    count = 0.0
    for amount in amounts:
        number, unit = amount.split(" ")
        count += float(number) * _UNITS.get(unit, 1)
    return f"{int(count / _UNITS['MiB']) + 1}MiB"
