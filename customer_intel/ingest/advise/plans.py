"""Which mappings one file gets: of what it is, and of what else stands in its rows.

Belongs here: orders in order lines, buyers in orders, lines in a record's array. Not here: what a
file is (match_entity.py), filling a mapping's columns (starter.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from customer_intel.core.contract.model import Table
from customer_intel.core.engine import quoted
from customer_intel.ingest.advise.column_profile import ColumnProfile
from customer_intel.ingest.advise.inspected import Inspected
from customer_intel.ingest.advise.match_entity import ColumnMatch, EntityCandidate, assigned
from customer_intel.ingest.advise.sniffed import Note
from customer_intel.ingest.mapping.model import Reader
from customer_intel.ingest.read.readers import TextTable

# Columns that a row of an order may say of its buyer.
_OF_BUYERS = (
    "email", "phone", "mobile_phone", "first_name", "last_name", "full_name", "street", "city", "state",
    "postal_code", "country", "birth_date", "gender", "language",
)  # fmt: skip
# An item's place in its record, where nothing else tells items apart.
_PLACE = "row_number() over (partition by {} order by _row)"
# What the items of a record's array are.
_CHILDREN = {"orders": "order_lines", "tickets": "ticket_messages"}


@dataclass(frozen=True)
class Part:
    """Rows of a file, and how they are read: its records, or the items of an array in each."""

    text: TextTable
    reader: Reader
    profiles: Sequence[ColumnProfile]


@dataclass(frozen=True)
class Plan:
    """One mapping to be written. `grouped`: several rows are one record; `keys`: columns that are
    known without a guess.
    """

    candidate: EntityCandidate
    part: Part
    grouped: bool = False
    keys: Mapping[str, str] = field(default_factory=dict)


def plans_of(
    chosen: EntityCandidate,
    found: Inspected,
    part: Part,
    entities: Mapping[str, Table],
    child: Callable[[str], Part],
    distinct: Callable[[Part, Sequence[str]], int],
) -> list[Plan]:
    """The file's mappings, what it is first; `child` reads the items of an array, `distinct` counts
    values of columns together. What was found is added to the notes of `found`.
    """
    plans = [Plan(chosen, part, _grouped(chosen, part.profiles))]
    if companion := _companion(chosen, found):
        found.notes = [note for note in found.notes if note.topic != "entity"]
        order = chosen.matches["order_id"].source
        text = f"one row is one order line, {order} comes again: lines and orders are written"
        found.notes.append(Note("found", "entity", text))
        plans.append(Plan(companion, part, _grouped(companion, part.profiles)))
    if people := _people_of(chosen, found, entities):
        plans.append(Plan(people, part, keys={"contact_id": people.matches["contact_id"].source}))
    return [*plans, *_items(chosen, found, entities, child, distinct)]


def _items(
    chosen: EntityCandidate,
    found: Inspected,
    entities: Mapping[str, Table],
    child: Callable[[str], Part],
    distinct: Callable[[Part, Sequence[str]], int],
) -> Iterator[Plan]:
    entity = _CHILDREN.get(chosen.entity)
    key = chosen.matches.get(entities[chosen.entity].key[-1])
    if entity is None or key is None:
        return
    for name in found.sniffed.children:
        part = child(name)
        own = [item for item in part.profiles if item.name.startswith(f"{name}.")]
        matches = assigned(entities[entity], own, [name])
        if len(matches) < 2 or not {"line_total", "unit_price", "body"} & set(matches):
            continue
        parent = entities[chosen.entity].key[-1]
        matches[parent] = ColumnMatch(key.source, parent, 1.0)
        found.notes.append(Note("found", "rows", f"each item of {name} becomes one of {entity}"))
        keys, own_key = {parent: key.source}, entities[entity].key[-1]
        thing = next((matches[n] for n in ("sku", "product_id", "title") if n in matches), None)
        if own_key not in matches:
            # The record's id is one of its items' only where each has one item.
            is_plain = thing and distinct(part, [key.source, thing.source]) == part.text.rows
            record = quoted(key.source)
            item = quoted(thing.source) if thing and is_plain else _PLACE.format(record)
            keys[own_key] = f"concat({record}, '-', {item})"
        yield Plan(EntityCandidate(entity, 0.0, matches), part, keys=keys)
        return


def _people_of(
    chosen: EntityCandidate, found: Inspected, entities: Mapping[str, Table]
) -> EntityCandidate | None:
    """The buyers in a file of orders that says more of them than an id: contacts of their own."""
    if chosen.entity != "orders" or "customer_ref" not in chosen.matches:
        return None
    people = assigned(entities["contacts"], found.profiles)
    ref = chosen.matches["customer_ref"].source
    # What the order itself is or says is no buyer's.
    taken = {
        match.source
        for name, match in chosen.matches.items()
        if name in ("order_id", "status", "ordered_at", "channel", "currency", "total")
    }
    own = {
        name: match
        for name, match in people.items()
        if match.source not in taken and match.source != ref and name in _OF_BUYERS
    }
    if not {"phone", "mobile_phone", "first_name", "last_name", "full_name"} & set(own):
        return None
    own["contact_id"] = ColumnMatch(ref, "contact_id", 1.0)
    if "ordered_at" in chosen.matches:
        own["updated_at"] = ColumnMatch(chosen.matches["ordered_at"].source, "updated_at", 1.0)
    names = sorted(match.source for name, match in own.items() if name in _OF_BUYERS)
    found.notes.append(
        Note("found", "people", f"{', '.join(names)} are the buyers': contacts are written too")
    )
    return EntityCandidate("contacts", 0.0, own)


def _grouped(candidate: EntityCandidate, columns: Sequence[ColumnProfile]) -> bool:
    """Whether one order is several rows of the file."""
    if candidate.entity != "orders" or "order_id" not in candidate.matches:
        return False
    key = next(
        profile for profile in columns if profile.name == candidate.matches["order_id"].source
    )
    return key.filled == key.rows and key.distinct < 0.9 * key.rows


def _companion(chosen: EntityCandidate, found: Inspected) -> EntityCandidate | None:
    """Order lines that also say when was bought hold the orders too: the other of the two."""
    by_entity = {
        item.entity: item for item in found.ranking if item.entity in ("orders", "order_lines")
    }
    if chosen.entity not in by_entity or len(by_entity) < 2:
        return None
    orders, lines = by_entity["orders"], by_entity["order_lines"]
    has_both = "ordered_at" in orders.matches and {"order_id", "product_id"} <= set(lines.matches)
    has_both = has_both and bool({"line_total", "unit_price"} & set(lines.matches))
    other = lines if chosen is orders else orders
    return other if has_both and _grouped(orders, found.profiles) else None
