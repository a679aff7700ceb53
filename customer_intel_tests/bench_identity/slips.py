"""Slips of the pen and of the keyboard: one wrong, lost, doubled or turned-round character."""

from __future__ import annotations

import string

import numpy as np


def slipped(text: str, rng: np.random.Generator) -> str:
    """The text with one slip; letters stay letters, digits stay digits. Of one character: as it is."""
    if len(text) < 2:
        return text
    kind, at = int(rng.integers(5)), int(rng.integers(len(text) - 1))
    before, here, after = text[:at], text[at], text[at + 1 :]
    if kind == 0:
        return before + after
    if kind == 1:
        return before + after[0] + here + after[1:]
    if kind == 2:
        return before + here + here + after
    at = int(rng.integers(len(text)))
    pool = string.digits if text[at].isdigit() else string.ascii_lowercase
    return text[:at] + pool[int(rng.integers(len(pool)))] + text[at + 1 :]
