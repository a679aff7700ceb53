"""inspect: raw files of shapes that nobody prepared for, sniffed, named, and mapped so that the
mapping runs.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from customer_intel.core.contract import load as contract
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.engine import DuckDBEngine, EngineSettings
from customer_intel.ingest.advise import match_entity as guess
from customer_intel.ingest.advise.inspect_file import Inspected, inspect
from customer_intel.ingest.advise.write_mapping import glob_of
from customer_intel.ingest.conform.conform import SourceFile, conform
from customer_intel.ingest.mapping import column_names
from customer_intel.ingest.mapping import model as mapping
from customer_intel.ingest.read.open_file import Limits, sha256_of
from customer_intel.ingest.read.readers import read_text

ENTITIES = contract.load().entities
TODAY = dt.date(2026, 11, 20)


class Lab:
    """A folder in which files are written, inspected, and conformed by the mapping that came of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "shop").mkdir()

    def write(self, name: str, content: str | bytes, encoding: str = "utf-8") -> Path:
        path = self.root / "shop" / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    def look(self, path: Path, **options: object) -> Inspected:
        given = {
            "home": self.root / "home",
            "out": None,
            "source": None,
            "entity": None,
            "force": False,
            **options,
        }
        return inspect(path, today=TODAY, **given)  # type: ignore[arg-type]

    def rows(self, found: Inspected, path: Path, which: int = 0) -> pl.DataFrame:
        """The accepted rows of the written mapping, read anew."""
        made = mapping.read(found.written[which].path, ENTITIES)
        work = self.root / f"work{which}"
        work.mkdir()
        con = DuckDBEngine(EngineSettings(), [work]).con
        text = read_text(con, path, sha256_of(path)[0], made.reader, work, Limits())
        source = SourceFile(path.name, made.source, TODAY, text)
        return pl.read_parquet(
            conform(con, ENTITIES[made.entity], made, source, work / "rows.parquet").parquet
        )


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def notes(found: Inspected, level: str) -> str:
    return "\n".join(f"{note.topic}: {note.text}" for note in found.notes if note.level == level)


# ---- shapes of other systems


def salesforce(rows: int = 40) -> str:
    head = (
        "Id,AccountId,FirstName,LastName,Email,Phone,Title,MailingStreet,MailingCity,MailingPostalCode,MailingCountry,"
        "LeadSource,HasOptedOutOfEmail,DoNotCall,OwnerId,CreatedDate,LastModifiedDate"
    )
    lines = [
        f"003Qz00000{n:05d}IAE,001Qz00000{n // 3:05d}IAE,Ann{n},Berg{n},ann{n}@example.com,+49 30 "
        f"1234{n:04d},Buyer,"
        f'"Hauptstr. {n}, Hof",Berlin,0{1000 + n},Germany,Web,{"true" if n % 5 else "false"},false,005Qz000001abc,'
        f"2024-0{1 + n % 9}-15T10:22:33.000+0000,2024-11-{1 + n % 28:02d}T08:00:00.000+0000"
        for n in range(rows)
    ]
    return "\n".join([head, *lines]) + "\n"


def test_a_contact_export_of_a_crm_is_contacts(lab: Lab) -> None:
    path = lab.write("Contact_export_2024-11-30.csv", salesforce())
    found = lab.look(path)
    rows = lab.rows(found, path)
    assert (found.written[0].entity, rows.height) == ("contacts", 40)
    assert found.written[0].path == lab.root / "home" / "config" / "mappings" / "shop_contacts.yaml"
    first = rows.sort("contact_id").row(0, named=True)
    assert (first["first_name"], first["last_name"], first["email"]) == (
        "Ann0",
        "Berg0",
        "ann0@example.com",
    )
    assert (first["postal_code"], first["account_id"], first["email_opt_out"]) == (
        "01000",
        "001Qz0000000000IAE",
        False,
    )
    assert first["created_at"] == dt.datetime(2024, 1, 15, 10, 22, 33)
    assert "MailingPostalCode stays text: leading zeros" in notes(found, "found")
    assert "each value says its offset" in notes(found, "found")
    assert "zone" not in notes(found, "ask")


