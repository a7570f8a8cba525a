"""Stable reason codes of rows in quarantine: what is wrong and what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """What a code means, what a sender or operator does, and whether it can go away by itself."""

    meaning: str
    what_to_do: str
    releases_itself: bool = False


REASONS: dict[str, Reason] = {
    "wrong_number_of_fields": Reason(
        "The line has more or fewer fields than the header", "Send the line again with one field per column"
    ),
    "broken_quotes": Reason(
        "A quotation mark of the line is not closed, or stands in the middle", "Close every quotation mark, or use none"
    ),
    "control_character": Reason("The line holds a control character", "Send the line again without it"),
    "too_long": Reason("The line is far too long", "Check the export and send the line again"),
    "not_a_number": Reason(
        "The field is no plain number", "Write digits with one decimal point or comma, without thousands separators"
    ),
    "not_a_day": Reason("The field is no day", "Write the day as YYYY-MM-DD"),
    "not_in_list": Reason("The field is none of the allowed words", "Use one of the contract's words"),
    "missing_value": Reason("A required field is empty", "Fill it in and send the line again"),
    "out_of_bounds": Reason("The number is outside what can be", "Check the number and send the line again"),
    "malformed": Reason("The field has not the form of its code", "Check the code and send the line again"),
    "implausible_day": Reason("The day cannot be right", "Check the year and send the line again"),
    "end_before_start": Reason("The end lies before the start", "Check both days and send the line again"),
    "reserve_exceeds_packs": Reason(
        "reserve_packs is more than packs, of which it is a part", "Send packs with the reserve included"
    ),
    "nil_row_with_packs": Reason("A row without package has packs", "Name the package, or send packs 0"),
    "unknown_holder": Reason(
        "The holder is not on the list of holders",
        "The operator adds the holder; the row is released by itself then",
        releases_itself=True,
    ),
    "unknown_county": Reason(
        "The county code is not known",
        "Use 01-21, 90 or 91; when the code becomes known the row is released by itself",
        releases_itself=True,
    ),
    "unknown_article": Reason(
        "The article is neither a six-digit VNR nor in package_map",
        "Send the VNR with six digits, or the operator maps the article; the row is released by itself then",
        releases_itself=True,
    ),
    "conflicting_key": Reason(
        "The same key stands twice in the file with different values", "Send one row per key in a new file"
    ),
}
