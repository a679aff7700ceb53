"""inspect decides only what a file's evidence decides; the rest is asked, and read when answered."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from customer_intel.core.contract import load as contract
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.facts import states
from customer_intel.ingest.advise import check_mappings, decisions
from customer_intel.ingest.advise.inspect_file import Inspected, inspect
from customer_intel.ingest.mapping import model as mapping
from customer_intel_tests.unit.ingest.test_inspect import Lab

ENTITIES = contract.load().entities


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def state_of(entity: str, word: str) -> str | None:
    return states.vocabulary({"states": {}}, "shop", entity).get(states.fold(word), (None, ""))[0]


def look(lab: Lab, name: str, content: str, *answers: str, entity: str | None = None) -> Inspected:
    path = lab.write(name, content)
    return inspect(
        path, home=lab.root / "home", out=None, source="shop", entity=entity, force=False,
        today=dt.date(2026, 6, 30), answers=answers, state_of=state_of,
    )  # fmt: skip


def written(found: Inspected, which: int = 0) -> mapping.FileMapping:
    return mapping.read(found.written[which].path, ENTITIES)


def csv(head: str, *rows: str) -> str:
    return "\n".join([head, *rows]) + "\n"


def orders(dates: list[str], totals: list[str] | None = None, head: str = "total") -> str:
    totals = totals or [f"{10 + n}.50" for n in range(len(dates))]
    rows = [f"{n},c{n % 7},{day},{totals[n]}" for n, day in enumerate(dates)]
    return csv(f"order_id,customer_id,order_date,{head}", *rows)


# ---- dates
def test_a_date_after_the_export_tells_the_order(lab: Lab) -> None:
    found = look(lab, "orders.csv", orders([f"{1 + n % 12:02}/06/2026" for n in range(24)]))
    assert written(found).decide == {}
    assert written(found).reader.timestamp == ("%d/%m/%Y",)
    assert any("would lie after 2026-06-30" in note.text for note in found.notes)


def test_rows_in_the_order_of_time_tell_the_order(lab: Lab) -> None:
    days = [dt.date(2025, 1, 1) + dt.timedelta(days=n) for n in range(0, 360, 3)]
    dates = [day.strftime("%d/%m/%Y") for day in days if day.day <= 12]
    found = look(lab, "orders.csv", orders(dates))
    assert written(found).reader.timestamp == ("%d/%m/%Y",) and not written(found).decide


def test_dates_that_nothing_tells_are_asked_and_read_as_answered(lab: Lab) -> None:
    dates = [f"{1 + (5 * n) % 12:02}/{1 + (7 * n) % 12:02}/2025" for n in range(24)]
    found = look(lab, "orders.csv", orders(dates))
    assert "candidates: day, month" in written(found).decide["dates"] and found.written[0].asks == 1
    again = look(lab, "orders.csv", orders(dates), "dates=month")
    assert written(again).decide == {} and written(again).reader.timestamp == ("%m/%d/%Y",)


@pytest.mark.parametrize("column", ["order_date", "total"])
def test_one_odd_value_of_a_few_rows_decides_nothing(lab: Lab, column: str) -> None:
    dates, totals = [f"2026-05-{n:02}" for n in range(10, 18)], [f"€ {n}.50" for n in range(8)]
    of = dates if column == "order_date" else totals
    of[3] = "to follow"
    found = look(lab, "orders.csv", orders(dates, totals))
    profile = next(profile for profile in found.profiles if profile.name == column)
    assert profile.is_time or profile.is_number
    assert written(found).columns[{"order_date": "ordered_at"}.get(column, column)] == column
    # Of eight rows one is a large share, and no reason to refuse the file.
    assert (found.written[0].trial.quarantined, found.works) == (1, True)


# ---- amounts
@pytest.mark.parametrize(
    ("totals", "first"),
    [
        (["(45.00)"], "-45"), (["$(45.00)"], "-45"), (["-$45.00"], "-45"), (["45.00-"], "-45"),
        (["45.00 CR"], "-45"), (["1\u202f045,90\u00a0€"], "1045.9"), (["CHF 1'045.90"], "1045.9"),
        (["R$ 1.045,90"], "1045.9"),
    ],
)  # fmt: skip
def test_amounts_as_accountants_write_them_are_amounts(
    lab: Lab, totals: list[str], first: str
) -> None:
    decimal = "," if "," in totals[0] else "."
    others = [f"{n}{decimal}25" for n in range(100, 140)]
    content = orders(["2026-05-01"] * 41, [*totals, *others]).replace(",", ";")
    if decimal == ",":
        content = content.replace(totals[0].replace(",", ";"), totals[0])
        for other in others:
            content = content.replace(other.replace(",", ";"), other)
    found = look(lab, "orders.csv", content)
    assert written(found).decide == {} and found.works
    rows = lab.rows(found, lab.root / "shop" / "orders.csv")
    assert float(rows["total"][0]) == float(first) and rows["total"].null_count() == 0


def test_an_amount_that_no_column_gives_is_asked_never_made_up(lab: Lab) -> None:
    head = "order_id,customer_id,order_date,weight,height"
    rows = [f"{n},c{n % 7},2026-05-{1 + n % 28:02},{n + 1}.5,{n + 2}.5" for n in range(30)]
    found = look(lab, "orders.csv", csv(head, *rows))
    made = written(found)
    assert "candidates: weight, height" in made.decide["total"]
    assert "'0'" not in made.columns.values()
    again = look(lab, "orders.csv", csv(head, *rows), "total=height")
    assert written(again).decide == {}
    assert float(lab.rows(again, lab.root / "shop" / "orders.csv")["total"].sum()) == 30 * 2.5 + 435


def test_hundredths_are_asked(lab: Lab) -> None:
    head = "payment_id,amount,currency,status,created"
    rows = [f"ch_{n},{1000 + 100 * n},eur,succeeded,2026-05-01 10:00:00" for n in range(9)]
    assert set(written(look(lab, "payments.csv", csv(head, *rows))).decide) == {"units"}
    again = look(lab, "payments.csv", csv(head, *rows), "units=100")
    assert float(lab.rows(again, lab.root / "shop" / "payments.csv")["amount"].sum()) == 126.0


@pytest.mark.parametrize(("amounts", "asked"), [((1234, 8731), True), ((12, 95), False)])
def test_large_whole_amounts_are_asked_small_ones_are_not(
    lab: Lab, amounts: tuple[int, int], asked: bool
) -> None:
    low, high = amounts
    totals = [str(low + (high - low) * n // 30) for n in range(30)]
    made = written(look(lab, "orders.csv", orders(["2026-05-01"] * 30, totals)))
    assert ("units" in made.decide) is asked


def test_a_file_that_names_no_currency_is_in_none(lab: Lab) -> None:
    found = look(lab, "orders.csv", orders(["2026-05-01"] * 20))
    assert written(found).columns["currency"] == "'XXX'"
    assert any(note.topic == "currency" and note.level == "guess" for note in found.notes)
    again = look(lab, "orders.csv", orders(["2026-05-01"] * 20), "currency=chf")
    assert written(again).columns["currency"] == "'CHF'"


def test_the_companys_currency_is_taken_where_it_is_set(lab: Lab) -> None:
    config = lab.root / "home" / "config"
    config.mkdir(parents=True)
    (config / "company.yaml").write_text("reporting_currency: SEK\n")
    found = look(lab, "orders.csv", orders(["2026-05-01"] * 20))
    assert written(found).columns["currency"] == "'SEK'"


def test_an_orders_total_is_not_the_sum_of_its_lines_prices(lab: Lab) -> None:
    head = "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID"
    rows = [f"{500 + n // 3},S{n % 3},{1 + n % 3},2026-05-01 09:00:00,{2 + n % 3}.50,{n // 9}"
            for n in range(60)]  # fmt: skip
    found = look(lab, "retail.csv", csv(head, *rows))
    assert [item.entity for item in found.written] == ["order_lines", "orders"] and found.works
    totals = lab.rows(found, lab.root / "shop" / "retail.csv", 1)["total"]
    assert {float(total) for total in totals} == {1 * 2.5 + 2 * 3.5 + 3 * 4.5}


@pytest.mark.parametrize(("parts", "total"), [(True, "Grand total"), (False, None)])
def test_of_two_totals_the_one_that_its_parts_add_up_to(
    lab: Lab, parts: bool, total: str | None
) -> None:
    head = "Order ID,Order Date,Customer ID,Currency,Status,Total,Grand total"
    rows = [
        f"{k},2025-03-{1 + k % 28:02},{k % 9},EUR,paid,{20 + k}.00,{26 + k}.00" for k in range(30)
    ]
    if parts:
        head += ",Subtotal,Tax,Shipping"
        rows = [f"{row},{20 + k}.00,4.00,2.00" for k, row in enumerate(rows)]
    made = written(look(lab, "orders.csv", csv(head, *rows)))
    if total:
        assert made.columns["total"].strip('"') == total and not made.decide
    else:
        assert "candidates: Total, Grand total" in made.decide["total"]


# ---- states
def test_words_of_states_are_listed_and_unknown_ones_asked(lab: Lab) -> None:
    words = ["Abgeschlossen"] * 20 + ["Storniert"] * 5 + ["Zettel 7"] * 15
    rows = [f"{n},c{n % 7},2026-05-01,{n}.50,{word}" for n, word in enumerate(words)]
    content = csv("order_id,customer_id,order_date,total,Status", *rows)
    said = written(look(lab, "orders.csv", content)).decide["states"]
    assert "‘Storniert’ 5 → cancelled" in said and "‘Zettel 7’ 15 → unknown" in said
    again = look(lab, "orders.csv", content, "states=Zettel 7=paid")
    assert written(again).decide == {}
    rows_again = lab.rows(again, lab.root / "shop" / "orders.csv")
    assert rows_again["status"].value_counts().sort("status")["count"].to_list() == [20, 5, 15]


def order_rows(n: int = 30, last: str = "") -> list[str]:
    words = ["paid", "cancelled", "shipped"]
    return [
        f"{k},2025-03-{1 + k % 28:02},{k % 9},{20 + k}.00,EUR,{last or words[k % 3]}"
        for k in range(n)
    ]


ORDER = "Order ID,Order Date,{},Total,Currency,{}"


@pytest.mark.parametrize("name", ["Zustand", "Etat", "Situación", "Zahlungsstatus", "Payment"])
def test_a_column_of_states_is_found_by_its_words(lab: Lab, name: str) -> None:
    found = look(lab, "orders.csv", csv(ORDER.format("Customer ID", name), *order_rows()))
    assert written(found).columns["status"].strip('"') == name and not written(found).decide


@pytest.mark.parametrize(
    ("name", "yes", "no", "state", "n"),
    [("Cancelled", "yes", "no", "cancelled", 10), ("Bezahlt", "ja", "nein", "paid", 10),
     ("Annulée", "oui", "non", "cancelled", 10)],
)  # fmt: skip
def test_a_yes_or_no_may_be_the_state(
    lab: Lab, name: str, yes: str, no: str, state: str, n: int
) -> None:
    rows = [
        f"{k},2025-03-{1 + k % 28:02},{k % 9},{20 + k}.00,EUR,{no if k % 3 else yes}"
        for k in range(30)
    ]
    found = look(lab, "orders.csv", csv(ORDER.format("Customer ID", name), *rows))
    states = lab.rows(found, lab.root / "shop" / "orders.csv")["status"].to_list()
    assert states.count(state) == n


def test_refunds_among_payments_are_asked(lab: Lab) -> None:
    kinds = ["charge", "refund", "payout"]
    rows = [
        f"p{k},2025-03-{1 + k % 28:02},{k % 9},{kinds[k % 3]},{20 + k}.50,EUR" for k in range(30)
    ]
    found = look(
        lab, "payments.csv", csv("payment_id,date,customer_id,type,amount,currency", *rows)
    )
    assert "‘refund’ → refunded" in written(found).decide["status"]


# ---- people
@pytest.mark.parametrize(
    "name", ["Klantnummer", "Codice cliente", "Klient", "Debitor", "Member no"]
)
def test_who_it_was_is_known_in_other_languages(lab: Lab, name: str) -> None:
    found = look(lab, "orders.csv", csv(ORDER.format(name, "Status"), *order_rows()))
    assert written(found).columns["customer_ref"].strip('"') == name


def test_orders_of_nobody_are_asked_where_somebody_may_be_told(lab: Lab) -> None:
    content = csv(ORDER.format("Acheteur", "Status"), *order_rows())
    asked = written(look(lab, "orders.csv", content)).decide
    assert "candidates: Acheteur" in asked["customer_ref"]
    again = look(lab, "orders.csv", content, "customer_ref=null")
    assert not written(again).decide and again.works
    rows = lab.rows(again, lab.root / "shop" / "orders.csv")
    assert rows["customer_ref"].null_count() == 30


def test_a_column_of_known_ids_says_who_it_was(lab: Lab) -> None:
    folder = lab.root / "home" / "landing" / "shop" / "2026-06-30"
    folder.mkdir(parents=True)
    people = [f"K{k},Ann{k},Berg,p{k}@x.example" for k in range(9)]
    (folder / "kunden.csv").write_text(csv("Kundennummer,Vorname,Nachname,E-Mail", *people))
    rows = [f"{k},2025-03-{1 + k % 28:02},K{k % 9},{20 + k}.00,EUR,paid" for k in range(30)]
    (folder / "orders.csv").write_text(csv(ORDER.format("Acheteur", "Status"), *rows))
    made = [
        inspect(
            folder / name, home=lab.root / "home", out=None, source="shop", entity=None, force=True,
            today=dt.date(2026, 6, 30), state_of=state_of,
        )
        for name in ("kunden.csv", "orders.csv")
    ]  # fmt: skip
    assert written(made[0]).columns["contact_id"] == "Kundennummer"
    assert written(made[1]).columns["customer_ref"] == "Acheteur" and not written(made[1]).decide
    assert any("9 of 9 values are ids" in note.text for note in made[1].notes)


def test_the_buyer_is_not_the_recipient_nor_a_name(lab: Lab) -> None:
    head = "Order ID,Order Date,Client,Buyer email,Recipient email,Total,Currency"
    rows = [
        f"{k},2025-03-{1 + k % 28:02},Anna Berger,a{k % 9}@ex.com,k{k % 7}@ex.com,{15 + k}.00,EUR"
        for k in range(30)
    ]
    columns = written(look(lab, "orders.csv", csv(head, *rows))).columns
    assert columns["email"].strip('"') == "Buyer email" and "customer_ref" not in columns


def test_answers_are_their_customers_and_no_comment_is_a_key(lab: Lab) -> None:
    head = "Kundennr;Datum;Wie wahrscheinlich ist es, dass Sie uns weiterempfehlen?;Kommentar"
    rows = [f"{k % 9};{1 + k % 28:02}.03.2025;{k % 11};gut und {'a' * (k + 1)}" for k in range(30)]
    columns = written(look(lab, "umfrage.csv", csv(head, *rows))).columns
    assert columns["respondent_ref"] == "Kundennr" and columns["response_id"] != "Kommentar"
    assert columns["survey_id"] == "'shop_umfrage'"


def test_a_contact_without_an_id_is_known_by_the_address(lab: Lab) -> None:
    rows = [f"Anna Berg{'a' * k},Acme {k},p{k}@x.example,+49 30 1234{k:03}" for k in range(30)]
    found = look(lab, "leads.csv", csv("Contact,Company,Email,Phone", *rows))
    assert written(found).columns["contact_id"] == "Email"


# ---- more dates
@pytest.mark.parametrize("kind", ["year first", "spreadsheet"])
def test_years_first_and_a_spreadsheets_days_are_dates(lab: Lab, kind: str) -> None:
    days = [f"25/03/{1 + k:02}" if kind == "year first" else f"{45717 + k}" for k in range(28)]
    rows = [f"{k},{day},{k % 9},{10 + k}.50,GBP" for k, day in enumerate(days)]
    found = look(lab, "orders.csv", csv("order_no,order_date,customer,total,currency", *rows))
    assert not written(found).decide
    first = lab.rows(found, lab.root / "shop" / "orders.csv")["ordered_at"].min()
    assert first == dt.datetime(2025, 3, 1)


def test_an_order_that_does_not_say_when_is_asked(lab: Lab) -> None:
    rows = [f"{k},soon {k},{k % 9},{10 + k}.50,GBP" for k in range(28)]
    found = look(lab, "orders.csv", csv("order_no,order_date,customer,total,currency", *rows))
    assert "candidates: order_date" in written(found).decide["ordered_at"]


def test_how_often_is_paid_is_asked(lab: Lab) -> None:
    rows = [f"s{k},{k},Pro annual,{1200 + k}.00,EUR,2025-03-01,active" for k in range(30)]
    head = "subscription_id,customer_id,plan,price,currency,start_date,status"
    found = look(lab, "subscriptions.csv", csv(head, *rows))
    assert "month, year" in written(found).decide["billing_interval"]
    again = look(lab, "subscriptions.csv", csv(head, *rows), "billing_interval=year")
    assert written(again).columns["billing_interval"] == "'year'" and not written(again).decide


def test_a_discount_is_no_surcharge(lab: Lab) -> None:
    rows = [
        f"{k},2025-03-{1 + k % 28:02},{k % 9},({3 + k % 2}.00),{20 + k}.00,EUR,paid"
        for k in range(30)
    ]
    head = "Order ID,Order Date,Customer ID,Discount,Total,Currency,Status"
    found = look(lab, "orders.csv", csv(head, *rows))
    assert float(lab.rows(found, lab.root / "shop" / "orders.csv")["discount"].min()) == 3.0  # type: ignore[arg-type]


# ---- entities
def test_what_is_no_persons_is_no_contact(lab: Lab) -> None:
    rows = [f'{n},{90000 + n},"{1 + n},{n:03}"' for n in range(60)]
    found = look(lab, "zip_population.csv", csv("ID,Zip Code,Population", *rows))
    assert found.written[0].entity != "contacts" and "entity" in written(found).decide


def test_traits_of_people_make_contacts(lab: Lab) -> None:
    head = "ID;Year_Birth;Education;Marital_Status;Income;Dt_Customer;MntWines;Z_Revenue"
    rows = [
        f"{n};{1950 + n % 40};PhD;Single;{3000 + n};2026-05-{1 + n % 28:02};{n};11"
        for n in range(60)
    ]
    found = look(lab, "marketing_campaign.csv", csv(head, *rows))
    assert found.written[0].entity == "contacts" and not written(found).decide
    assert written(found).columns["created_at"] == "Dt_Customer"


def test_reviews_are_reviews(lab: Lab) -> None:
    rows = [f"{1 + n % 5}\t{1 + n % 28}-Jul-25\tBlack\tsome words of buyer {n}" for n in range(60)]
    found = look(lab, "alexa.tsv", csv("rating\tdate\tvariation\tverified_reviews", *rows))
    assert found.written[0].entity == "reviews"
    assert written(found).columns["body"] == "verified_reviews"


@pytest.mark.parametrize(
    ("question", "why", "when"),
    [
        (
            "Wie wahrscheinlich ist es, dass Sie uns weiterempfehlen? (0-10)",
            "Warum?",
            "Zeitstempel",
        ),
        ("¿Qué probabilidad hay de que nos recomiende?", "¿Por qué?", "Marca temporal"),
        ("Recommanderiez-vous notre service à un ami ?", "Pourquoi ?", "Horodateur"),
    ],
)
def test_a_surveys_question_is_told_in_other_languages(
    lab: Lab, question: str, why: str, when: str
) -> None:
    rows = [
        f'2026-06-{1 + n % 28:02} 10:05:00;p{n}@kunde.example;{n % 11};"a; {n}"' for n in range(40)
    ]
    found = look(lab, "umfrage.csv", csv(f"{when};E-Mail;{question};{why}", *rows))
    made = written(found)
    assert found.written[0].entity == "survey_responses" and not made.decide
    assert (made.columns["score"], made.columns["comment"]) == (f'"{question}"', f'"{why}"') or (
        made.columns["score"].strip('"'),
        made.columns["comment"].strip('"'),
    ) == (question, why)
    assert made.columns["survey_type"] == "'nps'"


def test_one_answer_beside_the_scale_does_not_change_what_was_asked(lab: Lab) -> None:
    rows = [f"{k};2026-06-{1 + k % 28:02};{11 if k == 3 else k % 11};x{k}" for k in range(40)]
    content = csv("Kundennr;Datum;Weiterempfehlung (0-10);Kommentar", *rows)
    assert written(look(lab, "umfrage.csv", content)).columns["survey_type"] == "'nps'"


def test_buyers_in_orders_become_contacts(lab: Lab) -> None:
    head = "Order #,Order Date,Customer ID,Customer Name,Email,Order Status,Order Total"
    rows = [f"{n},2026-05-{1 + n % 28:02},K{n % 9},\"Berg, Uta{n % 9}\",k{n % 9}@example.com,Shipped,{n}.10"
            for n in range(40)]  # fmt: skip
    found = look(lab, "orders.csv", csv(head, *rows))
    assert [item.entity for item in found.written] == ["orders", "contacts"] and found.works
    people = lab.rows(found, lab.root / "shop" / "orders.csv", 1)
    assert set(people["contact_id"]) == {f"K{n}" for n in range(9)}
    assert people["last_name"].null_count() == 0


def test_an_id_and_a_name_are_no_company(lab: Lab) -> None:
    rows = [f"{n},Brand {n},https://b{n}.example,b{n},2026-05-01 10:00:00" for n in range(20)]
    found = look(lab, "brand_data.csv", csv("id,name,url,domain,created_at", *rows))
    assert "candidates:" in written(found).decide["entity"]
    head = "id,name,url,domain,created_at"
    again = look(lab, "brand_data.csv", csv(head, *rows), "entity=accounts")
    assert written(again).decide == {}


# ---- answers
def test_an_answer_to_no_question_is_named(lab: Lab) -> None:
    content = orders(["2026-05-01"] * 20)
    for answer, said in (
        ("totl=x", "'totl' is no question; topics are entity"),
        ("dates=first", "it is day or month"),
        ("total", "write topic=value"),
    ):
        with pytest.raises(ConfigError, match=said):
            look(lab, "orders.csv", content, answer)


def test_an_edited_mapping_is_not_written_over(lab: Lab) -> None:
    dates = [f"{1 + (5 * n) % 12:02}/{1 + (7 * n) % 12:02}/2025" for n in range(24)]
    path = look(lab, "orders.csv", orders(dates)).written[0].path
    assert decisions.is_unedited(path)
    path.write_text(path.read_text() + "# mine\n")
    assert decisions.is_unedited(path)
    path.write_text("# mine\n" + path.read_text())
    with pytest.raises(ConfigError, match="was edited since inspect wrote it"):
        look(lab, "orders.csv", orders(dates), "dates=day")


def test_answers_are_kept_for_the_next_question(lab: Lab) -> None:
    dates = [f"{1 + (5 * n) % 12:02}/{1 + (7 * n) % 12:02}/2025" for n in range(24)]
    look(lab, "orders.csv", orders(dates))
    look(lab, "orders.csv", orders(dates), "currency=EUR")
    again = look(lab, "orders.csv", orders(dates), "dates=day")
    assert written(again).columns["currency"] == "'EUR'" and not written(again).decide


# ---- mappings that are there
def test_a_vendors_mapping_is_neither_overwritten_nor_doubled(lab: Lab) -> None:
    shipped = mapping.load(None, ENTITIES)["delighted_responses"]
    columns = sorted(shipped.sources(()))
    name = shipped.files[0].replace("*", "x")
    path = lab.write(name if "." in name else f"{name}.csv", csv(",".join(columns), *[
        ",".join(f"{n}" for _ in columns) for n in range(20)]))  # fmt: skip
    found = inspect(
        path, home=lab.root / "home", out=None, source="delighted", entity="survey_responses",
        force=False, today=dt.date(2026, 6, 30),
    )  # fmt: skip
    assert found.written[0].path.stem not in mapping.shipped()
    assert "takes this file already" in written(found).decide["mapping"]


def test_check_says_which_two_mappings_take_a_file(lab: Lab) -> None:
    folder = lab.root / "home" / "landing" / "shop" / "2026-06-30"
    folder.mkdir(parents=True)
    (folder / "orders.csv").write_text(orders(["2026-05-01"] * 20))
    for out in ("shop_orders.yaml", "second.yaml"):
        path = lab.root / "home" / "config" / "mappings" / out
        found = inspect(
            folder / "orders.csv", home=lab.root / "home", out=path, source="shop", entity=None,
            force=True, today=dt.date(2026, 6, 30), answers=["mapping=both"],
        )  # fmt: skip
        assert found.works
    said = check_mappings.taken_twice(path.parent, folder.parents[1], ENTITIES)
    assert len(said) == 1 and "is taken by second and by shop_orders" in said[0]


def test_another_entity_as_answer_leaves_one_mapping(lab: Lab) -> None:
    content = csv("id,name,created_at", *[f"{n},Brand {n},2026-05-01 10:00:00" for n in range(20)])
    first = look(lab, "brand_data.csv", content).written[0].path
    assert "accounts" in first.name
    second = look(lab, "brand_data.csv", content, "entity=products").written[0]
    assert second.entity == "products" and not first.exists()
    assert not mapping.read(second.path, ENTITIES).decide
