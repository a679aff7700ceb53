"""Two censuses of one people, ten years apart: one file, whose column `source` names the census.

Run by the interpreter of an environment that has `pseudopeople`:
    python census.py OUT.parquet --seed 1
Half of the people moved in between, some married, children were born: who is in one census only
is a single record.
"""

from __future__ import annotations

import argparse

YEARS = (2020, 2030)
COLUMNS = (
    "simulant_id", "first_name", "middle_initial", "last_name", "date_of_birth", "sex",
    "street_number", "street_name", "unit_number", "city", "state", "zipcode",
)  # fmt: skip


def main() -> None:
    import pandas as pd
    import pseudopeople as pp

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    # Another seed for each year: the noise of one says nothing of the noise of the other.
    listed = [
        pp.generate_decennial_census(year=year, seed=told.seed + place)[list(COLUMNS)].assign(
            source=f"census {year}"
        )
        for place, year in enumerate(YEARS)
    ]
    people = pd.concat(listed).astype("string").sample(frac=1, random_state=told.seed)
    people.insert(0, "record_id", [f"c-{number}" for number in range(1, len(people) + 1)])
    people.to_parquet(told.target, index=False)


if __name__ == "__main__":
    main()
