"""Sessions as Segment's raw JSON lines: page, screen, track and identify calls with context,
properties and traits.
"""

from __future__ import annotations

import json

import numpy as np
import polars as pl
from numpy.typing import NDArray

from customer_intel.demo import pools
from customer_intel.demo.clock import choose
from customer_intel.demo.journeys import INTENTS, STATES
from customer_intel.demo.world import World

KIOSK = "kiosk-portland-0001"
APP = len(INTENTS) - 1
# state -> (type, event, name, path, title); None where the call does not carry it
CALLS: dict[str, tuple[str, str | None, str | None, str, str]] = {
    "home": ("page", None, "Home", "/", "Harbor & Pine Coffee"),
    "collection": ("page", None, "Collection", "/collections/coffee", "Coffee"),
    "product_viewed": ("track", "Product Viewed", None, "/products", "Product"),
    "product_added": ("track", "Product Added", None, "/products", "Product"),
    "checkout_started": ("track", "Checkout Started", None, "/checkout", "Checkout"),
    "order_completed": ("track", "Order Completed", None, "/thank-you", "Thank you"),
    "account": ("page", None, "Account", "/account", "Your account"),
    "help": ("page", None, "Help", "/help", "Help"),
    "app_home": ("screen", None, "App Home", "", ""),
    "brew_timer_used": ("track", "Brew Timer Used", None, "", ""),
    "recipe_saved": ("track", "Recipe Saved", None, "", ""),
    "subscription_managed": ("track", "Subscription Managed", None, "", ""),
    "identify": ("identify", None, None, "/account/login", "Log in"),
}
KINDS = [*STATES[:-1], "identify"]
AGENTS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/137.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.5 Safari/605.1.15",
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Mobile/15E148 "
        "Safari/604.1"
    ),
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) Chrome/137.0.0.0 Mobile Safari/537.36",
]
APPS = [
    '"device":{"type":"ios","model":"iPhone16,2"},"os":{"name":"iOS","version":"18.5"}',
    '"device":{"type":"android","model":"Pixel 9"},"os":{"name":"Android","version":"15"}',
]


