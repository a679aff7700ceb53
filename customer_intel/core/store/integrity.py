"""What tells that a file is not as it was written: content hashes, and seals of JSON files.

Belongs here: comparing bytes with what was recorded of them, once per run. Not here: where files
are (lake.py, release.py), and what is done about one that is damaged (repair.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# A file found whole: its inode, size and time of change, and the hash that it then had. A run
# hashes each file once; one that is written over, or renamed over, has another inode or time.
_whole: dict[str, tuple[int, int, int, str]] = {}


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
    return json_bytes({**data, "sha256": _seal(data)})


def unsealed(text: bytes) -> tuple[dict[str, Any], bool]:
    """(what `sealed` was given, whether it carried a seal). Raises ValueError when the text is not
    as `sealed` wrote it; what never had a seal is the caller's to judge.
    """
    data = json.loads(text)
    if not isinstance(data, dict):
        raise ValueError("no JSON object")
    seal = data.pop("sha256", None)
    if seal is None:
        return data, False
    if seal != _seal(data) or text != json_bytes({**data, "sha256": seal}):
        raise ValueError("its checksum is another")
    return data, True


def json_bytes(data: Any) -> bytes:
    """The data as indented JSON, so that a person can read it."""
    return (json.dumps(data, indent=1, ensure_ascii=False, default=str) + "\n").encode()


def _seal(data: Mapping[str, Any]) -> str:
    return hashlib.sha256(json_bytes(data)).hexdigest()
