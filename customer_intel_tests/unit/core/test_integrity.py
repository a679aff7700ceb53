"""Sealed JSON: what it says comes back, a changed byte is seen, whoever laid out its lines."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from customer_intel.core.store.integrity import sealed, unsealed

DATA: dict[str, Any] = {
    "format": 2,
    "parts": {"2026-06-30": {"path": "a/b.parquet", "sha256": "é"}, "2025": {}},
    "certificate": {"passed": True, "findings": []},
    "reason": "",
}


def spread(data: dict[str, Any]) -> bytes:
    """As pointers were written until November 2026: each value on a line."""

    def text(given: dict[str, Any]) -> bytes:
        return (json.dumps(given, indent=1, ensure_ascii=False) + "\n").encode()

    return text({**data, "sha256": hashlib.sha256(text(data)).hexdigest()})


@pytest.mark.parametrize("write", [sealed, spread])
def test_what_was_sealed_comes_back(write: Any) -> None:
    assert unsealed(write(DATA)) == (DATA, True)


@pytest.mark.parametrize("write", [sealed, spread])
def test_a_flipped_bit_is_seen_anywhere(write: Any) -> None:
    text = write(DATA)
    for place in range(len(text)):
        for bit in (0, 5):
            changed = bytearray(text)
            changed[place] ^= 1 << bit
            try:
                data, carried = unsealed(bytes(changed))
            except ValueError:
                continue
            # Only the word `sha256` of the seal itself: the caller sees that it lost its seal.
            assert not carried and data.keys() - DATA.keys(), (place, bit)


@pytest.mark.parametrize("tail", [b" ", b"\n", b"{}"])
def test_more_behind_the_seal_is_seen(tail: bytes) -> None:
    with pytest.raises(ValueError):
        unsealed(sealed(DATA) + tail)


def test_what_never_had_a_seal_is_the_callers_to_judge() -> None:
    assert unsealed(b'{"parts": {}}') == ({"parts": {}}, False)
