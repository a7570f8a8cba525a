"""Nothing personal enters: Finnish personal identity codes and columns of persons are found before anything is kept.

Form and check character: Digital and Population Data Services Agency; century signs of the reform of 2023 too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

import polars as pl

from medsupply.errors import DeliveryRefused

CHECK = "0123456789ABCDEFHJKLMNPRSTUVWXY"
DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2212"
CENTURIES = {"+": 1800, **dict.fromkeys(DASHES + "YXWVU", 1900), **dict.fromkeys("ABCDEF", 2000)}
CODE = rf"([0-9]{{6}})([+{DASHES[1:]}A-Fa-fU-Yu-y\-])([0-9]{{3}})([0-9A-FHJ-NPR-Ya-fhj-npr-y])"
CANDIDATE = re.compile(rf"(?<![0-9]){CODE}(?![0-9])")
INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufeff"
COLUMNS = re.compile(
    r"hetu|henkil[oö][_ ]?tunnus|personbeteckning|personnummer|social_?security|(^|[^a-z])ssn([^a-z]|$)|sotu|"
    r"personal_?(identity|id)|etunim|sukunim|first_?name|last_?name|family_?name|given_?name|patient|potilas|syntym|"
    r"birth|f[oö]delse|puhelin|phone|s[aä]hk[oö]posti|e_?mail|f[oö]rnamn|efternamn|asiakas|customer|"
    r"l[aä][aä]k[aä]ri|l[aä]kare($|[^a-z])|physician|prescriber|doctor|sukupuoli|gender|kotiosoite|hemadress"
)
# A list of sites may say where they are; elsewhere an address is somebody's.
ADDRESSES = re.compile(r"osoite|address|adress|street|postinumero|postnummer|post_?code")


def refuse_personal_columns(header: Iterable[str], *, of_sites: bool = False) -> None:
    """Raises DeliveryRefused when a column is about persons. The reason names the column, never a code in it."""
    for name in header:
        found = COLUMNS.search(name.lower()) or (not of_sites and ADDRESSES.search(name.lower()))
        if found and not holds_code(name):
            raise DeliveryRefused(
                "personal_column",
                f"Column {name[:60]!r} is about persons; nothing of the file was kept",
                "Send counts only, without any column about persons",
            )


def refuse_personal_lines(lines: pl.Series) -> None:
    """Raises DeliveryRefused when a text of ``lines`` holds a personal identity code; names the line, never the code.

    ``lines`` are all physical lines of a file, or the texts of a Parquet column.
    """
    suspects = lines.str.contains(CODE).fill_null(False).arg_true()
    for number, text in zip(suspects, lines.gather(suspects), strict=True):
        if holds_code(text):
            raise _refusal(f"Line {number + 1} holds")


def refuse_hidden_personal_lines(lines: pl.Series, text: str) -> None:
    """The same behind signs that nobody sees: joiners, soft hyphens, marks of direction. ``text`` is all of it."""
    if any(sign in text for sign in INVISIBLE):
        refuse_personal_lines(lines.str.replace_all(f"[{INVISIBLE}]", ""))


def refuse_personal_bytes(data: bytes) -> None:
    """The same for bytes that could not be read as a delivery: as they are, and as UTF-16."""
    for text in (data.decode("latin-1"), data.replace(b"\0", b"").decode("latin-1")):
        if holds_code(text):
            raise _refusal("The file holds")


def _refusal(where: str) -> DeliveryRefused:
    return DeliveryRefused(
        "personal_code",
        f"{where} a personal identity code; nothing of the file was kept",
        "Send counts only, without any personal data",
    )


def holds_code(text: str) -> bool:
    """Whether ``text`` holds a personal identity code with a real birthday and the right check character."""
    return any(_is_code(*match.groups()) for match in CANDIDATE.finditer(text))


def _is_code(birthday: str, century: str, number: str, check: str) -> bool:
    if CHECK[int(birthday + number) % 31] != check.upper():
        return False
    try:
        date(CENTURIES[century.upper()] + int(birthday[4:]), int(birthday[2:4]), int(birthday[:2]))
    except ValueError:
        return False
    return True
