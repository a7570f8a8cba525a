"""The rules file: thresholds of the levels by criticality class, versioned, with author, reason and review date.

``current.toml`` is the file in force. What alerts take from it is read in ``alerting``.
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
from medsupply.rules.alerting import Actions, Hold, acknowledgement_days, actions_of, hold_of
from medsupply.rules.checks import INSTRUCTION, no_others, positive, share, switch, table, text, whole
from medsupply.settings import LANGUAGES
from medsupply.tables.deliveries import HOLDER_TYPES

TABLES = {"picture", "disclosure", "level", "action", "alert"}
MEASURED_WITH = ("usable_reserve", "floor_days_country", "floor_days_area")
HEAD = {"version", "author", "reason", "reason_language", "review_date"}


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
    actions: Actions
    hold: Hold
    acknowledgement_days: int
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    def thresholds(self, critical_class: int | None) -> Thresholds:
        """Thresholds of a criticality class; of medicines that are not critical for None."""
        return self.other if critical_class is None else self.classes.get(critical_class, self.default)


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
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not in UTF-8", INSTRUCTION) from error


def parse_rules(toml: str) -> Rules:
    """Rules from TOML text, every key and value checked."""
    try:
        raw = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"The rules file is no TOML: {error}", INSTRUCTION) from error
    no_others(raw, HEAD | TABLES)
    level = table(raw, "level")
    default = _thresholds(table(level, "default"), {}, "level.default")
    base = {item.name: getattr(default, item.name) for item in fields(Thresholds)}
    classes = {
        _class_number(name): _thresholds(table(table(level, "class"), name), base, f"level.class.{name}")
        for name in table(level, "class")
    }
    no_others(level, {"default", "class", "other"}, "level")
    return Rules(
        version=text(raw, "version"),
        author=text(raw, "author"),
        reason=text(raw, "reason"),
        reason_language=_language(raw),
        review_by=_day(raw, "review_date"),
        picture=_picture(table(raw, "picture")),
        disclosure=_disclosure(table(raw, "disclosure")),
        default=default,
        classes=MappingProxyType(classes),
        other=_thresholds(table(level, "other"), base, "level.other"),
        actions=actions_of(raw),
        hold=hold_of(raw),
        acknowledgement_days=acknowledgement_days(raw),
        raw=raw,
    )


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
    if not (name.isascii() and name.isdigit()):
        raise InputError(f"[level.class.{name}] is no criticality class", INSTRUCTION)
    return int(name)


def _thresholds(raw: Mapping[str, Any], base: Mapping[str, Any], where: str) -> Thresholds:
    no_others(raw, {item.name for item in fields(Thresholds)}, where)
    values: dict[str, Any] = {}
    for item in fields(Thresholds):
        if item.name not in raw and item.name not in base:
            raise InputError(f"[{where}] of the rules file lacks {item.name}", INSTRUCTION)
        value = raw.get(item.name, base.get(item.name))
        check = switch if item.type == "bool" else share
        values[item.name] = check(value, f"{where}.{item.name}")
    return Thresholds(**values)


def _picture(raw: Mapping[str, Any]) -> PictureRules:
    names = {item.name for item in fields(PictureRules)}
    no_others(raw, names, "picture")
    for name in sorted(names - set(raw)):
        raise InputError(f"[picture] of the rules file lacks {name}", INSTRUCTION)
    kinds = raw["usable_reserve"]
    if not isinstance(kinds, list) or any(kind not in HOLDER_TYPES for kind in kinds):
        raise InputError(f"picture.usable_reserve is {kinds!r}, no list of holder types", INSTRUCTION)
    return PictureRules(
        usable_reserve=tuple(kinds),
        reporting_threshold=share(raw["reporting_threshold"], "picture.reporting_threshold"),
        floor_days_country=positive(raw["floor_days_country"], "picture.floor_days_country"),
        floor_days_area=positive(raw["floor_days_area"], "picture.floor_days_area"),
        low_demand_dispensings=positive(raw["low_demand_dispensings"], "picture.low_demand_dispensings"),
        area_alone_out_share=share(raw["area_alone_out_share"], "picture.area_alone_out_share"),
    )


def _disclosure(raw: Mapping[str, Any]) -> DisclosureRules:
    names = [item.name for item in fields(DisclosureRules)]
    no_others(raw, set(names), "disclosure")
    return DisclosureRules(**{name: whole(raw.get(name), f"disclosure.{name}") for name in names})


def applicable(rules: Rules) -> None:
    """Raises InputError where ``rules`` differ from those in force in what stored pictures were measured with: levels
    can be judged again, measuring takes the deliveries."""
    now = load_rules()
    for name in MEASURED_WITH:
        before, after = getattr(now.picture, name), getattr(rules.picture, name)
        if before != after:
            told = f"picture.{name} is {after!r}, and stored pictures were measured with {before!r}"
            raise InputError(told, "Try thresholds of levels here; floors and reserves show on pictures made anew")


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
