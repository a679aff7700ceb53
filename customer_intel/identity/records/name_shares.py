"""placeholder until the names arrive"""


def first_names() -> dict[str, float]:
    return {}


def last_names() -> dict[str, float]:
    return {}
