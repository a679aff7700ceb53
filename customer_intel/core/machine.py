"""What this machine, or the container on it, lets a night take: memory, cores, room to spill.

Belongs here: asking the kernel, and how a night's memory is shared out. Not here: what a person set
instead (settings.py).
"""

from __future__ import annotations

import math
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

MIB = 1 << 20
GIB = 1 << 30
# What a night's two processes hold before a row is read: interpreter, libraries, Dagster's books.
BASE = GIB
# Of what is left above that: the engine that computes, and the one that runs gates beside it. The
# rest is for what is held outside of them: Polars' frames, Arrow's buffers, models.
ENGINE_SHARE, GATE_SHARE = 1 / 2, 1 / 4
# More helps no query of a night, and other programs live here too.
MOST_PER_THREAD = GIB
LEAST = 256 * MIB
_AMOUNT = re.compile(r"([\d.]+) *(?:(%|[kmgt]?)(i?)(?:b|bytes?)?|((?:kilo|mega|giga|tera)bytes?))")
_UNITS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


@dataclass(frozen=True)
class Room:
    """What there is: bytes of memory that this process and its children may take, and cores."""

    memory: int
    cores: int


@dataclass(frozen=True)
class Shares:
    """Bytes for the engine that computes, and for the one that runs gates."""

    engine: int
    gate: int


@lru_cache(maxsize=1)
def room() -> Room:
    """Asked once a process, so that every step of a night is given the same."""
    return measured()


def measured(root: Path = Path("/")) -> Room:
    """As the kernel says now below `root`: memory that is free, within the container's limit, and
    cores that this process may use.
    """
    known = _meminfo(root / "proc/meminfo")
    memory = known.get("MemAvailable", known.get("MemTotal", 2 * LEAST + BASE))
    quota = math.inf
    for folder in _groups(root):
        limit = _number(folder / "memory.max") or _number(folder / "memory.limit_in_bytes")
        if limit:
            memory = min(memory, limit)
        quota = min(quota, _quota(folder))
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 2
    return Room(memory, max(1, min(cores, math.ceil(quota) if quota < cores else cores)))


def shares(memory: int, threads: int) -> Shares:
    """What each engine gets of `memory` bytes when it computes with so many threads."""
    left = max(memory - BASE, 0)
    most = MOST_PER_THREAD * threads
    return Shares(
        max(min(int(left * ENGINE_SHARE), most), LEAST),
        max(min(int(left * GATE_SHARE), most), LEAST // 2),
    )


@lru_cache(maxsize=4)
def spill_room(folder: Path) -> int:
    """Bytes that are free for what is spilled into the folder, which need not exist yet; asked
    once a process.
    """
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def in_bytes(text: str, whole: int = 0) -> int:
    """An amount of memory in DuckDB's notation; a percentage is of `whole`. Raises ValueError."""
    found = _AMOUNT.fullmatch(text.strip().lower())
    if not found:
        raise ValueError("no amount of memory")
    number, short, binary, word = found.groups()
    if short == "%":
        return int(float(number) / 100 * whole)
    return int(float(number) * (1024 if binary else 1000) ** _UNITS[(word or short)[:1]])


def said(count: int) -> str:
    """Bytes as people read them, and DuckDB: 3.5GiB, 512MiB."""
    return f"{count / GIB:.1f}GiB" if count >= GIB else f"{count // MIB}MiB"


def _meminfo(path: Path) -> dict[str, int]:
    """Name → bytes; empty where the kernel says nothing."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    return {
        name: int(rest.split()[0]) * 1024
        for name, _, rest in (line.partition(":") for line in lines)
        if rest.strip().endswith("kB")
    }


def _groups(root: Path) -> Iterator[Path]:
    """Folders of the control groups that this process is in, and of those above them: limits hold
    downwards. Version 2 has one tree, version 1 one for each thing that is limited.
    """
    base = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    trees = {base: {"/"}, base / "memory": {"/"}, base / "cpu": {"/"}}
    for line in lines:
        _, kinds, path = line.split(":", 2)
        for kind in kinds.split(",") if kinds else [""]:
            if (tree := base / kind) in trees:
                trees[tree].add(path)
    for tree, paths in trees.items():
        for path in paths:
            own = tree / path.strip("/")
            yield from (
                folder for folder in (own, *own.parents) if tree in (folder, *folder.parents)
            )


def _number(path: Path) -> int | None:
    """What the file says; None for no file, `max`, or the number by which version 1 means none."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() and 0 < int(text) < 1 << 60 else None


def _quota(folder: Path) -> float:
    """Cores' worth of time that the group may take."""
    try:
        given, _, period = (folder / "cpu.max").read_text(encoding="ascii").partition(" ")
        return math.inf if given == "max" else int(given) / int(period)
    except (OSError, ValueError):
        pass
    given_us, period_us = (_number(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
    return given_us / period_us if given_us and period_us else math.inf
