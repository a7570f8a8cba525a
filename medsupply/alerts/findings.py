"""What the watchdog finds, by code and values, so that each reader gets it in the own language. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from medsupply.alerts.rendering import texts, written
from medsupply.days import HELSINKI
from medsupply.words import word

Value = str | int | date | datetime


@dataclass(frozen=True)
class Finding:
    """One thing that is late or wrong. ``values``: what its sentence names; rule and level by their code."""

    code: str
    values: Mapping[str, Value] = field(default_factory=dict)

    def told(self, language: str) -> str:
        """The sentence; moments are told as the clock shows them in Helsinki."""
        said = {name: _said(name, value, language) for name, value in self.values.items()}
        return texts(language)[f"finding.{self.code}"].format(**said)

    @property
    def key(self) -> str:
        """What makes it the same finding an hour later: all but moments."""
        fixed = sorted((name, str(value)) for name, value in self.values.items() if not isinstance(value, datetime))
        return f"{self.code}{fixed}"

    def __str__(self) -> str:
        return self.told("en")


def since(code: str, moment: datetime | None) -> Finding:
    """``code`` with the moment since when, or ``code_ever`` where there never was one."""
    return Finding(code, {"since": moment}) if moment is not None else Finding(f"{code}_ever")


def newest(code: str, due: date, found: date | None) -> Finding:
    """``code`` with the day that is due and the newest there is, or ``code_ever``."""
    return Finding(code, {"day": due, "newest": found}) if found else Finding(f"{code}_ever", {"day": due})


def in_language(findings: Sequence[Finding], language: str) -> list[str]:
    """The sentences, in order."""
    return [one.told(language) for one in findings]


def _said(name: str, value: Value, language: str) -> str:
    if isinstance(value, datetime):
        here = value.astimezone(HELSINKI)
        return f"{written(here.date(), language)} {here:%H:%M}"
    if isinstance(value, date):
        return written(value, language)
    return word(language, f"{name}.{value}") if name in ("rule", "level") else str(value)
