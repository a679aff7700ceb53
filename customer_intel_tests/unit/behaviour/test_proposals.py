"""What is shipped and what is proposed, for companies that declare nothing."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from customer_intel.behaviour.definitions import Definitions
from customer_intel.behaviour.words import fold, shipped, variants
from customer_intel.testing import TableLab
from customer_intel_tests.unit.behaviour.acts import lab

Event = tuple[str, float, str]


def proposed(lab: TableLab, **config: Any) -> Definitions:
    return Definitions.of(lab.chain("behaviour_definition") if not config else _run(lab, config))


def _run(lab: TableLab, config: dict[str, Any]) -> pl.DataFrame:
    lab.chain("actor_act", "touchpoint_day")
    return lab.run("behaviour_definition", **config)


def way(
    steps: list[tuple[str, float]], daily: list[tuple[str, float]], n: int = 200
) -> Iterator[Event]:
    """`n` customers who go `steps`, each reached from the one before with its share, and on the ten days after do
    each of `daily` with its share.
    """
    dice = random.Random(11)
    for at in range(n):
        minute = dice.uniform(0, 600)
        for step, share in steps:
            if dice.random() > share:
                break
            minute += dice.uniform(1, 5)
            yield f"c{at:04}", minute, step
        else:
            for later in range(1, 11):
                for act, share in daily:
                    if dice.random() < share:
                        yield f"c{at:04}", minute + 1440 * later + dice.uniform(0, 100), act


GERMAN = [
    ("startseite_angesehen", 1.0),
    ("kurs_angesehen", 0.85),
    ("lektion_gestartet", 0.7),
    ("kurs_gekauft", 0.6),
]
LATER = [
    ("lektion_gestartet", 0.9),
    ("anmeldung", 1.0),
    ("notiz_geschrieben", 0.1),
    ("fehler_angezeigt", 0.3),
]


def acts(found: Definitions, funnel: str) -> list[tuple[str, ...]]:
    return [step.acts for step in found.funnels[funnel].steps]


def test_a_company_of_other_words_gets_its_funnel_core_action_and_features() -> None:
    found = proposed(lab(way(GERMAN, LATER)))
    assert acts(found, "first_way") == [(act,) for act, _ in GERMAN]
    assert (
        found.core
        and found.core.acts == ("lektion_gestartet",)
        and found.core.certainty == "likely"
    )
    assert found.conversion and found.conversion.acts == ("kurs_gekauft",)
    # Neither a login nor an error is a feature or a core action.
    assert set(found.features) == {"notiz_geschrieben"}


def test_a_shop_gets_the_shipped_funnel_and_its_order_facts_first() -> None:
    steps = [("page_viewed:catalog", 1.0), ("add_to_cart", 0.8), ("checkout_started", 0.8), ("order_completed", 0.7),
             ("order_placed", 1.0)]  # fmt: skip
    found = proposed(lab(way(steps, [("page_viewed:catalog", 0.5)])))
    assert found.conversion and set(found.conversion.acts) == {"order_completed", "order_placed"}
    assert found.conversion.reason.startswith("orders and subscriptions are facts")
    assert (
        found.funnels["buying"].origin == "shipped"
        and found.funnels["buying"].certainty == "likely"
    )
    assert [step[0] for step in acts(found, "buying")[:3]] == [act for act, _ in steps[:3]]
    assert set(acts(found, "buying")[-1]) == {"order_completed", "order_placed"}
    assert found.core and set(found.core.acts) == {"order_completed", "order_placed"}


def test_a_handful_of_facts_does_not_hide_what_everybody_does() -> None:
    few = [(f"c{at:04}", 9000.0, "subscription_started") for at in range(8)]
    found = proposed(lab([*way([("page_viewed:home", 1.0), ("purchase", 0.9)], []), *few]))
    assert found.conversion and set(found.conversion.acts) == {"purchase", "subscription_started"}
    many = [(f"c{at:04}", 9000.0, "subscription_started") for at in range(80)]
    found = proposed(lab([*way([("page_viewed:home", 1.0), ("purchase", 0.9)], []), *many]))
    assert found.conversion and found.conversion.acts == ("subscription_started",)


def test_steps_that_most_take_otherwise_are_unsure() -> None:
    steps = [
        ("checkout_started", 1.0),
        ("add_to_cart", 0.8),
        ("page_viewed:catalog", 0.8),
        ("purchase", 0.7),
    ]
    found = proposed(lab(way(steps, [])))
    assert found.funnels["buying"].certainty == "unsure"
    assert "do not take them in this order" in found.funnels["buying"].reason


def test_a_step_that_most_take_later_is_left_out() -> None:
    steps = [("signed_up", 1.0), ("workspace_created", 0.8), ("subscription_started", 0.6)]
    found = proposed(lab(way(steps, [("feature_used:report", 0.8), ("export_clicked", 0.2)])))
    assert acts(found, "subscribing") == [(act,) for act, _ in steps]
    assert found.funnels["subscribing"].certainty == "likely"
    assert "what most do later than it says is left out" in found.funnels["subscribing"].reason
    assert found.core and found.core.acts == ("feature_used:report",)
    assert {name: item.acts for name, item in found.features.items()} == {
        "export_clicked": ("export_clicked",)
    }


def test_without_a_known_word_a_conversion_is_unsure_or_none() -> None:
    closed = [("akte_angelegt", 1.0), ("akte_bearbeitet", 0.9), ("akte_zugeklappt", 0.6)]
    found = proposed(lab(way(closed, [])))
    assert found.conversion and found.conversion.acts == ("akte_zugeklappt",)
    assert (
        found.conversion.certainty == "unsure" and found.funnels["first_way"].certainty == "unsure"
    )
    steady = proposed(lab(way([("gehört", 1.0)], [("gehört", 0.9), ("gelesen", 0.9)])))
    assert steady.conversion is None and steady.funnels == {}


SHOP = [
    ("page_viewed:catalog", 1.0),
    ("add_to_cart", 0.8),
    ("checkout_started", 0.8),
]


def test_a_page_is_no_conversion_where_a_deed_is_one() -> None:
    found = proposed(lab(way([("page_viewed:sale", 1.0), *SHOP, ("web_order_paid", 0.7)], [])))
    assert found.conversion and found.conversion.acts == ("web_order_paid",)
    assert found.conversion.certainty == "likely"
    assert acts(found, "buying")[-1] == ("web_order_paid",)
    assert found.funnels["buying"].certainty == "likely"


def test_a_page_alone_is_an_unsure_conversion_and_makes_its_funnel_unsure() -> None:
    found = proposed(lab(way([*SHOP, ("page_viewed:thank-you", 0.7)], [])))
    assert found.conversion and found.conversion.acts == ("page_viewed:thank-you",)
    assert found.conversion.certainty == "unsure" and "page" in found.conversion.reason
    assert found.funnels["buying"].certainty == "unsure"
    assert found.funnels["buying"].reason.endswith("what it ends in is unsure")


def test_a_page_or_a_part_of_a_name_is_not_counted_beside_facts() -> None:
    shop = [*SHOP, ("page_viewed:sale", 1.0), ("newsletter_bestellt", 1.0), ("order_placed", 0.7)]
    found = proposed(lab(way(shop, [])))
    assert found.conversion and found.conversion.acts == ("order_placed",)
    assert acts(found, "buying")[-1] == ("order_placed",)


def test_a_part_of_a_name_is_an_unsure_conversion() -> None:
    found = proposed(lab(way([("gestöbert", 1.0), ("newsletter_bestellt", 0.7)], [])))
    assert found.conversion and found.conversion.acts == ("newsletter_bestellt",)
    assert (
        found.conversion.certainty == "unsure" and "a part of its name" in found.conversion.reason
    )


def test_what_each_does_many_times_is_unsure_where_the_word_is_vague() -> None:
    daily = [("transaction", 0.6), ("order_completed", 0.6)]
    bank = proposed(lab(way([("konto_eröffnet", 1.0), ("transaction", 0.9)], daily[:1])))
    assert bank.conversion and bank.conversion.acts == ("transaction",)
    assert bank.conversion.certainty == "unsure"
    assert "each does it many times" in bank.conversion.reason
    once = proposed(lab(way([("konto_eröffnet", 1.0), ("transaction", 0.9)], [])))
    assert once.conversion and once.conversion.certainty == "likely"
    grocer = proposed(lab(way([("gestöbert", 1.0), ("order_completed", 0.9)], daily[1:])))
    assert grocer.conversion and grocer.conversion.certainty == "likely"


@pytest.mark.parametrize(
    ("said", "last"),
    [
        ("checkout_completed", ("checkout_completed",)),
        # A part of it, of another kind, is not what a shop's way ends in.
        (["checkout_completed", "subscription_started", "besonderes"], ("checkout_completed", "besonderes")),
        ("besonderes", None),
    ],
)  # fmt: skip
def test_a_shipped_funnel_ends_in_the_declared_conversion_or_is_left_out(
    said: Any, last: tuple[str, ...] | None
) -> None:
    events = list(
        way([*SHOP, ("checkout_completed", 0.7), ("purchase", 0.9), ("besonderes", 0.9)], [])
    )
    before = lab(events).chain("behaviour_definition")
    assert set(acts(Definitions.of(before), "buying")[-1]) == {"checkout_completed", "purchase"}
    for found in (
        proposed(lab(events), conversion=said),
        again(before, lab(events), conversion=said),
    ):
        if last is None:
            assert "buying" not in found.funnels
            assert acts(found, "first_way")[-1] == ("besonderes",)
        else:
            assert acts(found, "buying")[-1] == last


def test_a_condition_of_the_declared_conversion_holds_for_the_shipped_funnel() -> None:
    said = {"any_of": ["purchase"], "where": "revenue >= 1000"}
    found = proposed(lab(way([*SHOP, ("purchase", 0.7)], [])), conversion=said)
    assert found.funnels["buying"].steps[-1].condition == "revenue >= 1000"


def test_a_known_word_that_few_did_is_unsure() -> None:
    found = proposed(
        lab(way([("tune_played", 1.0), ("submit_upgrade", 0.04)], [("tune_played", 1.0)]))
    )
    assert found.conversion and found.conversion.acts == ("submit_upgrade",)
    assert found.conversion.certainty == "unsure" and "few did it so far" in found.conversion.reason


def test_who_is_unknown_counts_but_makes_no_core_action_sure() -> None:
    events = [(who.replace("c", "anon"), at, act) for who, at, act in way(GERMAN, LATER)]
    found = proposed(lab(events))
    assert found.core and found.core.certainty == "unsure"
    assert acts(found, "first_way") == [(act,) for act, _ in GERMAN]


def test_what_is_declared_wins_and_none_is_none() -> None:
    found = proposed(lab(way(GERMAN, LATER)), core_action="none", conversion="kurs_angesehen")
    assert found.core is None
    assert found.conversion and found.conversion.origin == "declared"
    assert acts(found, "first_way")[-1] == ("kurs_angesehen",)


def test_a_step_that_is_a_role_is_filled_in() -> None:
    funnels = {"mine": {"steps": ["startseite_angesehen", "core_action", "conversion"]}}
    found = proposed(lab(way(GERMAN, LATER)), funnels=funnels)
    assert acts(found, "mine") == [
        ("startseite_angesehen",),
        ("lektion_gestartet",),
        ("kurs_gekauft",),
    ]
    assert set(found.funnels) == {"mine"}


def test_a_proposal_stands_until_its_acts_are_gone() -> None:
    first = lab(way(GERMAN, LATER))
    before = first.chain("behaviour_definition")
    # Everybody now listens, too, on every day: another core action would be proposed.
    more = lab([*way(GERMAN, LATER), *way([("kapitel_gehört", 1.0)], [("kapitel_gehört", 1.0)])])
    anew = Definitions.of(more.chain("behaviour_definition"))
    assert anew.core and anew.core.acts == ("kapitel_gehört",)
    more.put("behaviour_definition", [])
    more.con.execute("DELETE FROM behaviour_definition")
    more.put("behaviour_definition", before)
    stands = Definitions.of(more.run("behaviour_definition"))
    assert stands.core and stands.core.acts == ("lektion_gestartet",)
    assert stands.funnels["first_way"] == Definitions.of(before).funnels["first_way"]
    gone = lab(way([("kapitel_gehört", 1.0), ("kauf", 0.5)], [("kapitel_gehört", 1.0)]))
    gone.chain("actor_act", "touchpoint_day")
    gone.put("behaviour_definition", before)
    found = Definitions.of(gone.run("behaviour_definition"))
    assert found.core and found.core.acts == ("kapitel_gehört",)
    assert found.conversion and found.conversion.acts == ("kauf",)


def again(before: pl.DataFrame, made: TableLab, **config: Any) -> Definitions:
    """The definitions of the night after `before`."""
    made.chain("actor_act", "touchpoint_day")
    made.put("behaviour_definition", before)
    return Definitions.of(made.run("behaviour_definition", **config))


def test_what_stands_gives_way_to_a_declaration_and_follows_the_settings() -> None:
    events = list(way(GERMAN, LATER))
    before = lab(events).chain("behaviour_definition")
    declared = again(
        before, lab(events), conversion="kurs_angesehen", core_action="notiz_geschrieben"
    )
    # A funnel that ended in another conversion, and a feature that now is the core action, are gone.
    assert acts(declared, "first_way")[-1] == ("kurs_angesehen",)
    assert "notiz_geschrieben" not in declared.features
    longer = again(before, lab(events), funnel_window_days=30)
    assert longer.funnels["first_way"].window_days == 30.0
    assert again(before, lab(events)).rows() == Definitions.of(before).rows()
    shop = [
        ("page_viewed:catalog", 1.0),
        ("add_to_cart", 0.8),
        ("checkout_started", 0.8),
        ("purchase", 0.7),
    ]
    first = lab(way(shop, [("page_viewed:catalog", 0.5)])).chain("behaviour_definition")
    told = again(first, lab(way(shop, [("page_viewed:catalog", 0.5)])), conversion="add_to_cart")
    assert told.core and told.core.acts == ("add_to_cart",)


def test_why_an_act_was_proposed_stands_beside_it() -> None:
    made = lab(way(GERMAN, LATER))
    made.chain("behaviour_definition")
    rows = {row["act"]: row for row in made.chain("behaviour_candidate").to_dicts()}
    assert (
        rows["startseite_angesehen"]["reach"] == 1.0
        and rows["startseite_angesehen"]["first_place"] == 1
    )
    assert rows["kurs_gekauft"]["roles"] == "|conversion|funnel|"
    assert rows["anmeldung"]["word_class"] == "access" and rows["anmeldung"]["roles"] is None
    assert rows["kurs_gekauft"]["tells"] is None
    assert 0.85 < rows["lektion_gestartet"]["returning_share"] < 0.95
    assert rows["kurs_gekauft"]["converts_after"] is None
    assert rows["kurs_angesehen"]["converts_after"] == pytest.approx(
        rows["kurs_gekauft"]["n_actors"] / rows["kurs_angesehen"]["n_actors"]
    )


def test_an_act_that_nobody_did_is_a_warning() -> None:
    made = lab(way(GERMAN, LATER))
    _run(made, {"core_action": "lektion_gestrtet"})
    made.chain("behaviour_candidate")
    assert made.warnings("behaviour_candidate") == ["named_acts_are_done"]


def test_details_without_number_are_one_act() -> None:
    songs = ((f"c{at % 150}", at, f"played:song {at}") for at in range(300))
    found = lab(songs).chain("actor_act")
    assert set(found["act"]) == {"played"}


def test_words_are_found_as_events_are_named() -> None:
    assert fold("Add To Cart!") == "add_to_cart"
    assert variants("geöffnet") == {"geöffnet", "geoffnet", "geoeffnet"}
    purchase = next(item for item in shipped().conversions if item.name == "purchase")
    assert purchase.words.mean("kurs_gekauft") and purchase.words.mean("addtocart") is False
    assert purchase.words.mean("web_order_placed")
    assert purchase.words.mean("purchase") and not purchase.words.mean("purchase_history_viewed")
    for act in (
        "suscripción_cancelada", "suscripcion_cancelada", "geku\u0308ndigt", "gekündigt", "gekuendigt", "abo_kündigung",
        "abonnement_résilié", "abbonamento_disdetto", "abonnement_opgezegd", "assinatura_cancelada",
        "subscription_cancellation",
    ):  # fmt: skip
        assert shipped().class_of(act) == "errors", act
    assert shipped().class_of("payment_error") == "errors"
    assert shipped().class_of("page_viewed:account") == "settings"


def test_a_declared_act_that_few_did_is_counted_beside_hundreds_of_others() -> None:
    events = [(f"c{at % 300:03}", at, f"thing_{at % 320}") for at in range(3200)]
    made = lab([*events, ("c001", 5000, "z_rare")])
    _run(made, {"core_action": "z_rare"})
    rows = {row["act"]: row for row in made.run("behaviour_candidate").to_dicts()}
    assert len(rows) == 301
    assert (rows["z_rare"]["n_actors"], rows["z_rare"]["roles"]) == (1, "|core_action|")