def events(
    rng: np.random.Generator, world: World, records: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Events (columns ts_ms, received_ms, line) in order of receipt, and whose each anonymous id
    was when.
    """
    n = len(world.persons)
    shop = records.filter(pl.col("source") == "shopify").unique(
        "person", keep="first", maintain_order=True
    )
    account_from = np.full(n, 2**62)
    account_from[shop["person"].to_numpy()] = shop["created"].to_numpy()
    user_ids, emails = np.full(n, "", dtype=object), np.full(n, "", dtype=object)
    user_ids[shop["person"].to_numpy()] = shop["id"].to_numpy()
    emails[shop["person"].to_numpy()] = shop["email"].to_numpy()
    sessions = world.sessions
    who, started, intent = (sessions[c].to_numpy() for c in ("person", "started", "intent"))
    device, kiosk = _devices(
        rng, who, intent, world.persons["city"].to_numpy(), n, account_from, started
    )
    login_p = np.where(kiosk | (intent == APP), 1.0, np.where(intent == 1, 0.9, 0.45))
    logged_in = (who >= 0) & (account_from[who] <= started) & (rng.random(len(sessions)) < login_p)
    names = _hex(rng, int(device.max(initial=-1)) + 1)
    anonymous = np.array([*names, KIOSK], dtype=object)[np.where(kiosk, len(names), device)]
    steps = _with_logins(rng, world, sessions, device, logged_in, kiosk)
    session = steps["session"].to_numpy()
    frame = _lines(
        rng, world, steps, session, anonymous, logged_in, user_ids[who], emails[who], sessions
    )
    owner = pl.DataFrame(
        {
            "anonymous_id": pl.Series(anonymous, dtype=pl.String),
            "person": who,
            "started": started,
            "is_kiosk": kiosk,
            "is_identified": logged_in,
        }
    )
    owner = (
        owner.group_by("anonymous_id", "person", "is_kiosk")
        .agg(
            first_seen=pl.col("started").min(),
            last_seen=pl.col("started").max(),
            is_ever_identified=pl.col("is_identified").any(),
        )
        .sort("anonymous_id", "person")
    )
    return frame, owner


def _hex(rng: np.random.Generator, n: int, size: int = 16) -> list[str]:
    text = rng.bytes(n * size // 2).hex()
    return [text[i : i + size] for i in range(0, len(text), size)]


def _devices(
    rng: np.random.Generator,
    who: NDArray[np.int64],
    intent: NDArray[np.int64],
    city: NDArray[np.int64],
    n: int,
    account_from: NDArray[np.int64],
    started: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Up to three browsers and an app per person; strangers have a device each; some log in on the
    shop's kiosk.
    """
    browsers = 1 + choose(rng, [0.55, 0.33, 0.12], n)
    nth = np.where(
        rng.random(len(who)) < 0.75, 0, (rng.random(len(who)) * browsers[who]).astype(np.int64)
    )
    device = np.where(intent == APP, who * 4 + 3, who * 4 + nth)
    kiosk = (
        (who >= 0)
        & (city[who] == 0)
        & (intent == 0)
        & (rng.random(len(who)) < 0.02)
        & (account_from[who] <= started)
    )
    return np.where(who >= 0, device, n * 4 + np.arange(len(who))), kiosk


def _with_logins(
    rng: np.random.Generator,
    world: World,
    sessions: pl.DataFrame,
    device: NDArray[np.int64],
    logged_in: NDArray[np.bool_],
    kiosk: NDArray[np.bool_],
) -> pl.DataFrame:
    """Adds identify calls: at a device's first logged-in session, at some later ones, always at the
    kiosk.
    """
    order = pl.DataFrame(
        {"session": sessions["session"], "device": device, "started": sessions["started"]}
    ).filter(pl.Series(logged_in))
    first = (
        order.sort("started", "session")
        .unique("device", keep="first", maintain_order=True)["session"]
        .to_numpy()
    )
    identifies = np.zeros(len(sessions), dtype=bool)
    identifies[first] = True
    identifies |= logged_in & (kiosk | (rng.random(len(sessions)) < 0.06))
    first_steps = world.steps.unique("session", keep="first", maintain_order=True)
    first_steps = first_steps.filter(pl.Series(identifies[first_steps["session"].to_numpy()]))
    logins = first_steps.select(
        "session", pl.lit(len(KINDS) - 1, dtype=pl.Int64).alias("state"), pl.col("ts_ms") + 1
    )
    return pl.concat([world.steps, logins]).sort("ts_ms", "session", "state")


def _lines(
    rng: np.random.Generator,
    world: World,
    steps: pl.DataFrame,
    session: NDArray[np.int64],
    anonymous: NDArray[np.object_],
    logged_in: NDArray[np.bool_],
    user_ids: NDArray[np.object_],
    emails: NDArray[np.object_],
    sessions: pl.DataFrame,
) -> pl.DataFrame:
    n = len(steps)
    state = steps["state"].to_numpy()
    ts = steps["ts_ms"].to_numpy()
    intent = sessions["intent"].to_numpy()[session]
    delay = rng.integers(150, 2500, n)
    is_offline = (intent == APP) & (rng.random(n) < 0.02)
    received = ts + np.where(is_offline, rng.integers(0, 40 * 3600 * 1000, n), delay)
    product = choose(rng, np.array([float(x[4]) for x in pools.PRODUCTS]), n)
    agent, app = choose(rng, [3, 3, 3, 2], len(sessions)), choose(rng, [3, 2], len(sessions))
    campaign = np.where(
        rng.random(len(sessions)) < 0.35, 1 + choose(rng, [4, 3, 3, 1], len(sessions)), 0
    )
    first = np.zeros(n, dtype=bool)
    _, at = np.unique(session, return_index=True)
    first[at] = True
    is_product = np.isin(state, [STATES.index("product_viewed"), STATES.index("product_added")])
    # one fragment per (kind, product): the text of a call without its ids and times
    products = [
        {"product_id": sku, "name": name, "category": category, "price": cents / 100}
        for sku, name, category, cents, _ in pools.PRODUCTS
    ]
    page_fragments = [[_page(kind, p) for p in products] for kind in KINDS]
    product_fragments = [[_head(kind, p) for p in products] for kind in KINDS]
    call_fragments = [_tail(kind) for kind in KINDS]
    slot = state * len(products) + np.where(is_product, product, 0)
    context = np.where(intent == APP, len(AGENTS) + app[session], agent[session])
    contexts = [
        f'"library":{{"name":"analytics.js","version":"2.11.1"}},"userAgent":"{a}"' for a in AGENTS
    ]
    contexts += [
        (
            f'"app":{{"name":"Harbor & '
            f'Pine","version":"3.2.1"}},{a},"library":{{"name":"analytics-ios","version":"4.1.0"}}'
        )
        for a in APPS
    ]
    campaigns = [
        f',"campaign":{{"source":"{a}","medium":"{b}","name":"{a}_{b}"}}' if a else ""
        for a, b in pools.CAMPAIGNS
    ]
    order_id = world.sessions["order"].to_numpy()[session]
    is_order = (state == STATES.index("order_completed")) & (order_id >= 0)
    receipts = [
        f'{{"order_id":"#{1001 + o}","revenue":{cents / 100},"currency":"USD"}}'
        for o, cents in enumerate(world.orders["total"])
    ]
    properties = _pick(
        [h for row in product_fragments for h in row] + receipts,
        np.where(is_order, len(KINDS) * len(products) + order_id, slot),
    )
    user = np.where(logged_in, user_ids, "")
    traits = [',"traits":null'] + [f',"traits":{{"email":"{e}"}}' for e in emails]
    frame = pl.DataFrame(
        {
            "ts_ms": ts,
            "received_ms": received,
            "anonymous": _pick(list(anonymous), session),
            "user": _pick([f'"{u}"' if u else "null" for u in user], session),
            "traits": _pick(traits, np.where(state == len(KINDS) - 1, session + 1, 0)),
            "context": _pick(contexts, context),
            "campaign": _pick(campaigns, np.where(first & (intent != APP), campaign[session], 0)),
            "page": _pick([x for row in page_fragments for x in row], slot),
            "properties": properties,
            "tail": _pick(call_fragments, state),
            "message": _hex(rng, n, 16),
        }
    )
    times = [
        pl.from_epoch(c, time_unit="ms").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").alias(c + "_text")
        for c in ("ts_ms", "received_ms")
    ]
    line = pl.concat_str(
        pl.lit('{"anonymousId":"'),
        "anonymous",
        pl.lit('","context":{'),
        "context",
        "page",
        "campaign",
        pl.lit('},"messageId":"ajs-next-'),
        "message",
        pl.lit('","properties":'),
        "properties",
        pl.lit(',"receivedAt":"'),
        "received_ms_text",
        pl.lit('","timestamp":"'),
        "ts_ms_text",
        pl.lit('"'),
        "traits",
        "tail",
        pl.lit(',"userId":'),
        "user",
        pl.lit("}"),
    )
    return (
        frame.with_columns(times)
        .select("ts_ms", "received_ms", line=line)
        .sort("received_ms", "line")
    )


def _pick(texts: list[str], index: NDArray[np.int64]) -> pl.Series:
    return pl.Series(texts, dtype=pl.String).gather(pl.Series(index))


def _page(kind: str, product: dict[str, object]) -> str:
    _, _, _, path, title = CALLS[kind]
    if not path:
        return ""
    if path == "/products":
        path, title = (
            f"/products/{str(product['name']).lower().replace(' ', '-')}",
            str(product["name"]),
        )
    return ',"page":' + json.dumps({"path": path, "title": title}, separators=(",", ":"))


def _head(kind: str, product: dict[str, object]) -> str:
    if kind in ("product_viewed", "product_added"):
        return json.dumps(product, separators=(",", ":"))
    feature = {
        "brew_timer_used": "brew_timer",
        "recipe_saved": "recipes",
        "subscription_managed": "subscription",
    }.get(kind)
    return f'{{"feature":"{feature}"}}' if feature else "{}"


def _tail(kind: str) -> str:
    call, event, name, _, _ = CALLS[kind]
    return f',"event":{json.dumps(event)},"name":{json.dumps(name)},"type":"{call}"'
