"""A key under which the usual Latin spellings of one name are equal.

Belongs here: the key (Yuliya, Julia, Iulia; Müller, Mueller, Muller; Mohammed, Muhammad). Not here:
short forms and other roots (nicknames in config.yaml), how much an equal key counts (matching/).

An equal key says that two spellings may be one name, no more. The last vowel is kept as written, so
Maria, Marie and Mario differ, as do Jan and Jana.
"""

from __future__ import annotations

import polars as pl

_C = "[bcdfghjklmnpqrstvwxz]"
_PARTICLES = (
    "al|el|ul|van|von|vom|zu|zur|zum|der|den|de|del|della|di|la|le|las|los|du|da|do|dos|das|ter|ten|te|"
    "bin|ibn|af|av|op|of|y|e"
)
# Applied in this order to a folded name; capital letters stand for sounds that later rules leave alone.
_RULES = [
    # Particles say little of a family: al-Masri and El Masri, van der Berg and Berg.
    (rf"^(?:(?:{_PARTICLES})[ '\-]+)+(.*[a-z]{{3}})", "$1"),
    (r"[^a-z]", ""),
    (r"^vande[nr]?([a-z]{4})", "$1"),
    # Korean and Chinese Jang and Yang, Jun and Yun are names of their own.
    (r"^j(ang|ong|eong|ung|eung|un|oon|in|oo|u|i|ia|iang|ie|iao|ing)$", "J$1"),
    (r"eo(n|l|k|ng)", "u$1"),
    (rf"({_C})yo({_C})", "${1}e$2"),
    ("ae", "a"),
    ("oe", "o"),
    ("ue", "u"),
    # One letter for what alphabets write in several ways.
    ("ph", "f"),
    ("x", "ks"),
    (r"(?:d?j|y|dzh)", "i"),
    (r"^gi([aou])", "i$1"),
    (r"^(?:ch|kh|h)r", "kr"),
    ("schtsch|shch|sch|sh", "S"),
    ("tch|tS|cz|ch|kh", "h"),
    ("zh", "Z"),
    (r"c([ei])", "s$1"),
    ("ck|c|q", "k"),
    (r"([bdgrt])h", "$1"),
    (r"(.)(?:ts|tz|z)", "${1}s"),
    (r"^ts", "z"),
    ("w", "v"),
    (r"([oe])ff$", "${1}v"),
    (r"h$", ""),
    # Vowels; the last one stays.
    (r"^i+e", "e"),
    (r"er$", "r"),
    (r"ei+e", "e"),
    ("ou|oo", "u"),
    (r"dt$", "t"),
]  # fmt: skip
_DOUBLES = {letter * 2: letter for letter in "abdefghiklmnoprstuvzSZ"}
_VOWELS = {"e": "a", "o": "u"}


def name_sound(name: pl.Expr) -> pl.Expr:
    """The key of a folded name, `muler` for mueller; null where no letter from a to z is in it, or a digit is: of codes
    (F2917) the letters say nothing.
    """
    key = name
    for pattern, letters in _RULES:
        if pattern.isalpha():
            key = key.str.replace_all(pattern, letters, literal=True)
        else:
            key = key.str.replace_all(pattern, letters)
    key = key.str.replace_many(_DOUBLES)
    last = key.str.extract(r"([eo])$").fill_null("")
    body = key.str.replace(r"[eo]$", "").str.replace_many(_VOWELS)
    return pl.when((key != "") & ~name.str.contains("[0-9]")).then(body + last)
