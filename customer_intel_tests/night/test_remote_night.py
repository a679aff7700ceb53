"""A night whose exports lie in one bucket and whose release goes to another, by the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from customer_intel.core.store import mirror as objects
from customer_intel.core.store.release import Published
from customer_intel_tests.unit import s3_server
from customer_intel_tests.whole_nights import Demo


def run(home: Path, url: str) -> subprocess.CompletedProcess[str]:
    """`customer-intel run` in a process of its own: what it publishes to is decided when the job is
    defined.
    """
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "customer_intel.cli",
            "run",
            "--home",
            str(home),
            "--landing",
            "s3://exports/zone",
        ],
        env={
            **os.environ,
            **s3_server.environment(url),
            "CUSTOMER_INTEL_PUBLISH_URL": "s3://releases/ci",
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_exports_come_from_a_bucket_and_the_release_goes_to_another(
    demo_nights: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = demo_nights.copy(demo_nights.second, tmp_path / "home")
    with s3_server.serve() as s3:
        s3_server.point_at(monkeypatch, s3.url)
        for path in (home / "landing").rglob("*"):
            if path.is_file():
                s3.put(
                    f"exports/zone/{path.relative_to(home / 'landing').as_posix()}",
                    path.read_bytes(),
                )

        def refuse(method: str, key: str, moment: str) -> None:
            if method == "PUT" and key.endswith("manifest.json"):
                raise ConnectionAbortedError

        s3.watch = refuse
        failed = run(home, s3.url)
        said = " ".join((failed.stdout + failed.stderr).split())
        assert failed.returncode == 1, said
        assert "Published here, not mirrored" in said and "still has the one before" in said
        assert s3_server.SECRET not in said
        current = Published(home).current()
        assert current and not current.verify()
        assert "releases/ci/CURRENT.json" not in s3.objects

        s3.watch = lambda method, key, moment: None
        s3.log.clear()
        done = run(home, s3.url)
        assert done.returncode == 0, done.stdout + done.stderr
        assert not [
            key for method, key in s3.log if method == "GET" and key.startswith("exports/zone/")
        ]
        current = Published(home).current()
        assert current and current.is_current
        there = objects.open_release("s3://releases/ci")
        assert there.snapshot_id == current.snapshot_id
        for name, facts in there.manifest["tables"].items():
            assert facts["sha256"] == current.manifest["tables"][name]["sha256"]
        files = there.files("customer_profile")
        rows = pl.read_parquet(files, storage_options={"aws_allow_http": "true"})
        assert rows.equals(pl.read_parquet(current.files("customer_profile")))
        assert (
            json.loads((home / "landing-cache" / ".fetched.json").read_text())["url"]
            == "s3://exports/zone"
        )
