"""How acts are called: what activity makes of an event's name, and which names nothing can have.

Belongs here: the rules of names that activity.sql follows, for who writes them by hand. Not here: reading
a declaration (declaration.py), what names mean (words.py).
"""

from __future__ import annotations

from customer_intel.behaviour.words import PAGE, fold, is_sign

# Told by facts alone: an event that is called so has web_ before its name.
_OF_ORDERS = (
    "order_placed", "order_attempted", "order_cancelled", "order_shipped", "order_delivered", "order_refunded",
)  # fmt: skip
_OF_FACTS = (
    "payment_failed", "payment_succeeded", "subscription_started", "subscription_canceled", "ticket_opened",
    "ticket_solved", "survey_answered", "review_written",
)  # fmt: skip
_EMAIL, _ORDER, _OWN_ORDER = "email_", "order_", "order_completed"
# Longer names of pages, and those with digits, are one act.
_LONG = 30
_OTHER = f"{PAGE}:other"


def of_event(name: str) -> str:
    """The activity of an event that is called so: Order Paid → web_order_paid."""
    plain = fold(name)
    is_order = plain.startswith(_ORDER) and plain != _OWN_ORDER
    if is_order or plain in _OF_FACTS or plain.startswith(_EMAIL):
        return f"web_{plain}"
    return plain or "unnamed_event"


def is_plain(word: str) -> bool:
    """Whether it is letters and digits of any script and underscores, none of them upper case."""
    return word == word.lower() and all(sign == "_" or is_sign(sign) for sign in word)


def fault(word: str) -> str | None:
    """Why nothing can be called so, and what to write instead; None for what can be."""
    activity, mark, detail = word.partition(":")
    if word == "none":
        return "is no act; only core_action and conversion may be none: name an act or leave it out"
    if not activity or not is_plain(activity) or bool(mark) > bool(detail) or "|" in detail:
        said = "is no act: lower-case letters, digits and _, then perhaps :detail"
        return f"{said}{_instead(activity, detail)}"
    if activity.startswith(_ORDER) and activity not in (*_OF_ORDERS, _OWN_ORDER):
        return f"is never done: events called {_ORDER}… are acts called web_{_ORDER}…; write web_{word}"
    if activity == PAGE and detail:
        return _fault_of_page(detail)
    if activity != "survey_answered" and detail != detail.lower():
        return f"is never done: details are in lower case; write {activity}:{detail.lower()}"
    return None


def _fault_of_page(detail: str) -> str | None:
    first = _page(detail)
    if not first:
        return f"is never done: the page of the path / is called home; write {PAGE}:home"
    if len(first) > _LONG or any(sign in "0123456789" for sign in first):
        return (
            f"is never done: pages with digits or over {_LONG} letters are one act; write {_OTHER}"
        )
    if first != detail:
        return f"is never done: a page is the first part of its path, in lower case; write {PAGE}:{first}"
    return None


def _page(path: str) -> str:
    return next((part for part in path.lower().split("/") if part), "")


def _instead(activity: str, detail: str) -> str:
    """The act that an event of this name is."""
    plain = fold(activity)
    if not plain:
        return ""
    act = of_event(activity)
    # As it may be typed by hand, or as the event is called.
    said = f"{plain} (the fact) or {act} (the event)" if plain in (*_OF_ORDERS, *_OF_FACTS) else act
    if plain.startswith(_EMAIL):
        said = f"{plain} (as the mailing tells it) or {act} (the event)"
    detail = _page(detail) if plain == PAGE else detail.lower()
    return (
        f"; write {said}:{detail}"
        if detail and said == act and "|" not in detail
        else f"; write {said}"
    )
