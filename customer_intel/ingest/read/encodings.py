"""Encodings that are not what a mapping says: told by the bytes, with what to set.

Belongs here: marks at the beginning, zero bytes, UTF-8 read as something else, text that was
decoded wrongly before it came. Not here: decoding (open_file.py).
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from pathlib import Path

CHUNK = 1 << 22
MISREAD = (
    "holds text that was decoded wrongly before it was exported (such as Ã¼ for ü, or the sign for "
    "an unknown character); export it anew with the right encoding"
)
# Two-letter remains of UTF-8 taken for windows-1252 (Ã, â€, Â before another), and U+FFFD.
_REMAINS = (
    b"\xc3\x83\xc2", b"\xc3\x83\xc5", b"\xc3\x83\xe2", b"\xc3\xa2\xe2\x82", b"\xc3\x82\xc2",
    b"\xef\xbf\xbd",
)  # fmt: skip
_LETTERS = frozenset("äöüÄÖÜßéèêëÉàâáãåæçñíìîïóòôõøúùûœšžłśżąęćńřčěůýőű€–—’‘“”„…°§£´®")
_GUESSES = ("windows-1252", "cp850", "mac-roman", "windows-1250")
_WIDE = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")


def contradiction(start: bytes, name: str) -> str | None:
    """Why a text that begins so is not of the encoding `name` (Python's own name of it), and what
    to set; None where nothing says so.
    """
    if start.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        return None if name.startswith("utf-32") else "is UTF-32; set reader.encoding: utf-32"
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None if name.startswith("utf-16") else "is UTF-16; set reader.encoding: utf-16"
    if start.startswith(b"\xef\xbb\xbf") and not name.startswith("utf-8"):
        return "is UTF-8, as its first bytes say; set reader.encoding: utf-8"
    if name in _WIDE and len(start) > 1 and b"\x00" not in start:
        return f"is not {name}: it has no zero bytes; set reader.encoding: {likely(start)}"
    first = start[:1024]
    for at, wide in ((1, "utf-16-le"), (0, "utf-16-be")):
        if name not in _WIDE and len(first) > 8 and first[at::2].count(0) * 5 > len(first) * 2:
            return f"holds NUL bytes as UTF-16 without its mark does; set reader.encoding: {wide}"
    return None


def likely(data: bytes) -> str:
    """The encoding in which bytes without zeros make letters."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        high = bytes(byte for byte in data[:CHUNK] if byte > 127)
        texts = {name: high.decode(name, errors="replace") for name in _GUESSES}
        return max(_GUESSES, key=lambda name: sum(c in _LETTERS for c in texts[name]))
    return "utf-8"


class Utf8Witness:
    """Whether bytes that are read by another encoding are UTF-8 with letters beyond ASCII: such
    bytes are hardly ever anything else.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._is_utf8, self._has_letters = True, False

    def feed(self, chunk: bytes, *, final: bool) -> None:
        """Looks at the next bytes."""
        if not self._is_utf8 or (chunk.isascii() and not final):
            self._is_utf8 = self._is_utf8 and not self._decoder.getstate()[0]
            return
        try:
            text = self._decoder.decode(chunk, final)
        except UnicodeDecodeError:
            self._is_utf8 = False
            return
        self._has_letters = self._has_letters or not text.isascii()

    @property
    def is_sure(self) -> bool:
        """Whether all bytes so far are UTF-8, and some of them beyond ASCII."""
        return self._is_utf8 and self._has_letters


def is_misread(chunk: bytes) -> bool:
    """Whether UTF-8 text holds what wrong decoding leaves behind."""
    return not chunk.isascii() and any(mark in chunk for mark in _REMAINS)


def is_file_misread(plain: Path) -> bool:
    """The same of a file."""
    with plain.open("rb") as stream:
        return any(map(is_misread, _chunks(iter(lambda: stream.read(CHUNK), b""))))


def _chunks(chunks: Iterable[bytes]) -> Iterable[bytes]:
    """Chunks that overlap by a mark's length."""
    held = b""
    for chunk in chunks:
        yield held + chunk
        held = chunk[-4:]
