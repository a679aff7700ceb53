"""What tells that a file is not as it was written: content hashes, and seals of JSON files.

Belongs here: comparing bytes with what was recorded of them, once per run; of files that a run does
not read, once in several runs. Not here: where files are (lake.py, release.py), and what is done
about one that is damaged (repair.py).
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

# A file found whole: its inode, size and time of change, and the hash that it then had. A run
# hashes each file once; one that is written over, or renamed over, has another inode or time.
_whole: dict[str, tuple[int, int, int, str]] = {}
# The same as earlier runs found them, and how many runs there were: a file that nobody touched is
# hashed again in one run of so many, each file in another, so that a bad disk is found out too.
_earlier: dict[str, tuple[int, int, int, str]] = {}
_run = 0
EVERY_RUNS = 7

# A sealed text's end: the checksum of the text without it.
_SEAL, _SEAL_BYTES = re.compile(rb',\n "sha256": "([0-9a-f]{64})"\n}\n\Z'), 90


def file_sha256(path: Path) -> tuple[str, int]:
    """(hex digest, size in bytes) of a file, streamed."""
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256")
        return digest.hexdigest(), handle.tell()


def forget() -> None:
    """Begins a run: files found whole by an earlier one of this process are hashed again."""
    _whole.clear()


def remember(path: Path, sha256: str) -> None:
    """Notes that the file has just been hashed, or was written from what was."""
    stat = path.stat()
    _whole[str(path)] = (stat.st_ino, stat.st_size, stat.st_mtime_ns, sha256)


def fault(path: Path, sha256: str, size: int) -> str:
    """What is wrong with a file that should have this hash and size (bytes); nothing when whole.
    Raises PermissionError.
    """
    try:
        stat = path.stat()
        mark = (stat.st_ino, stat.st_size, stat.st_mtime_ns, sha256)
        if _whole.get(str(path)) == mark:
            return ""
        # Until it is found whole again.
        _earlier.pop(str(path), None)
        if stat.st_size != size:
            return f"has {stat.st_size:,} bytes, not the {size:,} that its gate saw"
        if file_sha256(path)[0] != sha256:
            return "is not the file that its gate saw"
    except FileNotFoundError:
        return "is not there"
    except PermissionError:
        # Its bytes may be whole: nothing to mend but the permission.
        raise
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    _whole[str(path)] = mark
    return ""


def glance(path: Path, sha256: str, size: int) -> str:
    """As `fault`, of a file that is not read tonight: one that is as an earlier run found it is
    believed, unless it is its turn. Raises PermissionError.
    """
    try:
        stat = path.stat()
        mark = (stat.st_ino, stat.st_size, stat.st_mtime_ns, sha256)
        is_turn = (zlib.crc32(sha256.encode()) + _run) % EVERY_RUNS == 0
        if _earlier.get(str(path)) == mark and not is_turn:
            return ""
    except FileNotFoundError:
        return "is not there"
    except OSError:
        pass  # fault says what it is
    return fault(path, sha256, size)


def recall(record: Path) -> None:
    """Begins a run of a home: what earlier runs found whole, as `record` has it, if it is as it was
    written.
    """
    global _run
    forget()
    _earlier.clear()
    _run = 0
    try:
        data, carried = unsealed(record.read_bytes())
        if carried:
            _earlier.update({path: tuple(mark) for path, mark in data["files"].items()})
            _run = int(data["runs"]) + 1
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # Every file is hashed.
        _earlier.clear()


def recorded(paths: Iterable[Path]) -> bytes:
    """What a later run may `recall` of those of the files that were found whole, now or earlier."""
    names = {str(path) for path in paths}
    known = {name: mark for name, mark in {**_earlier, **_whole}.items() if name in names}
    return sealed({"runs": _run, "files": dict(sorted(known.items()))})


def sealed(data: Mapping[str, Any]) -> bytes:
    """The data as JSON that carries the checksum of its own text, so that a flipped bit is seen."""
    return _with_seal(json_bytes(data))


def unsealed(text: bytes) -> tuple[dict[str, Any], bool]:
    """(what `sealed` was given, whether it carried a seal). Raises ValueError when the text is not
    as `sealed` wrote it; what never had a seal is the caller's to judge.
    """
    data = json.loads(text)
    if not isinstance(data, dict):
        raise ValueError("no JSON object")
    if data.pop("sha256", None) is None:
        return data, False
    # The text, not what it says, is compared: writing that again would take ten times as long.
    found = _SEAL.search(text, max(0, len(text) - _SEAL_BYTES))
    if not found:
        raise ValueError("its checksum is not where it was written")
    digest = hashlib.sha256(memoryview(text)[: found.start()])
    digest.update(b"\n}\n")
    if digest.hexdigest().encode() != found[1]:
        raise ValueError("its checksum is another")
    return data, True


def json_bytes(data: Any) -> bytes:
    """The data as JSON, so that a person can read it: a line an entry, of the first two levels."""
    if not isinstance(data, dict) or not data:
        return (_plain(data) + "\n").encode()
    lines = ",\n ".join(f"{_key(key)}: {_lines(value)}" for key, value in data.items())
    return f"{{\n {lines}\n}}\n".encode()


def _lines(value: Any) -> str:
    if not isinstance(value, dict) or not value:
        return _plain(value)
    lines = ",\n  ".join(f"{_key(key)}: {_plain(own)}" for key, own in value.items())
    return f"{{\n  {lines}\n }}"


def _key(key: Any) -> str:
    return _plain({key: 0})[1:-4]


# Without indentation: with it Python does the work, not C, and takes ten times as long.
_plain = json.JSONEncoder(ensure_ascii=False, default=str).encode


def _with_seal(text: bytes) -> bytes:
    """An object's text, which is not empty, with the checksum of it as its last entry."""
    seal = hashlib.sha256(text).hexdigest()
    return text.removesuffix(b"\n}\n") + f',\n "sha256": "{seal}"\n}}\n'.encode()
