"""The rules file: thresholds of the levels by criticality class, versioned, with author, reason and review date.

``current.toml`` is the file in force. Other rooms keep tables of their own in it (``[alert.*]``, ``[action.*]``) and
read them with :meth:`Rules.table`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from medsupply.errors import InputError
from medsupply.settings import LANGUAGES
from medsupply.tables.deliveries import HOLDER_TYPES

INSTRUCTION = "Correct the rules file; medsupply/rules/current.toml shows every key with its meaning"


@dataclass(frozen=True)
class Thresholds:
    """Conditions of the levels for one criticality class; probabilities and shares 0-1."""

    severe_run_out_p14_with_reserve: float
    severe_stock_at_floor: bool
    severe_out_share: float
    severe_all_under_notice: bool
    elevated_run_out_p56: float
    elevated_run_out_p56_no_other_medicine: float
    elevated_run_out_p14: float
    elevated_only_reserve_run_out_p14: float
    elevated_only_reserve_stock_at_floor: bool
    elevated_all_under_notice: bool
    watch_run_out_p56_of_elevated: float
    watch_run_out_p84: float
    watch_notice_share_84: float
    watch_obligation_short: bool
    watch_demand_surge: bool
    watch_single_holder_notice: bool
    watch_not_on_market: bool


@dataclass(frozen=True)
class PictureRules:
    """What measuring and judging take from the rules besides thresholds."""

    usable_reserve: tuple[str, ...]
    reporting_threshold: float
    floor_days_country: float
    floor_days_area: float
    low_demand_dispensings: float
    area_alone_out_share: float


@dataclass(frozen=True)
class DisclosureRules:
    """Counts of dispensings: the smallest shown in the country and in a county, and what others are rounded to."""

    smallest_count: int
    smallest_count_county: int
    round_to: int


@dataclass(frozen=True)
class Rules:
    """One version of the rules, checked."""

    version: str
    author: str
    reason: str
    reason_language: str
    review_by: date
    picture: PictureRules
    disclosure: DisclosureRules
    default: Thresholds
    classes: Mapping[int, Thresholds]
    other: Thresholds
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    def thresholds(self, critical_class: int | None) -> Thresholds:
        """Thresholds of a criticality class; of medicines that are not critical for None."""
        return self.other if critical_class is None else self.classes.get(critical_class, self.default)

    def table(self, name: str) -> Mapping[str, Any]:
        """A table of another room, as written; empty where the file has none."""
        value = self.raw.get(name, {})
        if not isinstance(value, Mapping):
            raise InputError(f"[{name}] of the rules file is no table", INSTRUCTION)
        return MappingProxyType(dict(value))


def current_text() -> str:
    """The text of the rules file in force."""
    return (files("medsupply.rules") / "current.toml").read_text(encoding="utf-8")


def load_rules(path: Path | None = None) -> Rules:
    """The rules of ``path``, or those in force. Raises InputError naming the key that is wrong."""
    if path is None:
        return parse_rules(current_text())
    try:
        return parse_rules(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})", "Name an existing rules file") from error


def parse_rules(text: str) -> Rules:
    """Rules from TOML text, every key and value checked."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"The rules file is no TOML: {error}", INSTRUCTION) from error
    level = _table(raw, "level")
    default = _thresholds(_table(level, "default"), {}, "level.default")
    base = {item.name: getattr(default, item.name) for item in fields(Thresholds)}
    classes = {
        _class_number(name): _thresholds(_table(_table(level, "class"), name), base, f"level.class.{name}")
        for name in _table(level, "class")
    }
    _no_others(level, {"default", "class", "other"}, "level")
    return Rules(
        version=_text(raw, "version"),
        author=_text(raw, "author"),
        reason=_text(raw, "reason"),
        reason_language=_language(raw),
        review_by=_day(raw, "review_date"),
        picture=_picture(_table(raw, "picture")),
        disclosure=_disclosure(_table(raw, "disclosure")),
        default=default,
        classes=MappingProxyType(classes),
        other=_thresholds(_table(level, "other"), base, "level.other"),
        raw=raw,
    )


