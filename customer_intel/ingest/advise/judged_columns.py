"""What a builder of a mapping decides of states, units and amounts, and what it asks.

Belongs here: judgements over the columns filled so far, and answers. Not here: filling a column
(starter.py, derived_columns.py), how answers are read (decisions.py).
"""

from __future__ import annotations

import re

from customer_intel.core.engine import literal, quoted
from customer_intel.ingest.advise.column_profile import ColumnProfile
from customer_intel.ingest.advise.derived_columns import DerivedColumns, Filled
from customer_intel.ingest.advise.match_entity import ColumnMatch
from customer_intel.ingest.advise.sniffed import Note
from customer_intel.ingest.mapping.column_names import comma_items, name_score, plain, words

# What an order is whose yes or no is no.
_ELSE = {"cancelled": "paid", "returned": "paid", "paid": "placed"}
# Words in a column that decides what counts; one of them in a column that nothing takes is asked about.
_UNDONE = ("cancelled", "returned", "failed", "refunded", "void")
# With so many rows of words that nobody declared, a file is not read before somebody does.
_UNKNOWN_MAX = 0.2
_WITH_STATES = {
    "orders": (
        "draft",
        "placed",
        "paid",
        "fulfilled",
        "cancelled",
        "returned",
        "partly_returned",
        "test",
    ),
    "payments": ("succeeded", "failed", "pending", "refunded", "partly_refunded", "cancelled"),
    "subscriptions": (
        "trial",
        "active",
        "past_due",
        "paused",
        "unpaid",
        "ending",
        "ended",
        "never_started",
    ),
    "tickets": ("open", "pending", "solved", "closed"),
    "invoices": ("draft", "open", "paid", "void", "uncollectible"),
}
# So well a name says that it is the total; so many rows must add up to it.
_ALIKE, _ADDS_UP = 0.85, 0.9
# A column of so many different values, of which so many are known ids, says who it was.
_FEW_IDS, _SAME_IDS = 5, 0.8
# With so many amounts of 00, 50, 90, 95 or 99 at the end, prices are written in hundredths, or are round.
_PRICED = 0.8


