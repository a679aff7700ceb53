"""One hostile night and one Spark for all parity tests of a process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from customer_intel_tests.parity.engines import Spark
    from customer_intel_tests.parity.hostile_lake import HostileLake


@pytest.fixture(scope="session")
def hostile_lake(tmp_path_factory: pytest.TempPathFactory) -> HostileLake:
    from customer_intel_tests.parity.hostile_lake import make

    return make(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spark]:
    from customer_intel_tests.parity.engines import Spark

    made = Spark(tmp_path_factory.mktemp("spark"))
    yield made
    made.close()