GERMAN = "Bestellnummer;Kundennummer;E-Mail;Bestelldatum;Gesamtbetrag;Versandkosten;Währung;Bestellstatus;Bemerkung\n"


def german_shop() -> str:
    lines = [
        f"B-{1000 + n};{70000 + n % 9};kunde{n % 9}@beispiel.de;{1 + n % 28:02d}.{1 + n % 12:02d}.2024 14:{n % 60:02d};"
        f"{'1.' if n % 4 == 0 else ''}{200 + n},{n % 10}0;4,90;EUR;versandt;Grüße {n}"
        for n in range(60)
    ]
    return GERMAN + "\n".join(lines) + "\n"


@pytest.mark.parametrize("encoding", ["windows-1252", "utf-8-sig", "utf-16"])
def test_a_german_shop_export_has_commas_points_and_umlauts(lab: Lab, encoding: str) -> None:
    path = lab.write("Bestellungen.csv", german_shop(), encoding)
    found = lab.look(path)
    rows = lab.rows(found, path).sort("order_id")
    assert (found.written[0].entity, rows.height, found.written[0].trial.quarantined) == (
        "orders",
        60,
        0,
    )
    first = rows.row(0, named=True)
    assert (str(first["total"]), str(first["shipping"]), first["currency"]) == (
        "1200.00",
        "4.90",
        "EUR",
    )
    assert first["ordered_at"] == dt.datetime(2024, 1, 1, 14, 0)
    assert first["customer_ref"] == "70000"
    assert "Grüße 0" in first["extra_json"]
    assert "Bestelldatum: day first" in notes(found, "found")
    assert "decimal comma, thousands '.'" in notes(found, "found")
    assert "no time zone is given" in notes(found, "guess")


