"""Nothing personal enters: Finnish personal identity codes and columns of persons are found before anything is kept.

Form and check character: Digital and Population Data Services Agency; century signs of the reform of 2023 too.
"""

from __future__ import annotations

import re
from datetime import date

import polars as pl

from medsupply.errors import DeliveryRefused
from medsupply.sources.reading import LINE, ORIGINAL, Raw

CHECK = "0123456789ABCDEFHJKLMNPRSTUVWXY"
CENTURIES = {"+": 1800, **dict.fromkeys("-YXWVU", 1900), **dict.fromkeys("ABCDEF", 2000)}
CODE = r"(\d{6})([+\-A-Fa-fU-Yu-y])(\d{3})([0-9A-FHJ-NPR-Ya-fhj-npr-y])"
CANDIDATE = re.compile(rf"(?<!\d){CODE}(?!\d)")
COLUMNS = re.compile(
    r"hetu|henkil[oö]tunnus|henkilotunnus|personbeteckning|social_?security|\bssn\b|^ssn|sotu|personal_identity|"
    r"etunim|sukunim|first_?name|last_?name|family_?name|patient|potilas|syntym|birth|f[oö]delse|katuosoite|"
    r"street|puhelin|phone|s[aä]hk[oö]posti|e_?mail"
)


def refuse_personal(raw: Raw) -> None:
    """Raises DeliveryRefused when the delivery holds a personal identity code or a column of persons.

    The reason names line or column, never the code itself.
    """
    for name in raw.header:
        if COLUMNS.search(name.lower()):
            raise DeliveryRefused(
                "personal_column",
                f"Column {name[:60]!r} is about persons; nothing of the file was kept",
                "Send counts only, without any column about persons",
            )
    suspects = raw.frame.filter(pl.col(ORIGINAL).str.contains(CODE)).select(LINE, ORIGINAL)
    for line, text in suspects.iter_rows():
        if holds_code(text):
            raise DeliveryRefused(
                "personal_code",
                f"Line {line} holds a personal identity code; nothing of the file was kept",
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
