"""GoldenMatch left to itself. Run by the interpreter of an environment that has `goldenmatch`:
python goldenmatch_run.py RECORDS.csv CLUSTERS.csv
"""

from __future__ import annotations

import csv
import sys
import time


def main() -> None:
    import goldenmatch

    source, target = sys.argv[1:]
    started = time.perf_counter()
    result = goldenmatch.dedupe(source)
    seconds = time.perf_counter() - started
    with open(target, "w", newline="") as file:  # noqa: PTH123
        writer = csv.writer(file)
        writer.writerow(["row", "cluster", "seconds"])
        for cluster, found in result.clusters.items():
            writer.writerows([member, cluster, round(seconds, 2)] for member in found["members"])


if __name__ == "__main__":
    main()
