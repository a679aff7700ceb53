"""What inspect does not decide: open questions by topic, and the answers that somebody gave.

Belongs here: reading answers, telling whether a written mapping is still as inspect wrote it. Not
here: what is asked (locale.py, match_entity.py, starter.py), the mapping's text (write_mapping.py).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from customer_intel.core.contract.yaml_lines import ConfigError

# Topics beside the entity's own columns, and how an answer to each looks.
TOPICS = {
    "entity": "the entity's name",
    "dates": "day or month, whichever comes first",
    "numbers": "the decimal mark, . or ,",
    "member": "which file of the archive, as a pattern such as *orders*.csv",
    "header": "none, where it is so",
    "mapping": "what takes the file: edit the mapping instead",
    "zone": "a time zone such as Europe/Berlin",
    "units": "1, or 100 where amounts are written in hundredths",
    "currency": "a code such as EUR, or a column",
    "states": "word=state, several parted by ; as in Storniert=cancelled;Neu=placed",
}
_SEAL = re.compile(r"^# Unedited: ([0-9a-f]{12})$", re.MULTILINE)
_ANSWERED = re.compile(r"^# Answered: (.+)$", re.MULTILINE)


def parsed(texts: Sequence[str]) -> dict[str, str]:
    """Answers as topic → value. Raises ConfigError for one without `=`."""
    found = {}
    for text in texts:
        topic, mark, value = text.partition("=")
        if not mark or not topic.strip() or not value.strip():
            raise ConfigError(
                f"--answer {text}: write topic=value, as in --answer entity=orders or --answer "
                "total=Amount"
            )
        found[topic.strip()] = value.strip()
    for topic, allowed in (
        ("dates", ("day", "month")),
        ("numbers", (".", ",")),
        ("units", ("1", "100")),
    ):
        if topic in found and found[topic] not in allowed:
            raise ConfigError(f"--answer {topic}={found[topic]}: it is {' or '.join(allowed)}")
    return found


def check_topics(answers: Mapping[str, str], columns: Sequence[str], entity: str) -> None:
    """Raises ConfigError for a topic that is neither general nor one of the entity's columns."""
    for topic in answers:
        if topic not in TOPICS and topic not in columns:
            listed = "; ".join(f"{name} ({how})" for name, how in TOPICS.items())
            raise ConfigError(
                f"--answer {topic}=…: '{topic}' is no question; topics are {listed}, and each column "
                f"of {entity} (a column of the file, or SQL)"
            )


def sealed(text: str, answers: Mapping[str, str]) -> str:
    """A mapping's text with the answers given so far and a seal that tells later edits."""
    lines = [f"# Answered: {topic}={value}" for topic, value in sorted(answers.items())]
    body = "\n".join([text.rstrip("\n"), *lines]) + "\n"
    return f"{body}# Unedited: {_hash(body)}\n"


def earlier(path: Path) -> dict[str, str]:
    """The answers in a mapping that inspect wrote."""
    if not path.exists():
        return {}
    return parsed(_ANSWERED.findall(path.read_text(encoding="utf-8")))


def is_unedited(path: Path) -> bool:
    """Whether the mapping is as inspect wrote it, so that nobody's work is lost by writing it anew."""
    text = path.read_text(encoding="utf-8")
    seal = _SEAL.search(text)
    return seal is not None and _hash(text[: seal.start()]) == seal[1]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
