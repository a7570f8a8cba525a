"""Every reason code by one row that has it, and rows beside it that have not."""

from __future__ import annotations

import pytest
from made import DISPENSING, checked, code_of, parsed

from medsupply.sources.reasons import REASONS

GOOD = "H1;2026-03-02;012345;L1;2027-01-31;5,5;1;O1"
CASES: dict[str, tuple[str, str | None]] = {
    "H1;2026-03-02;012345;L1;2027-01-31;5": ("wrong_number_of_fields", None),
    "H1;2026-03-02;012345;L1;2027-01-31;5;1;O1;9": ("wrong_number_of_fields", None),
    '"H1;2026-03-02;012345;L1;2027-01-31;5;1;O1': ("broken_quotes", None),
    "H1;2026-03-02;012345;L\x001;2027-01-31;5;1;O1": ("control_character", None),
    "H1;2026-03-02;012345;\ufeffL1;2027-01-31;5;1;O1": ("control_character", None),
    "H1;2026-03-02;012345;L\r1;2027-01-31;5;1;O1": ("control_character", None),
    f"H1;2026-03-02;012345;{'L' * 50_000};2027-01-31;5;1;O1": ("too_long", None),
    "H1;2026-03-02;012345;L1;2027-01-31;1.234,5;1;O1": ("not_a_number", "packs"),
    "H1;2026-03-02;012345;L1;2027-01-31;1 234;1;O1": ("not_a_number", "packs"),
    "H1;2026-03-02;012345;L1;2027-01-31;1\u2009234;1;O1": ("not_a_number", "packs"),
    "H1;2026-03-02;012345;L1;2027-01-31;\u22125;1;O1": ("not_a_number", "packs"),
    "H1;2026-03-02;012345;L1;2027-01-31;1e3;1;O1": ("not_a_number", "packs"),
    f"H1;2026-03-02;012345;L1;2027-01-31;1{'0' * 308};1;O1": ("not_a_number", "packs"),
    "H1;2026-03-02;012345;L1;2027-01-31;nan;1;O1": ("not_a_number", "packs"),
    "H1;2026-03-02;012345;L1;2027-01-31;\u0665;1;O1": ("not_a_number", "packs"),
    "H1;30.2.2026;012345;L1;2027-01-31;5;1;O1": ("not_a_day", "counted_on"),
    "H1;2026-02-30;012345;L1;2027-01-31;5;1;O1": ("not_a_day", "counted_on"),
    "H1;2026-03-02;012345;L1;01/2027;5;1;O1": ("not_a_day", "expires_on"),
    "H1;0202-03-02;012345;L1;2027-01-31;5;1;O1": ("implausible_day", "counted_on"),
    ";2026-03-02;012345;L1;2027-01-31;5;1;O1": ("missing_value", "holder_id"),
    "H1;;012345;L1;2027-01-31;5;1;O1": ("missing_value", "counted_on"),
    "H1;2026-03-02;012345;L1;2027-01-31;;1;O1": ("missing_value", "packs"),
    "H1;2026-03-02;012345;L1;2027-01-31;-1;;O1": ("out_of_bounds", "packs"),
    "H1;2026-03-02;012345;L1;2027-01-31;1;2;O1": ("reserve_exceeds_packs", "reserve_packs"),
    "H1;2026-03-02;;;;3;;": ("nil_row_with_packs", "vnr"),
    "H9;2026-03-02;012345;L1;2027-01-31;5;1;O1": ("unknown_holder", "holder_id"),
    "H1;2026-03-02;12345;L1;2027-01-31;5;1;O1": ("unknown_article", "vnr"),
    "H1;2026-03-02;\uff11\uff12\uff13\uff14\uff15\uff16;L1;2027-01-31;5;1;O1": ("unknown_article", "vnr"),
    "H1;2026-03-02;ERITYIS-2;L1;2027-01-31;5;1;O1": ("unknown_article", "vnr"),
}


@pytest.mark.parametrize(
    ("row", "expected"), CASES.items(), ids=[f"{code}-{n}" for n, (code, _) in enumerate(CASES.values())]
)
def test_a_bad_row_waits_with_its_reason_and_the_others_do_not(row: str, expected: tuple[str, str | None]) -> None:
    result = checked(GOOD, row, "H2;2026-03-02;;;;0;;")
    assert list(result.quarantined.select("reason_code", "field").iter_rows()) == [expected]
    assert result.quarantined["line"].to_list() == [3]
    assert result.quarantined["what_to_do"].to_list() == [REASONS[expected[0]].what_to_do]
    assert "\x00" not in result.quarantined["original"][0] and len(result.quarantined["original"][0]) <= 10_000
    assert result.accepted["line"].to_list() == [2, 4]
    assert (result.received.rows, result.taken.rows, result.waiting.rows, result.duplicate.rows) == (3, 2, 1, 0)


def test_codes_of_dispensing() -> None:
    rows = [
        "R1;2026-03-02;77;community;012345;1;1;0",
        "R1;2026-03-02;01;ward;012345;1;1;0",
        ";2026-03-02;01;community;012345;1;1;0",
        "R1;2026-03-02;01;community;012345;1;1;0",
    ]
    _, result = parsed(("\n".join([DISPENSING, *rows]) + "\n").encode(), "dispensing")
    assert result.quarantined["reason_code"].to_list() == ["unknown_county", "not_in_list", "missing_value"]
    assert result.accepted["line"].to_list() == [5]


def test_codes_of_lists() -> None:
    holders = "holder_id;holder_type;name;county_code;valid_from;valid_to\nA;pharmacy;x;01;2026-01-02;2026-01-01\n"
    assert parsed(holders.encode(), "holders")[1].quarantined["reason_code"].to_list() == ["end_before_start"]
    critical = "atc5;n;route\nJ01CA4;x;oral use\n"
    assert parsed(critical.encode(), "critical_list")[1].quarantined["reason_code"].to_list() == ["malformed"]


def test_the_same_key_with_other_values_waits_whole() -> None:
    result = checked(GOOD, "H1;2026-03-02;000001;;;1;;", "H1;2026-03-02;000001;;;2;;", GOOD)
    assert result.quarantined["reason_code"].to_list() == ["conflicting_key"] * 2
    assert (result.duplicate.rows, result.duplicate.packs) == (1, 5.5)
    assert result.received.packs == pytest.approx(14.0)


def test_every_code_is_tested() -> None:
    tested = {code for code, _ in CASES.values()} | {
        "unknown_county", "not_in_list", "end_before_start", "malformed", "conflicting_key",
    }  # fmt: skip
    assert tested == set(REASONS)


def test_what_is_good() -> None:
    rows = [
        GOOD, "H1;2026-03-02;999999;;;0;;", "H1;2026-03-02;ERITYIS-1;;;1.25;0,25;", "H2;2026-03-02;;;;0;;",
        "H1;2026-03-03;012345;L1;9999-12-31;0.30000000000000004;;", ' H2 ; 2026-03-04 ;"000007"; "a" ;;+5;;',
    ]  # fmt: skip
    assert code_of(*rows) == []
    assert checked(*rows).accepted["vnr"].to_list() == ["012345", "999999", "ERITYIS-1", "", "012345", "000007"]
