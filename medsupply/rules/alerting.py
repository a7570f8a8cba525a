"""Tables of the rules file that alerts read: what a reader can do, when mails wait for a person, how long a person who
has taken an alert on has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from medsupply.errors import InputError
from medsupply.rules.checks import INSTRUCTION, no_others, share, table, whole

ROLES = ("fimea", "stm", "nesa", "thl", "yta", "county", "hospital_pharmacist")
"""Readers of alerts; the role ``default`` is for subscribers without one."""
GROUPS = ("availability", "notice", "demand", "market", "data")
"""What can be wrong, as mails tell it in public."""
ACTIONS = (
    "call_holder", "permit", "special_permit", "advice", "coordinate", "redistribute", "own_stock", "guidance",
    "other_strength", "order_cap", "check_data",
)  # fmt: skip
"""What a reader can do; the sentences stand in the texts of alerts."""

Actions = Mapping[str, Mapping[str, tuple[str, ...]]]


@dataclass(frozen=True)
class Hold:
    """Mails wait for a person when in one evaluation more than ``products`` change, or more than ``share`` of those
    watched and more than ``minimum``."""

    share: float
    products: int
    minimum: int


def actions_of(raw: Mapping[str, Any]) -> Actions:
    """Actions by what is wrong and by role from [action]. Raises InputError for a word that no mail has a sentence for,
    or where a role would be left without any."""
    written = table(raw, "action")
    no_others(written, set(GROUPS), "action")
    return MappingProxyType({group: _by_role(table(written, group), f"action.{group}") for group in GROUPS})


def _by_role(raw: Mapping[str, Any], where: str) -> Mapping[str, tuple[str, ...]]:
    no_others(raw, {*ROLES, "default"}, where)
    for role in ("default", *raw):
        value = raw.get(role)
        if not isinstance(value, list) or not value or any(one not in ACTIONS for one in value):
            raise InputError(f"{where}.{role} is {value!r}, no list of {', '.join(ACTIONS)}", INSTRUCTION)
    return MappingProxyType({role: tuple(value) for role, value in raw.items()})


def hold_of(raw: Mapping[str, Any]) -> Hold:
    """The limits of [alert.hold]."""
    written = table(table(raw, "alert"), "hold")
    no_others(written, {"share", "products", "minimum"}, "alert.hold")
    return Hold(
        share(written.get("share"), "alert.hold.share"),
        whole(written.get("products"), "alert.hold.products"),
        whole(written.get("minimum"), "alert.hold.minimum"),
    )


def acknowledgement_days(raw: Mapping[str, Any]) -> int:
    """Days after which an acknowledgement runs out, from [alert.acknowledgement]."""
    alert = table(raw, "alert")
    no_others(alert, {"hold", "acknowledgement"}, "alert")
    written = table(alert, "acknowledgement")
    no_others(written, {"days"}, "alert.acknowledgement")
    return whole(written.get("days"), "alert.acknowledgement.days")