def _table(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = raw.get(name)
    if not isinstance(value, Mapping):
        raise InputError(f"The rules file has no table [{name}]", INSTRUCTION)
    return value


def _text(raw: Mapping[str, Any], name: str) -> str:
    value = raw.get(name)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{name} of the rules file is missing or no text", INSTRUCTION)
    return value


def _language(raw: Mapping[str, Any]) -> str:
    value = raw.get("reason_language", "en")
    if value not in LANGUAGES:
        raise InputError(f"reason_language of the rules file is none of {', '.join(LANGUAGES)}", INSTRUCTION)
    return str(value)


def _day(raw: Mapping[str, Any], name: str) -> date:
    value = raw.get(name)
    if not isinstance(value, date):
        raise InputError(f"{name} of the rules file is missing or no date", INSTRUCTION)
    return value


def _class_number(name: str) -> int:
    if not name.isdigit():
        raise InputError(f"[level.class.{name}] is no criticality class", INSTRUCTION)
    return int(name)


def _no_others(raw: Mapping[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(set(raw) - known)
    if unknown:
        raise InputError(f"[{where}] of the rules file has the unknown key {unknown[0]}", INSTRUCTION)


def _share(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InputError(f"{where} is {value!r}, no number from 0 to 1", INSTRUCTION)
    return float(value)


def _positive(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise InputError(f"{where} is {value!r}, no number of 0 or more", INSTRUCTION)
    return float(value)


def _switch(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"{where} is {value!r}, neither true nor false", INSTRUCTION)
    return value


def _thresholds(raw: Mapping[str, Any], base: Mapping[str, Any], where: str) -> Thresholds:
    _no_others(raw, {item.name for item in fields(Thresholds)}, where)
    values: dict[str, Any] = {}
    for item in fields(Thresholds):
        if item.name not in raw and item.name not in base:
            raise InputError(f"[{where}] of the rules file lacks {item.name}", INSTRUCTION)
        value = raw.get(item.name, base.get(item.name))
        check = _switch if item.type == "bool" else _share
        values[item.name] = check(value, f"{where}.{item.name}")
    return Thresholds(**values)


def _picture(raw: Mapping[str, Any]) -> PictureRules:
    names = {item.name for item in fields(PictureRules)}
    _no_others(raw, names, "picture")
    for name in sorted(names - set(raw)):
        raise InputError(f"[picture] of the rules file lacks {name}", INSTRUCTION)
    kinds = raw["usable_reserve"]
    if not isinstance(kinds, list) or any(kind not in HOLDER_TYPES for kind in kinds):
        raise InputError(f"picture.usable_reserve is {kinds!r}, no list of holder types", INSTRUCTION)
    return PictureRules(
        usable_reserve=tuple(kinds),
        reporting_threshold=_share(raw["reporting_threshold"], "picture.reporting_threshold"),
        floor_days_country=_positive(raw["floor_days_country"], "picture.floor_days_country"),
        floor_days_area=_positive(raw["floor_days_area"], "picture.floor_days_area"),
        low_demand_dispensings=_positive(raw["low_demand_dispensings"], "picture.low_demand_dispensings"),
        area_alone_out_share=_share(raw["area_alone_out_share"], "picture.area_alone_out_share"),
    )


def _disclosure(raw: Mapping[str, Any]) -> DisclosureRules:
    names = [item.name for item in fields(DisclosureRules)]
    _no_others(raw, set(names), "disclosure")
    for name in names:
        value = raw.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InputError(f"disclosure.{name} is {value!r}, no whole number of 1 or more", INSTRUCTION)
    return DisclosureRules(**{name: raw[name] for name in names})


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, Mapping):
        return {prefix: value}
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        flat |= _flat(inner, f"{prefix}.{key}" if prefix else str(key))
    return flat


def diff_rules(before: Rules, after: Rules) -> list[tuple[str, Any, Any]]:
    """What differs between two rules files: key, value before, value after; None where a file lacks the key."""
    old, new = _flat(before.raw), _flat(after.raw)
    return [(key, old.get(key), new.get(key)) for key in sorted(old | new) if old.get(key) != new.get(key)]