def test_product_events_in_json_lines_have_epochs_and_no_id(lab: Lab) -> None:
    lines = [
        {"event": ("page_view", "signup", "export")[n % 3], "userId": f"u{n % 25}", "ts": 1_718_000_000_000 + n * 61000,
         "context": {"page": f"/p/{n}"}, **({"sessionId": f"s{n % 30}"} if n % 4 else {})}
        for n in range(120)
    ]  # fmt: skip
    path = lab.write("product.jsonl.gz", gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    found = lab.look(path)
    rows = lab.rows(found, path)
    assert (found.written[0].entity, rows.height, rows["event_id"].n_unique()) == (
        "events",
        120,
        120,
    )
    assert rows["occurred_at"].min() == dt.datetime(2024, 6, 10, 6, 13, 20)
    assert set(rows["event_name"]) == {"page_view", "signup", "export"}
    assert rows["record_key"].null_count() == 0
    assert "milliseconds since 1970" in notes(found, "guess")
    assert mapping.read(found.written[0].path, ENTITIES).optional == ("sessionId",)


def test_an_nps_workbook_with_a_title_above_its_names(lab: Lab) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Relationship survey, second quarter"])
    sheet.append([])
    asked = "How likely are you to recommend us? (NPS score)"
    sheet.append(["Respondent ID", "Email Address", asked, "Comment", "Date Submitted"])
    for n in range(50):
        why = f"because {n}" if n % 3 else None
        sheet.append(
            [f"R{n:03d}", f"p{n}@example.com", n % 11, why, dt.datetime(2024, 6, 1 + n % 28, 9, 30)]
        )
    path = lab.root / "shop" / "nps_q2.xlsx"
    book.save(path)
    found = lab.look(path)
    rows = lab.rows(found, path)
    assert (found.written[0].entity, rows.height) == ("survey_responses", 50)
    assert set(rows["survey_type"]) == {"nps"}
    assert (rows["score"].min(), rows["score"].max(), rows["comment"].null_count()) == (0, 10, 17)
    assert rows["responded_at"].min() == dt.datetime(2024, 6, 1, 9, 30)
    assert "names in row 3" in notes(found, "found")


def test_a_file_without_names_says_so_and_is_mapped_by_its_values(lab: Lab) -> None:
    lines = [f"{n:06d},{100 + n % 30},2024-0{1 + n % 9}-11,{n}.{n % 10}5" for n in range(90)]
    path = lab.write("dump.csv", "\n".join(lines) + "\n")
    found = lab.look(path)
    rows = lab.rows(found, path)
    assert not found.sniffed.has_header
    assert "no row of names" in notes(found, "ask")
    assert "guessed from values alone" in notes(found, "ask")
    assert (found.written[0].entity, rows.height) == ("orders", 90)
    assert rows["order_id"].min() == "000000"


def test_order_lines_that_say_who_and_when_give_orders_too(lab: Lab) -> None:
    lines = ["invoiceNo\tstockCode\tdescription\tquantity\tinvoiceDate\tunitPrice\tcustomerID"]
    for n in range(40):
        for line in range(3):
            lines.append(
                f"{5000 + n}\tS{line}\tLamp {line}\t{line + 1}\t12/{1 + n % 28}/2024 "
                f"8:26\t2.5\tC{n % 7}"
            )
    path = lab.write("retail.tsv", "\n".join(lines) + "\n")
    found = lab.look(path)
    assert [item.entity for item in found.written] == ["order_lines", "orders"]
    assert lab.rows(found, path, 0)["line_total"].sum() == 40 * (2.5 + 5 + 7.5)
    orders = lab.rows(found, path, 1)
    assert (orders.height, orders["customer_ref"].n_unique()) == (40, 7)
    assert orders["ordered_at"].min() == dt.datetime(2024, 12, 1, 8, 26)


# ---- dates, numbers, null words, keys


def orders_csv(dates: list[str], totals: list[str] | None = None, extra: str = "") -> str:
    totals = totals or ["9.50"] * len(dates)
    rows = [
        f"{n},c{n},{day},{total}" for n, (day, total) in enumerate(zip(dates, totals, strict=True))
    ]
    return (
        "order_id;customer_id;order_date;total\n".replace(";", ",") + "\n".join(rows) + "\n" + extra
    )


def test_dates_that_could_be_either_are_called_ambiguous(lab: Lab) -> None:
    path = lab.write(
        "orders.csv", orders_csv([f"0{1 + n % 9}/0{1 + n % 7}/2024" for n in range(30)])
    )
    found = lab.look(path)
    assert "AMBIGUOUS" in notes(found, "ask")
    assert "AMBIGUOUS" in found.written[0].path.read_text()


@pytest.mark.parametrize(
    ("proof", "form", "first"),
    [("13/01/2024", "%d/%m/%Y", "day"), ("01/13/2024", "%m/%d/%Y", "month")],
)
def test_one_value_settles_the_order_of_all(lab: Lab, proof: str, form: str, first: str) -> None:
    dates = [f"0{1 + n % 9}/0{1 + n % 7}/2024" for n in range(30)]
    path = lab.write("orders.csv", orders_csv([*dates, proof]))
    found = lab.look(path)
    assert mapping.read(found.written[0].path, ENTITIES).reader.timestamp == (form,)
    assert f"order_date: {first} first" in notes(found, "found")
    assert "AMBIGUOUS" not in notes(found, "ask")


def test_two_columns_of_opposite_orders_are_each_read_their_own_way(lab: Lab) -> None:
    rows = [f"{n},{n},{1 + n:02d}/01/2024,02/{1 + n:02d}/2024,5.00" for n in range(28)]
    path = lab.write(
        "orders.csv", "order_id,customer_id,order_date,ship_date,total\n" + "\n".join(rows) + "\n"
    )
    row = lab.rows(lab.look(path), path).sort("source_row").row(2, named=True)
    assert (row["ordered_at"], row["shipped_at"]) == (
        dt.datetime(2024, 1, 3),
        dt.datetime(2024, 2, 3),
    )


@pytest.mark.parametrize(
    ("totals", "expected"),
    [
        (["1,234.50", "12.00"], "1234.50"),
        (["$1,234.50", "$12.00"], "1234.50"),
        (["1234.5 EUR", "12.0 EUR"], "1234.50"),
        (["1 234.50", "12.00"], "1234.50"),
    ],
)
def test_amounts_with_signs_and_thousands_are_amounts(
    lab: Lab, totals: list[str], expected: str
) -> None:
    quoted = [f'"{totals[n % 2]}"' for n in range(20)]
    path = lab.write("orders.csv", orders_csv(["2024-01-01"] * 20, quoted))
    rows = lab.rows(lab.look(path), path)
    assert str(rows["total"].max()) == expected
    if "EUR" in totals[0]:
        assert set(rows["currency"]) == {"EUR"}


def test_null_words_are_found_where_they_are_none_and_left_where_they_are_words(lab: Lab) -> None:
    rows = [
        f"c{n},{'NA' if n % 2 else 'DE'},{'NA' if n % 3 == 0 else '1990-01-02'},\\N"
        for n in range(30)
    ]
    path = lab.write(
        "customers.csv", "customer_id,country,birth_date,gender\n" + "\n".join(rows) + "\n"
    )
    found = lab.look(path)
    people = lab.rows(found, path)
    assert set(people["country"]) == {"NA", "DE"}
    assert people["birth_date"].null_count() == 10
    assert people["gender"].null_count() == 30
    assert "'NA' is read as nothing in birth_date, but as a value in country" in notes(
        found, "guess"
    )


def test_long_digits_stay_text(lab: Lab) -> None:
    rows = [f"{9007199254740993000 + n},2024-01-01,5.00" for n in range(12)]
    path = lab.write("orders.csv", "order_id,order_date,total\n" + "\n".join(rows) + "\n")
    found = lab.look(path)
    assert "more digits than a number keeps" in notes(found, "found")
    assert lab.rows(found, path)["order_id"].max() == "9007199254740993011"


def test_equal_happenings_without_an_id_are_all_kept(lab: Lab) -> None:
    rows = ["c1,2024-01-01,5.00"] * 3 + [f"c{n},2024-02-0{1 + n % 9},{n}.10" for n in range(30)]
    path = lab.write("purchases.csv", "customer_id,purchase_date,amount\n" + "\n".join(rows) + "\n")
    found = lab.look(path)
    made = lab.rows(found, path)
    assert (made.height, made["order_id"].n_unique()) == (33, 33)
    assert "the row's number tells them apart" in found.written[0].path.read_text()


# ---- names


@pytest.mark.parametrize(
    "name",
    [
        "order_id",
        "orderId",
        "order id",
        "Order ID",
        "ORDER-ID",
        "OrderNo",
        "invoice no",
        "Bestellnummer",
    ],
)
def test_an_order_number_goes_by_many_names(name: str) -> None:
    assert column_names.name_score(name, "orders", "order_id", []) >= 0.9


@pytest.mark.parametrize(
    ("name", "target"), [("order_total_weight_g", "order_id"), ("customer_city", "customer_ref")]
)
def test_a_name_that_only_shares_a_word_is_another_thing(name: str, target: str) -> None:
    assert column_names.name_score(name, "orders", target, []) < 0.45


def test_every_word_list_is_of_a_known_entity_and_column() -> None:
    known = {
        name: set(mapping.settable(table)) | set(column_names.helpers(name))
        for name, table in ENTITIES.items()
    }
    everything = set().union(*known.values())
    assert set(column_names.words()["entities"]) == set(ENTITIES) - {guess.FALLBACK}
    for name in (
        *column_names.words()["columns"],
        *column_names.words()["values"],
        *column_names.words()["defaults"],
    ):
        entity, _, column = name.rpartition(".")
        assert column in (known[entity] if entity else everything), name
    for entity, entry in column_names.words()["entities"].items():
        assert set(entry["core"]) | set(entry.get("need", ())) <= known[entity], entity


@pytest.mark.parametrize(
    ("name", "glob"),
    [
        ("orders_2024-01-31.csv.gz", "orders_*.csv*"),
        ("export (3).csv", "export*.csv*"),
        ("events-20240131T1200.jsonl", "events-*.jsonl*"),
        ("plain.parquet", "plain.parquet*"),
        ("[ab].csv", "?ab?.csv*"),
    ],
)
def test_a_files_pattern_leaves_its_date_open(name: str, glob: str) -> None:
    assert glob_of(name) == glob
    assert mapping.named(name, [glob])


# ---- what is refused


def test_a_mapping_that_is_there_is_not_overwritten(lab: Lab) -> None:
    path = lab.write("orders.csv", orders_csv(["2024-01-01"] * 20))
    target = lab.look(path).written[0].path
    target.write_text("mine")
    with pytest.raises(ConfigError, match=r"exists.*--force"):
        lab.look(path)
    assert target.read_text() == "mine"
    assert lab.look(path, force=True).works


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"", "is empty"),
        ("a.json", b'[{"a": 1}, {"a": 2}', "ends within record 2: it was cut off"),
        ("a.json", b'{"data": [{"a": 1}, {"a" 2}]}\n', "no JSON from record 2 on"),
        ("a.csv.gz", gzip.compress(b"a,b\n1,2\n" * 5000, mtime=0)[:-20], "truncated or corrupt"),
        ("a.csv", b"order_id,total\n", "no row below its names"),
        ("a.xlsx", b"PK\x03\x04 and no more", "no workbook"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_its_reason(
    lab: Lab, name: str, content: bytes, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        lab.look(lab.write(name, content))


def test_names_that_are_markup_or_comments_stay_names(lab: Lab) -> None:
    head = 'order_id,order_date,total,"evil # x: [y]","a ""b"" \'c\'"\n'
    rows = [f"{n},2024-01-01,5.00,x,y" for n in range(20)]
    path = lab.write("orders.csv", head + "\n".join(rows) + "\n")
    found = lab.look(path)
    assert found.works
    assert "evil # x: [y]" in (lab.rows(found, path)["extra_json"][0])


def test_an_entity_that_was_named_is_taken(lab: Lab) -> None:
    path = lab.write("orders.csv", orders_csv(["2024-01-01"] * 20))
    assert lab.look(path, entity="payments").written[0].entity == "payments"
    with pytest.raises(ConfigError, match="did you mean payments"):
        lab.look(path, entity="payment")


def test_a_side_file_is_not_taken_for_an_entity_without_a_word(lab: Lab) -> None:
    rows = [f"{n},Type {n % 3},2024-01-0{1 + n % 9},2024-02-0{1 + n % 9}" for n in range(27)]
    path = lab.write(
        "descriptions.csv",
        "campaign_id,campaign_type,start_date,end_date\n" + "\n".join(rows) + "\n",
    )
    assert "entity: " in notes(lab.look(path), "ask")


def test_a_file_that_a_mapping_takes_already_is_said_to_be_so(lab: Lab) -> None:
    path = lab.write("orders.csv", orders_csv(["2024-01-01"] * 20))
    lab.look(path)
    again = lab.look(path, out=lab.root / "home" / "config" / "mappings" / "second.yaml")
    assert "shop_orders of source shop takes this file already" in notes(again, "ask")


def test_another_file_of_the_same_entity_gets_a_mapping_of_its_own(lab: Lab) -> None:
    first, second = (
        lab.write(f"{name}.csv", orders_csv(["2024-01-01"] * 20))
        for name in ("orders", "web sales")
    )
    names = [lab.look(path).written[0].path.name for path in (first, second)]
    assert names == ["shop_orders.yaml", "shop_orders_web_sales.yaml"]
    with pytest.raises(ConfigError, match=r"shop_orders_web_sales\.yaml exists"):
        lab.look(second)