class JudgedColumns(DerivedColumns):
    """Answers come first, then what the values say; what they do not is asked."""

    def _take_answers(self) -> None:
        """Answers are columns of the file, or SQL; they come before any guess."""
        for name, text in self.answers.items():
            if name not in self.known:
                continue
            if text in self.profiles:
                self.matches[name] = ColumnMatch(text, name, 1.0)
            elif text.lower() in (self.known[name].values or ()):
                self.columns[name] = Filled(literal(text.lower()))
            elif name == "currency" and re.fullmatch("[A-Za-z]{3}", text):
                self.columns[name] = Filled(f"'{text.upper()}'")
            else:
                self.columns[name] = Filled(text)

    def _ask_for_amount(self, name: str, why: str, proposed: str = "") -> Filled:
        """An amount is never made up: without an answer nothing of the file is read."""
        numbers = [
            item.name
            for item in self.profiles.values()
            if (item.is_number and not plain(item.name).endswith(" id") and not item.is_unique)
            or (item.is_number and item.kind == "decimal")
        ]
        told = f"candidates: {', '.join(numbers[:6])}" if numbers else "no column holds numbers"
        self.notes.append(Note("ask", name, f"{why} ({told})"))
        return Filled(proposed or "cast(null as varchar)", why)

    def _judge_states(self) -> None:
        """Which words of a state nobody declared: their rows would not count."""
        self._find_states()
        item, state_of = self.columns.get("status"), self.state_of
        profile = self.profiles.get(item.text) if item else None
        if profile is None or state_of is None or self.entity not in _WITH_STATES:
            return
        counts = self.rows.counts(profile.name)
        answered = dict(pair.split("=", 1) for pair in _pairs(self.answers.get("states", "")))
        states = {word: answered.get(word) or state_of(self.entity, word) for word in counts}
        unknown = {word: n for word, n in counts.items() if states[word] is None}
        told = ", ".join(
            f"‘{word}’ {n:,} → {states[word] or 'unknown'}" for word, n in list(counts.items())[:12]
        )
        if answered:
            cases = " ".join(
                f"when {literal(word)} then {literal(state)}" for word, state in answered.items()
            )
            name = quoted(profile.name)
            self.columns["status"] = Filled(f"case {name} {cases} else {name} end")
        if not unknown:
            self.notes.append(Note("found", "states", f"{profile.name}: {told}"))
        elif sum(unknown.values()) > _UNKNOWN_MAX * sum(counts.values()):
            text = (
                f"{profile.name}: {told}; what do the unknown words mean? Rows of an unknown state do "
                f"not count (candidates: {', '.join(_WITH_STATES[self.entity])})"
            )
            self.notes.append(Note("ask", "states", text))
        else:
            text = f"{profile.name}: {told}; rows of unknown words do not count until config/facts.yaml says"
            self.notes.append(Note("guess", "states", text))

    def _find_states(self) -> None:
        """A column of states under whatever name: by its words, or a yes or no that says one."""
        taken = {match.source for match in self.matches.values()}
        state_of = self.state_of
        if state_of is None or self.entity not in ("orders", "payments", "invoices", "tickets"):
            return
        named = self._profile("status")
        if named is not None or "status" in self.columns:
            return
        for profile in self.profiles.values():
            free = profile.name not in taken or self._profile("method") is profile
            if not free or not 1 < len(profile.values) <= 12:
                continue
            said = {*comma_items(words()["said_yes"]), *comma_items(words()["said_no"])}
            if {value.lower() for value in profile.values} <= said:
                if flag := self._flag(profile):
                    self.columns["status"] = flag
                    return
                continue
            if profile.kind != "text":
                continue
            states = {value: state_of(self.entity, value) for value in profile.values}
            known = [state for state in states.values() if state]
            if len(known) >= 0.6 * len(states):
                if self._profile("method") is profile:
                    self.matches.pop("method")
                    self.columns.pop("method", None)
                self.matches["status"] = ColumnMatch(profile.name, "status", 0.75)
                self.columns["status"] = Filled(profile.name, "its words are states")
                return
            if any(state in _UNDONE for state in known):
                listed = ", ".join(
                    f"‘{value}’ → {state or 'unknown'}" for value, state in states.items()
                )
                self.notes.append(
                    Note("ask", "status", f"{profile.name} may be the state: {listed} (candidates: "
                         f"{profile.name}, or SQL such as 'paid' for every row)")
                )  # fmt: skip
                return

    def _flag(self, profile: ColumnProfile) -> Filled | None:
        """What a yes or no says of an order, by the words of its column's name."""
        parts = set(plain(profile.name).split())
        flags = words()["flags"].items()
        state = next((name for name, said in flags if parts & set(comma_items(said))), None)
        if state is None or self.entity != "orders":
            return None
        yes = ", ".join(literal(word) for word in comma_items(words()["said_yes"]))
        is_yes = f"lower({quoted(profile.name)}) in ({yes})"
        text = f"case when {is_yes} then {literal(state)} else {literal(_ELSE[state])} end"
        return Filled(text, f"{profile.name} is a yes or no")

    def _find_people(self) -> None:
        """The column whose values are known ids of the source's people, whatever it is called."""
        target = next((n for n in ("customer_ref", "respondent_ref") if n in self.known), None)
        if target is None or target in self.matches or target in self.answers or not self.known_ids:
            return
        taken = {match.source for match in self.matches.values()}
        for profile in self.profiles.values():
            if profile.name in taken or not profile.is_id or profile.distinct < _FEW_IDS:
                continue
            counts = self.rows.counts(profile.name)
            same = sum(value in self.known_ids for value in counts)
            if same >= _SAME_IDS * len(counts):
                self.matches[target] = ColumnMatch(profile.name, target, 0.9)
                text = f"{profile.name}: {same:,} of {len(counts):,} values are ids of this source's contacts"
                self.notes.append(Note("found", "people", text))
                return

    def _choose_total(self) -> None:
        """Of several columns that are called the total, the one that its parts add up to; asked where
        none tells.
        """
        own = self.matches.get("total")
        if self.entity != "orders" or own is None or "total" in self.answers:
            return
        taken = {match.source for name, match in self.matches.items() if name != "total"}
        rivals = [
            profile
            for profile in self.profiles.values()
            if profile.is_number and profile.name not in taken
            and (profile.name == own.source or name_score(profile.name, "orders", "total", ()) >= _ALIKE)
        ]  # fmt: skip
        if len(rivals) < 2:
            return
        parts = [
            (sign, self.profiles[self.matches[name].source])
            for name, sign in (
                ("subtotal", "+"),
                ("tax", "+"),
                ("shipping", "+"),
                ("discount", "-"),
            )
            if name in self.matches
        ]
        if any(name in self.matches for name in ("subtotal", "tax")):
            terms = " ".join(
                f"{sign} coalesce({'abs' if sign == '-' else ''}({self.locale.number(part)}), 0)"
                for sign, part in parts
            )
            shares = {
                rival.name: self.rows.share(
                    f"abs({self.locale.number(rival)} - (0 {terms})) <= 0.02"
                )
                for rival in rivals
            }
            right = [name for name, share in shares.items() if share >= _ADDS_UP]
            if len(right) == 1:
                self.matches["total"] = ColumnMatch(right[0], "total", 1.0)
                told = ", ".join(part.name for _, part in parts)
                text = f"{right[0]} is what {told} add up to, in {shares[right[0]]:.0%} of the rows"
                self.notes.append(Note("found", "total", text))
                return
        names = ", ".join(rival.name for rival in rivals)
        self.notes.append(
            Note("ask", "total", f"{names} may each be the total (candidates: {names})")
        )

    def _judge_units(self) -> None:
        """Whole numbers for amounts may be hundredths, as APIs write them: a factor of a hundred."""
        whole = {
            name: profile
            for name, item in self.columns.items()
            if self._is_money(name)
            and (profile := self.profiles.get(item.text)) is not None
            and profile.kind == "int"
            and profile.distinct > 1
        }
        if not whole:
            return
        if (answer := self.answers.get("units")) is not None:
            if answer == "100":
                for name, profile in whole.items():
                    text = self.locale.written(f"{self.locale.number(profile)} / 100")
                    self.columns[name] = Filled(text)
            return
        codes = self._profile("currency")
        is_api = codes is not None and all(value.islower() for value in codes.values)
        is_large = False
        for profile in whole.values():
            number = self.locale.number(profile)
            priced = f"{number} >= 100 and cast({number} as bigint) % 100 in (0, 50, 90, 95, 99)"
            is_large |= self.rows.share(f"{number} >= 1000") >= 0.5
            is_large |= self.rows.share(priced) >= _PRICED
        has_cents = any(item.kind == "decimal" for item in self.profiles.values())
        if is_api or (is_large and not has_cents):
            names = ", ".join(profile.name for profile in whole.values())
            text = f"{names}: whole numbers; are these amounts, or hundredths of them (candidates: 1, 100)"
            self.notes.append(Note("ask", "units", text))

    def _tell_refusals(self) -> None:
        """Columns that may say who must not be written to, and that nothing takes."""
        used = {match.source for match in self.matches.values()}
        lost = [
            name
            for name in self.profiles
            if name not in used
            and any(stem in plain(name) for stem in comma_items(words()["refusals"]))
        ]
        if lost and self.entity in ("contacts", "marketing_touches"):
            text = f"{', '.join(lost)} may say who must not be written to; only extra_json keeps it"
            self.notes.append(Note("guess", "consent", text))


def _pairs(text: str) -> list[str]:
    return [pair.strip() for pair in text.split(";") if "=" in pair]
