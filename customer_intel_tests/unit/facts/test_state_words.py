"""Which state a source's word stands for: eight languages, vendors, a home's own words, and what
nobody knows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from customer_intel.core.contract import yaml_lines as yamlfile
from customer_intel.core.contract.model import PACKAGE
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.facts.states import (
    ABSENT,
    STATES,
    WORDS,
    fold,
    page,
    read_words,
    state_word,
    vendor_of,
    vendors,
    vocabulary,
)
from customer_intel_tests.unit.sqlroom import schema

Told = list[tuple[str, str | None]]


def _config(states: dict[str, Any] | None = None, share: float = 0.5) -> dict[str, Any]:
    return {"states": states or {}, "unknown_states_max_share": share}


def _state(word: str, entity: str = "orders", source: str = "shop", **own: Any) -> tuple[str, str]:
    return vocabulary(_config(own.get("states")), source, entity).get(
        fold(word), ("unknown", "unknown")
    )


def _frame(rows: Told) -> pl.LazyFrame:
    return pl.LazyFrame(
        rows, schema={"source_system": pl.String, "status": pl.String}, orient="row"
    )


def _table(
    raw: dict[str, Told], current: dict[str, Told] | None = None, **config: Any
) -> pl.DataFrame:
    now = raw if current is None else current
    frames = {f"raw_{entity}": _frame(raw.get(entity, [])) for entity in STATES}
    frames |= {entity: _frame(now.get(entity, [])) for entity in STATES}
    return state_word(**frames, config=_config(**config), schema=schema("state_word"))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("cancelled", ("cancelled, storniert, annulée, cancelado, annullato, cancelada, "
            "geannuleerd, anulowane")),
        ("returned", ("refunded, zurückerstattet, remboursée, devuelto, rimborsato, estornado, "
            "geretourneerd, zwrócone")),
        ("paid", "paid, bezahlt, payée, pagado, pagata, pago, betaald, opłacone"),
        ("placed", ("pending, ausstehend, en attente, pendiente, in attesa, pendente, in "
            "afwachting, oczekujące")),
        ("fulfilled", ("completed, abgeschlossen, terminée, completado, spedito, concluído, "
            "verzonden, zrealizowane")),
        ("failed", ("declined, fehlgeschlagen, échouée, fallido, non riuscito, falhou, mislukt, "
            "nieudane")),
        ("partly_returned", "partially refunded, teilweise erstattet, partiellement remboursé, "
            "parcialmente devuelto, "
                            "rimborso parziale, parcialmente reembolsado, deels terugbetaald, "
                            "częściowo zwrócone"),
        ("credit_note", ("credit note, Gutschrift, avoir, nota de crédito, nota di credito, "
            "creditnota, korekta")),
        ("draft", "cart, Warenkorb, panier, carrito, carrello, carrinho, winkelwagen, koszyk"),
        ("test", ("test order, Testbestellung, commande test, prueba, ordine di prova, teste, "
            "testorder, testowe")),
    ],
)  # fmt: skip
def test_an_order_is_understood_in_eight_languages(state: str, words: str) -> None:
    assert {word: _state(word.strip())[0] for word in words.split(",")} == dict.fromkeys(
        words.split(","), state
    )


@pytest.mark.parametrize(
    ("entity", "word", "state"),
    [
        ("orders", "on hold", "placed"), ("orders", "in Bearbeitung", "paid"), ("orders", "fraud", "cancelled"),
        ("orders", "fraud-test", "test"), ("orders", "wc-on-hold", "placed"), ("orders", "awaiting payment", "placed"),
        ("subscriptions", "gekündigt", "ended"), ("subscriptions", "gekündigt zum Laufzeitende", "ending"),
        ("subscriptions", "en pause", "paused"), ("subscriptions", "kostenlos", "free"),
        ("payments", "Rücklastschrift", "failed"), ("payments", "requires_action", "pending"),
        ("payments", "en litige", "disputed"), ("invoices", "überfällig", "open"), ("invoices", "emitida", "open"),
        ("invoices", "oninbaar", "uncollectible"), ("tickets", "in behandeling", "open"),
        ("tickets", "wartet auf Kunden", "pending"), ("tickets", "résolu", "solved"),
        ("tickets", "zamknięte", "closed"),
    ],
)  # fmt: skip
def test_phrases_are_words_too(entity: str, word: str, state: str) -> None:
    assert _state(word, entity) == (state, "common")


@pytest.mark.parametrize(
    "word",
    [
        "approved",
        "accepted",
        "unfulfilled",
        "in progress",
        "en cours",
        "in behandeling",
        "disputed",
        "archived",
        "ok",
    ],
)
def test_a_word_that_may_be_counted_or_not_is_unknown(word: str) -> None:
    assert _state(word) == ("unknown", "unknown")


def test_case_accents_and_punctuation_do_not_matter() -> None:
    assert fold("  WC-On_Hold ") == "on hold"
    assert fold("Übergröße") == "ubergrosse"
    assert fold("częściowo ZWRÓCONE/łø") == "czesciowo zwrocone lo"
    assert fold("–") == fold("") == ""


def test_own_words_of_a_source_go_before_own_of_any_then_the_vendors_then_the_common() -> None:
    assert _state("closed") == ("fulfilled", "common")
    assert _state("closed", source="magento") == ("returned", "vendor")
    own = {
        "orders": {"Closed": "cancelled", "Weg": "fulfilled"},
        "magento_b2b.orders": {"CLOSED": "test"},
    }
    assert _state("closed", source="magento", states=own) == ("cancelled", "own")
    assert _state("closed", source="magento_b2b", states=own) == ("test", "own")
    assert _state("weg", source="magento_b2b", states=own) == ("fulfilled", "own")
    assert _state("closed", "tickets", "magento", states=own) == ("closed", "common")


def test_a_vendors_file_serves_the_sources_named_after_it() -> None:
    assert [vendor_of(source) for source in ("shopify", "shopify_uk", "Shopify-de", "shopifyx", "my_shopify")] == [
        "shopify", "shopify", "shopify", None, None,
    ]  # fmt: skip
    assert vendor_of("jira_service_desk") == "jira_service"


@pytest.mark.parametrize(
    ("states", "message"),
    [
        ("  shop.orders:\n    Abgelegt: canceled", ("config/facts.yaml:4: 'canceled' is not a "
            "state of orders (draft, ")),
        ("  orders:\n    x: unknown", "config/facts.yaml:4: 'unknown' is not a state"),
        ("  shop.order: {a: paid}", ("config/facts.yaml:3: states: 'order' is not one of orders, "
            "subs")),
        ("  orders:\n    Weg: paid\n    WEG!: test", ("config/facts.yaml:5: 'WEG!' of orders is "
            "both paid and test")),
        ("  orders: paid", "config/facts.yaml:3: states: 'orders' needs 'word: state' pairs"),
    ],
)  # fmt: skip
def test_a_wrong_declaration_of_ones_own_names_the_line(
    states: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "facts.yaml"
    path.write_text(f"# own\nstates:\n{states}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        _table({}, states=yamlfile.load(path)["states"])
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "orders:\n  payed: [x]",
            "v.yaml:2: 'payed' is not a state of orders (draft, placed, paid, ",
        ),
        ("order:\n  paid: [x]", "v.yaml:1: 'order' is not one of orders, subscriptions, "),
        (
            "orders:\n  paid: [In Arbeit]\n  placed: [in-arbeit]",
            "v.yaml:3: 'in-arbeit' of orders is both paid and placed",
        ),
        (
            "orders:\n  paid: [yes]",
            "v.yaml:2: True under 'paid' is not text; put the word in quotes",
        ),
        ("orders:\n  paid: done", "v.yaml:1: 'orders' needs 'state: [words]' pairs"),
    ],
)
def test_a_wrong_file_of_words_names_the_line(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "v.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        read_words(path)
    assert str(error.value).startswith(message)


def test_a_slip_is_told_with_what_was_meant() -> None:
    with pytest.raises(ConfigError, match="did you mean cancelled"):
        vocabulary(_config({"orders": {"Abgelegt": "canceled"}}), "shop", "orders")


@pytest.mark.parametrize("name", ["common", *vendors()])
def test_every_shipped_file_gives_each_word_one_state(name: str) -> None:
    words = read_words(WORDS / f"{name}.yaml")
    assert words
    assert not any("" in known for known in words.values())


def test_the_common_words_know_every_state() -> None:
    known = read_words(WORDS / "common.yaml")
    assert {entity: set(words.values()) for entity, words in known.items()} == {
        entity: set(states[:-1]) for entity, states in STATES.items()
    }


def test_a_word_that_ever_came_has_a_row_with_the_count_of_today() -> None:
    found = _table(
        {"orders": [("shop", "pending"), ("shop", "paid"), ("shop", "Paid"), ("till", "sold")]},
        {"orders": [("shop", "paid"), ("shop", "paid"), ("shop", "Paid"), ("till", "sold")]},
    )
    assert found.rows() == [
        ("shop", "orders", "Paid", "paid", "common", 1, 0.333333333, False),
        ("shop", "orders", "paid", "paid", "common", 2, 0.666666667, False),
        ("shop", "orders", "pending", "placed", "common", 0, 0.0, False),
        ("till", "orders", "sold", "paid", "common", 1, 1.0, False),
    ]


def test_a_source_that_never_gives_a_state_lists_sales() -> None:
    found = _table({entity: [("till", None), ("till", "")] for entity in STATES})
    assert {row["entity"]: row["state"] for row in found.to_dicts()} == ABSENT
    assert found.select("word", "basis", "n", "is_beyond_share").unique().rows() == [
        ("", "absent", 2, False)
    ]


def test_a_row_without_a_word_beside_rows_with_one_is_unknown_until_declared() -> None:
    rows: Told = [("shop", None), ("shop", "paid"), ("shop", "paid")]
    assert _table({"orders": rows})[["word", "state", "basis"]].rows()[0] == (
        "",
        "unknown",
        "unknown",
    )
    declared = _table({"orders": rows}, states={"shop.orders": {"": "placed"}})
    assert declared[["word", "state", "basis"]].rows()[0] == ("", "placed", "own")


def test_a_word_of_long_ago_keeps_a_row_without_one_from_being_a_sale() -> None:
    found = _table({"orders": [("shop", "paid"), ("shop", None)]}, {"orders": [("shop", None)]})
    assert found[["word", "state", "n"]].rows() == [("", "unknown", 1), ("paid", "paid", 0)]


def test_unknown_rows_of_one_source_above_the_share_are_beyond_it() -> None:
    rows: Told = [("a", "zork"), ("a", "blip"), ("a", "paid"), ("b", "zork"), ("b", "paid")]
    found = _table({"orders": rows, "tickets": [("a", "open")]}, share=0.5)
    assert found.filter("is_beyond_share")[["source_system", "word"]].rows() == [
        ("a", "blip"),
        ("a", "zork"),
    ]
    assert not _table({"orders": rows}, share=0.7)["is_beyond_share"].any()


def test_no_rows_make_an_empty_table_of_the_same_shape() -> None:
    assert _table({}).schema == _table({"orders": [("a", "paid")]}).schema


@pytest.mark.parametrize(
    ("source", "entity", "words"),
    [
        ("shopify", "orders", ("cancelled refunded voided partially_refunded authorized pending "
            "paid fulfilled")),
        ("stripe", "subscriptions", ("trialing active past_due canceled unpaid paused incomplete "
            "incomplete_expired")),
        ("stripe", "payments", "succeeded failed pending"),
        ("stripe", "invoices", "draft open paid void uncollectible"),
        ("zendesk", "tickets", "new open pending hold on-hold solved closed deleted"),
        ("olist", "orders", ("created approved invoiced processing shipped delivered unavailable "
            "canceled")),
        ("olist", "payments", "paid"), ("ravenstack", "subscriptions", "trialing active canceled"),
        ("ravenstack", "tickets", "open closed"), ("telco", "subscriptions", "active canceled"),
        ("mrr_playbook", "subscriptions", "active canceled"), ("bpi2013", "tickets", "open closed"),
    ],
)  # fmt: skip
def test_what_a_shipped_mapping_writes_is_a_vendors_word(
    source: str, entity: str, words: str
) -> None:
    assert {_state(word, entity, source)[1] for word in words.split()} == {"vendor"}


def test_shopify_orders_that_nobody_paid_are_no_sale() -> None:
    told = {
        word: _state(word, source="shopify")[0]
        for word in ("pending", "authorized", "partially_paid", "expired")
    }
    assert told == {
        "pending": "placed",
        "authorized": "placed",
        "partially_paid": "placed",
        "expired": "failed",
    }


def test_the_page_of_the_manual_is_what_the_files_say() -> None:
    assert (PACKAGE.parent / "docs" / "states.md").read_text(encoding="utf-8") == page()
