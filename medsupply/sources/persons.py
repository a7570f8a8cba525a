"""Columns that are filled with persons: names, home addresses, telephone numbers, e-mail addresses.

Looked for where free text can stand: identifiers, lots and every column that no contract has. Names of companies,
sites and products are not looked at. A name counts when both its words are among the usual ones in Finland (Digital
and Population Data Services Agency, name statistics), or a surname ends as most do.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import polars as pl

from medsupply.errors import DeliveryRefused
from medsupply.sources.catalogue import Source
from medsupply.sources.splitting import BROKEN, LINE, ORIGINAL, RAGGED

_USUAL = tomllib.loads((Path(__file__).parent / "persons.toml").read_text(encoding="utf-8"))
FIRST_NAMES, SURNAMES = (frozenset(_USUAL[kind].split()) for kind in ("first", "family"))
NAME_LIKE = r"^\s*(?:\p{L}[\p{L}'-]+[ ,]+){1,3}\p{L}[\p{L}'-]+\s*$"
STREET = r"(?i)\b\p{L}{3,}(?:katu|tie|kuja|polku|raitti|rinne|gatan|vägen|gränden|stigen)\s+\d{1,3}\b"
MAIL = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"
PHONE = r"(?:\+358[ -]?\d{1,2}|\b0(?:4\d|50) )[ -]?\d{3}[ -]?\d{2,4}\b"
WORTH_A_LOOK = r"[@ +,]"
PART = 0.5
FEWEST = 3
SAMPLE = 20_000


def refuse_persons(frame: pl.DataFrame, source: Source) -> None:
    """Raises DeliveryRefused when a column of ``frame`` (text, by the contract's names) is filled with persons."""
    for name in _columns(frame, source):
        if _any(frame[name]) or _mostly(frame[name].head(SAMPLE).drop_nulls().unique()):
            raise _refusal(f"Column {name[:60]!r} holds names or addresses of persons")
    if RAGGED in frame.columns:
        odd = frame.filter(pl.col(RAGGED) | pl.col(BROKEN))
        for line, text in odd.filter(pl.col(ORIGINAL).str.contains(WORTH_A_LOOK)).select(LINE, ORIGINAL).iter_rows():
            if _any(pl.Series(text.replace('"', ";").split(source.separator))):
                raise _refusal(f"Line {line} holds the name or address of a person")


def _columns(frame: pl.DataFrame, source: Source) -> list[str]:
    """Columns where free text may stand."""
    contract = source.contract.columns()
    free = [name for name, column in contract.items() if column.dtype == pl.String and name not in source.named]
    taken = free if source.looks_for_persons else []
    own = {LINE, ORIGINAL, RAGGED, BROKEN, *contract, *source.published_extra}
    return [name for name in frame.columns if name in taken or name not in own]


def _any(values: pl.Series) -> bool:
    """Whether one of the values is a name, or holds an address, a telephone number or an e-mail address."""
    suspects = values.filter(values.str.contains(WORTH_A_LOOK).fill_null(False)).unique()
    if not suspects.len():
        return False
    if suspects.str.contains(f"{STREET}|{MAIL}|{PHONE}").any():
        return True
    return any(_is_name(text) for text in suspects.filter(suspects.str.contains(NAME_LIKE)))


def _is_name(text: str) -> bool:
    words = [word for word in text.lower().replace(",", " ").split() if word]
    given = [all(part in FIRST_NAMES for part in word.split("-")) for word in words]
    family = [_is_surname(word) for word in words]
    return any(given[i] and any(family[j] for j in range(len(words)) if j != i) for i in range(len(words)))


def _is_surname(word: str) -> bool:
    return word in SURNAMES or (len(word) > 5 and word.endswith("nen"))


def _mostly(values: pl.Series) -> bool:
    """Whether most of a column are first names, or most are surnames."""
    words = values.str.strip_chars().str.to_lowercase()
    if words.len() < FEWEST:
        return False
    given = words.is_in(list(FIRST_NAMES))
    family = words.is_in(list(SURNAMES)) | words.str.contains(r"^\p{L}{3,}nen$")
    return max(int(given.sum()), int(family.sum())) >= max(FEWEST, PART * words.len())


def _refusal(what: str) -> DeliveryRefused:
    return DeliveryRefused(
        "personal_column", f"{what}; nothing of the file was kept", "Send counts only, without any column about persons"
    )
