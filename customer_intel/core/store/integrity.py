"""What tells that a file is not as it was written: content hashes, and seals of JSON files.

Belongs here: comparing bytes with what was recorded of them, once per run. Not here: where files
are (lake.py, release.py), and what is done about one that is damaged (repair.py).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# A file found whole: its inode, size and time of change, and the hash that it then had. A run
# hashes each file once; one that is written over, or renamed over, has another inode or time.
_whole: dict[str, tuple[int, int, int, str]] = {}

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
