"""What a contact's identifying columns are called, in the languages of the readers."""

from __future__ import annotations

import pytest

from customer_intel.ingest.mapping.column_names import name_score


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("Soc Sec ID", "id_number"), ("codiceFiscale", "id_number"), ("DNI", "id_number"), ("CPF", "id_number"),
        ("passport_number", "id_number"), ("Geburtsort", "birth_place"), ("lieu_de_naissance", "birth_place"),
        ("Huisnummer", "house_number"), ("Hausnr", "house_number"), ("Street No", "house_number"),
        ("Apt", "unit"), ("unit_number", "unit"), ("Wohnung", "unit"), ("Address Line 2", "street_2"),
        ("Adresszusatz", "street_2"), ("Company", "company_name"), ("Ragione sociale", "company_name"),
        ("Nome completo", "full_name"), ("Cognome", "last_name"), ("Voornaam", "first_name"),
        ("Data de nascimento", "birth_date"), ("Occupation", "job_title"), ("Mobiel", "mobile_phone"),
    ],
)  # fmt: skip
def test_columns_of_a_person_are_known_by_name(name: str, target: str) -> None:
    assert name_score(name, "contacts", target, []) >= 0.9


@pytest.mark.parametrize("name", ["Business Unit", "org_unit", "price per unit"])
def test_other_units_are_no_apartments(name: str) -> None:
    assert name_score(name, "contacts", "unit", []) < 0.45
