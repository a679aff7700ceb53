"""What is declared becomes rows, comes back from them, and each fault says where it stands."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from customer_intel.behaviour.declaration import declared, validate
from customer_intel.behaviour.model import Definitions
from customer_intel.cli.configuration import look
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.tables.parameters import room_config
from customer_intel.testing import TableLab

DAY = date(2026, 7, 1)

DECLARED = """\
behaviours:
  big_order: {any_of: [order_placed], where: "revenue >= 100 and channel = 'web'"}
  bought: [big_order, purchase]
core_action: order_placed
conversion: {any_of: [order_placed, purchase]}
features:
  export: "feature_used:export"
  share: ["feature_used:share", invite_sent]
funnels:
  buying:
    steps: [product_viewed, [add_to_cart, product_added], {any_of: bought, where: "customer.country = 'DE'"}]
    order: strict
    window_days: 7
    exclude: [logged_out]
    breakdown: [segment, channel]
  signing_up:
    steps: [page_viewed, signed_up]
    window_days: 0
"""


def config(tmp_path: Path, text: str) -> dict[str, object]:
    (tmp_path / "config").mkdir(exist_ok=True)
    (tmp_path / "config" / "behaviour.yaml").write_text(text)
    return room_config("behaviour", tmp_path)


def faults(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as told:
        validate(config(tmp_path, text))
    return str(told.value).splitlines()


def test_what_is_declared_comes_back_from_its_rows(tmp_path: Path) -> None:
    said = config(tmp_path, DECLARED)
    lab = TableLab(DAY)
    rows = lab.run("behaviour_definition", **{k: said[k] for k in ("behaviours", "core_action", "conversion",
                                                                   "features", "funnels")})  # fmt: skip
    found = Definitions.of(rows)
    assert found.core is not None and found.core.acts == ("order_placed",)
    assert found.conversion is not None and found.conversion.acts == ("order_placed", "purchase")
    assert {name: item.acts for name, item in found.features.items()} == {
        "export": ("feature_used:export",),
        "share": ("feature_used:share", "invite_sent"),
    }
    buying = found.funnels["buying"]
    assert [step.acts for step in buying.steps] == [
        ("product_viewed",), ("add_to_cart", "product_added"), ("order_placed", "purchase"),
    ]  # fmt: skip
    assert (buying.order, buying.window_days, buying.exclude, buying.breakdowns) == (
        "strict", 7.0, ("logged_out",), ("segment", "channel"),
    )  # fmt: skip
    assert found.funnels["signing_up"].window_days is None
    assert found.rows() == Definitions.of(rows).rows()
    assert set(rows["origin"]) == {"declared"} and set(rows["certainty"]) == {"said"}


def test_a_condition_holds_for_the_acts_of_its_own_behaviour(tmp_path: Path) -> None:
    found = declared(config(tmp_path, DECLARED))
    condition = found.behaviours["bought"].condition
    assert condition is not None
    assert condition.startswith(
        "((act IN ('order_placed') OR activity IN ('order_placed')) AND (revenue >= 100"
    )
    assert condition.endswith("OR (act IN ('purchase') OR activity IN ('purchase'))")
    last = found.funnels["buying"].steps[-1]
    assert last.condition == f"({condition}) AND (customer.country = 'DE')"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("core_action: Order Placed\n",
         "config/behaviour.yaml:1: core_action: 'Order Placed' is no act: lower-case letters, digits and _, then "
         "perhaps :detail; write order_placed (the fact) or web_order_placed (the event)"),
        ("core_action: Order Paid\n",
         "config/behaviour.yaml:1: core_action: 'Order Paid' is no act: lower-case letters, digits and _, then "
         "perhaps :detail; write web_order_paid"),
        ("core_action: order_paid\n",
         "config/behaviour.yaml:1: core_action: 'order_paid' is never done: events called order_… are acts called "
         "web_order_…; write web_order_paid"),
        ("core_action: Suscripción Cancelada\n",
         "config/behaviour.yaml:1: core_action: 'Suscripción Cancelada' is no act: lower-case letters, digits and _, "
         "then perhaps :detail; write suscripción_cancelada"),
        ("core_action: page_viewed:/bag\n",
         "config/behaviour.yaml:1: core_action: 'page_viewed:/bag' is never done: a page is the first part of its "
         "path, in lower case; write page_viewed:bag"),
        ("core_action: page_viewed:Bag/all\n",
         "config/behaviour.yaml:1: core_action: 'page_viewed:Bag/all' is never done: a page is the first part of its "
         "path, in lower case; write page_viewed:bag"),
        ("core_action: Page_Viewed:/Bag\n",
         "config/behaviour.yaml:1: core_action: 'Page_Viewed:/Bag' is no act: lower-case letters, digits and _, then "
         "perhaps :detail; write page_viewed:bag"),
        ("core_action: page_viewed:/\n",
         "config/behaviour.yaml:1: core_action: 'page_viewed:/' is never done: the page of the path / is called home; "
         "write page_viewed:home"),
        ("core_action: page_viewed:sku-123\n",
         "config/behaviour.yaml:1: core_action: 'page_viewed:sku-123' is never done: pages with digits or over 30 "
         "letters are one act; write page_viewed:other"),
        ("core_action: feature_used:Export PDF\n",
         "config/behaviour.yaml:1: core_action: 'feature_used:Export PDF' is never done: details are in lower case; "
         "write feature_used:export pdf"),
        ("features: {n: none}\n",
         "config/behaviour.yaml:1: features.n: 'none' is no act; only core_action and conversion may be none"),
        ("funnels:\n  f:\n    steps: [a, none]\n",
         "config/behaviour.yaml:3: funnels.f.steps.2: 'none' is no act; only core_action and conversion may be none"),
        ("behaviours:\n  x: {any_off: [a]}\n",
         "config/behaviour.yaml:2: behaviours.x: 'any_off' is none of any_of, where; did you mean any_of?"),
        ("funnels:\n  f:\n    steps: [a, b]\n    order: strickt\n",
         "config/behaviour.yaml:4: funnels.f: order is one of ordered, strict, any, not 'strickt'; did you mean "
         "strict?"),
        ("funnels:\n  f: {steps: [a]}\n", "config/behaviour.yaml:2: funnels.f needs steps, 2 to 10 of them"),
        ("funnels:\n  f:\n    steps: [a, b]\n    breakdown: [segmnt]\n",
         "config/behaviour.yaml:4: funnels.f.breakdown: 'segmnt' is nothing to break down by; did you mean segment"),
        ("funnels:\n  f:\n    steps: [a, b]\n    window_days: -1\n",
         "config/behaviour.yaml:4: funnels.f: window_days is a number of days, 0 for no limit"),
        ("funnels:\n  f:\n    steps:\n    - a\n    - any_of: b\n      where: chanel = 'x'\n",
         "config/behaviour.yaml:6: funnels.f.steps.2.where names 'chanel', which is no column of activity or of the "
         "customer; did you mean channel"),
        ("behaviours:\n  a: b\n  b: a\n", "config/behaviour.yaml:3: behaviours.b: 'a' is told by itself"),
        ("behaviours:\n  conversion: a\n", "config/behaviour.yaml:2: behaviours: 'conversion' means a role"),
        ("behaviours:\n  x: {any_of: a, where: 3}\n", "config/behaviour.yaml:2: behaviours.x.where is text"),
        ("features: {x: [1]}\n", "config/behaviour.yaml:1: features.x needs an act, a list of acts"),
        ("funnels:\n  f:\n    steps:\n    - a\n    - {any_of: b, name: 3}\n",
         "config/behaviour.yaml:5: funnels.f.steps.2: name is a text"),
        ("members_min: 0\n", "config/behaviour.yaml:1: members_min is 0; it takes a number from 1 on"),
        ("core_actoin: a\n", "config/behaviour.yaml:1: 'core_actoin' is not a setting of behaviour; did you mean "
         "core_action?"),
    ],
)  # fmt: skip
def test_a_wrong_declaration_says_where_and_what_to_do(
    tmp_path: Path, text: str, said: str
) -> None:
    found = faults(tmp_path, text)
    assert len(found) == 1 and found[0].startswith(said)


def test_acts_in_any_script_are_declared(tmp_path: Path) -> None:
    text = (
        "core_action: カートに追加\nfeatures: {größe: größe_gewählt, x: 'page_viewed:über-uns'}\n"
    )
    said = declared(config(tmp_path, text))
    assert said.core is not None and said.core.acts == ("カートに追加",)
    assert {name: item.acts for name, item in said.features.items()} == {
        "größe": ("größe_gewählt",), "x": ("page_viewed:über-uns",),
    }  # fmt: skip


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    text = "core_action: A b\nfunnels:\n  f: {steps: [A, b], order: x}\n"
    assert [line.split(":")[1] for line in faults(tmp_path, text)] == ["1", "3", "3"]


def test_the_rest_of_what_has_a_fault_is_looked_at_too(tmp_path: Path) -> None:
    text = (
        "features:\n  f: {any_off: a, where: revenue >}\n"
        "funnels:\n  f:\n    exclud: [x]\n    order: x\n    window_days: -1\n    breakdown: [y]\n"
        "    steps:\n    - a\n    - B b\n    - c\n"
        "retention:\n  r: {start: any, kind: x}\n"
        "compare:\n  c: {b: x}\n"
    )
    config(tmp_path, text)
    told = look(tmp_path, tmp_path / "landing").faults.told
    assert [int(line.split(":")[1]) for line in told] == [2, 2, 5, 11, 6, 7, 8, 14, 16]
    assert all(line.startswith("config/behaviour.yaml:") for line in told)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("revenue between 10", "is no condition: something is missing or too much at 'revenue between 10'"),
        ("''", "is empty; leave it out"),
        ("revenue > 3 --", "holds a comment of SQL"),
        ("revenue > 3 /* or more */", "holds a comment of SQL"),
        ("revenue > 3; revenue > 4", "is no single condition; join several by and, or"),
    ],
)  # fmt: skip
def test_a_condition_that_cannot_be_read_is_told_in_plain_words(
    tmp_path: Path, where: str, said: str
) -> None:
    told = faults(tmp_path, f"features:\n  f: {{any_of: a, where: {where}}}\n")
    assert len(told) == 1 and told[0].startswith(
        f"config/behaviour.yaml:2: features.f.where {said}"
    )
    assert "class" not in told[0] and "sqlglot" not in told[0]


def test_two_hyphens_in_a_text_are_no_comment(tmp_path: Path) -> None:
    said = declared(config(tmp_path, "features:\n  f: {any_of: a, where: channel = 'a--b'}\n"))
    assert said.features["f"].condition == "channel = 'a--b'"


def test_a_file_of_one_setting_is_named(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "features.yaml").write_text("\nexport: Ex port\n")
    with pytest.raises(
        ConfigError, match=r"^config/features.yaml:2: features.export: 'Ex port' is no act"
    ):
        validate(room_config("behaviour", tmp_path))


def test_the_example_of_the_documentation_is_read(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "behaviour.md").read_text()
    said = declared(config(tmp_path, text.split("```yaml\n")[1].split("```")[0]))
    assert said.funnels["buying"].exclude == ("logged_out",)
    assert said.funnels["buying"].steps[2].acts == ("order_placed", "subscription_started")
    assert set(said.features) == {"export", "sharing"} and set(said.behaviours) == {"big_order"}


def test_check_tells_a_wrong_declaration(tmp_path: Path) -> None:
    config(tmp_path, "core_action: Order Placed\n")
    told = look(tmp_path, tmp_path / "landing").faults.told
    assert [line.split(": ")[:2] for line in told] == [["config/behaviour.yaml:1", "core_action"]]
