"""What a night may take of a machine: memory and cores within the container's limits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from customer_intel.core import machine
from customer_intel.core.machine import BASE, GIB, LEAST, MIB

MEMINFO = "MemTotal:       16777216 kB\nMemAvailable:   12582912 kB\nHugePages_Total:       0\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine with 16 GiB, 12 of them free, and no container."""
    write(tmp_path / "proc/meminfo", MEMINFO)
    write(tmp_path / "proc/self/cgroup", "0::/\n")
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="ascii")


def test_without_a_container_it_is_what_the_machine_has_free(root: Path) -> None:
    assert machine.measured(root).memory == 12 * GIB
    assert machine.measured(root).cores == len(os.sched_getaffinity(0))


def test_a_container_of_version_2_limits_memory_and_cores(root: Path) -> None:
    write(root / "proc/self/cgroup", "0::/pod/own\n")
    write(root / "sys/fs/cgroup/pod/memory.max", f"{4 * GIB}\n")
    write(root / "sys/fs/cgroup/pod/own/memory.max", "max\n")
    write(root / "sys/fs/cgroup/pod/own/cpu.max", "50000 100000\n")
    assert machine.measured(root) == machine.Room(4 * GIB, 1)


def test_inside_a_container_its_own_group_is_the_root_of_the_tree(root: Path) -> None:
    write(root / "proc/self/cgroup", "0::/\n")
    write(root / "sys/fs/cgroup/memory.max", f"{3 * GIB}\n")
    assert machine.measured(root).memory == 3 * GIB


def test_a_container_of_version_1_limits_memory_and_cores(root: Path) -> None:
    write(root / "proc/self/cgroup", "4:memory:/docker/x\n1:cpu,cpuacct:/docker/x\n")
    write(root / "sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes", f"{2 * GIB}\n")
    write(root / "sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us", "100000\n")
    write(root / "sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us", "100000\n")
    assert machine.measured(root) == machine.Room(2 * GIB, 1)


@pytest.mark.parametrize("limit", ["9223372036854771712", "max", "-1", ""])
def test_a_limit_that_is_none_limits_nothing(limit: str, root: Path) -> None:
    write(root / "sys/fs/cgroup/memory/memory.limit_in_bytes", limit)
    write(root / "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1")
    write(root / "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000")
    assert machine.measured(root).memory == 12 * GIB
    assert machine.measured(root).cores == len(os.sched_getaffinity(0))


def test_a_kernel_that_says_nothing_gives_a_little(tmp_path: Path) -> None:
    assert machine.measured(tmp_path).memory == BASE + 2 * LEAST


@pytest.mark.parametrize("gib", [0.5, 1, 1.5, 2, 3, 4, 8, 16, 64])
def test_both_engines_leave_room_for_what_is_held_outside_of_them(gib: float) -> None:
    memory = int(gib * GIB)
    shares = machine.shares(memory, threads=2)
    assert shares.gate <= shares.engine <= 2 * machine.MOST_PER_THREAD
    if gib >= 2:
        assert BASE + shares.engine + shares.gate + (memory - BASE) // 4 <= memory
    assert shares.engine >= LEAST


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("2GB", 2 * 10**9),
        ("512MiB", 512 * MIB),
        ("1.5 GB", 1_500_000_000),
        ("80%", 800),
        ("2 gigabytes", 2 * 10**9),
        ("4g", 4 * 10**9),
        ("1Gi", GIB),
        ("10B", 10),
    ],
)
def test_an_amount_is_read_as_the_engine_reads_it(text: str, count: int) -> None:
    assert machine.in_bytes(text, whole=1000) == count


def test_what_is_no_amount_is_refused() -> None:
    with pytest.raises(ValueError, match="no amount"):
        machine.in_bytes("lots")
