"""A labelled list of families: a census and the year's tax forms of the same people, without birth
dates.

Run by the interpreter of an environment that has `pseudopeople` (it wants a pandas of its own):
    python households.py OUT.parquet --seed 1
Each seed has families of its own: the sample population is dealt out by household, so that what was
tuned on one seed says nothing of the people of another.
"""

from __future__ import annotations

import argparse
import hashlib

SEEDS = (1, 2, 3)
YEAR = 2020
PLACE = ("street_number", "street_name", "unit_number", "city", "state", "zipcode")
PERSON = ("simulant_id", "first_name", "middle_initial", "last_name")


def main() -> None:
    import pandas as pd
    import pseudopeople as pp

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--seed", type=int, required=True, choices=SEEDS)
    told = parser.parse_args()
    census = pp.generate_decennial_census(year=YEAR, seed=told.seed)
    forms = pp.generate_taxes_w2_and_1099(year=YEAR, seed=told.seed)

    # Where somebody lives by the census, else by the forms.
    home = (
        pd.concat([forms, census])
        .drop_duplicates("simulant_id", keep="last")
        .set_index("simulant_id")
    )
    dealt = home["household_id"].map(lambda household: _digest(household) % len(SEEDS) + 1)
    mine = set(dealt[dealt == told.seed].index)

    forms = forms.rename(columns={f"mailing_address_{name}": name for name in PLACE})
    listed = [
        census.assign(source="census", ssn=None)[[*PERSON, *PLACE, "ssn", "source"]],
        forms.assign(source="tax form")[[*PERSON, *PLACE, "ssn", "source"]],
    ]
    people = pd.concat([part[part["simulant_id"].isin(mine)] for part in listed]).astype("string")
    people.insert(0, "record_id", [f"{told.seed}-{number}" for number in range(1, len(people) + 1)])
    people.to_parquet(told.target, index=False)


def _digest(text: object) -> int:
    return int.from_bytes(hashlib.sha256(str(text).encode()).digest()[:8], "big")


if __name__ == "__main__":
    main()
