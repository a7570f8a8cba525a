"""Who gets which mail: subscriptions of roles and addresses against what changed. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from medsupply.areas import AREAS, COUNTRY
from medsupply.errors import InputError
from medsupply.rules.alerting import ROLES
from medsupply.settings import LANGUAGES

RANK = {"watch": 1, "elevated": 2, "severe": 3}
# ASCII only: a relay without SMTPUTF8 could not deliver to others.
ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
ATC = re.compile(r"[A-Z](\d\d([A-Z]([A-Z](\d\d)?)?)?)?")
# The reason of an obligation is for Fimea and the ministry only.
RESTRICTED_RULES, PRIVILEGED = ("obligation",), ("fimea", "stm")


@dataclass(frozen=True)
class Subscription:
    """One line of what an address wants."""

    address: str
    language: str
    role: str | None
    level: str
    county_code: str | None = None
    atc_prefix: str | None = None
    medicine_id: str | None = None
    form_class: str | None = None
    digest: bool = False
    deputy: str | None = None
    rota: str | None = None

    @property
    def subscription_id(self) -> str:
        parts = (self.address.lower(), self.role, self.level, self.county_code, self.atc_prefix, self.medicine_id,
                 self.form_class, self.digest)  # fmt: skip
        return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:24]

    def wants(self, item: Mapping[str, str | None]) -> bool:
        """Whether a change (level, county_code, atc, medicine_id, members, form_class) is asked for."""
        return RANK.get(item["level"] or "", 0) >= RANK[self.level] and self.covers(item)

    def covers(self, item: Mapping[str, str | None]) -> bool:
        """Whether it is about what is subscribed, whatever its level; ``members``: the medicines of the family."""
        return (
            (self.county_code is None or item["county_code"] == self.county_code)
            and (self.atc_prefix is None or (item["atc"] or "").startswith(self.atc_prefix))
            and (
                self.medicine_id in (None, item["medicine_id"])
                or self.medicine_id in (item.get("members") or "").split("|")
            )
            and (self.form_class is None or item["form_class"] == self.form_class)
        )


def subscriptions_of(
    address: str,
    *,
    language: str,
    role: str | None = None,
    level: str | None = None,
    county: str | None = None,
    atc: str | None = None,
    medicine: str | None = None,
    digest: bool = False,
    deputy: str | None = None,
    office_hours: bool = False,
    rota: str | None = None,
) -> list[Subscription]:
    """What is subscribed: the default lines of a role (design, section 9), or the line that is described."""
    for one in (address, *([deputy] if deputy else [])):
        if not ADDRESS.fullmatch(one):
            raise InputError(f"{one!r} is no mail address", "Write name@example.org, in letters without accents")
    if language not in LANGUAGES:
        raise InputError(f"{language!r} is no language of mails", f"Use one of {', '.join(LANGUAGES)}")
    if deputy is not None and deputy.lower() == address.lower():
        raise InputError(f"{address} cannot be its own deputy", "Name somebody else, or nobody")
    if atc is not None and not ATC.fullmatch(atc):
        raise InputError(f"{atc!r} is no beginning of an ATC code", "Write it as J01 or J01CA04, in capitals")
    if level is not None and level not in RANK:
        raise InputError(f"{level!r} is no level to subscribe", "Use watch, elevated or severe")
    if role is not None and role not in ROLES:
        raise InputError(f"{role!r} is no role", f"Use one of {', '.join(ROLES)}")
    if county is not None and county not in AREAS:
        raise InputError(f"{county!r} is no area", "Use 01-21, 90, 91, Y1-Y5 or 99")
    if role and not (level or atc or medicine):
        lines = _defaults(role, county)
    else:
        lines = [{"level": level or "elevated", "county_code": county, "atc_prefix": atc, "medicine_id": medicine}]
    hours = rota or ("-".join(filter(None, (role, county))) or address.lower() if office_hours else None)
    return [Subscription(address, language, role, **line, digest=digest, deputy=deputy, rota=hours) for line in lines]


def _defaults(role: str, county: str | None) -> list[dict[str, Any]]:
    if role in ("yta", "county", "hospital_pharmacist") and county is None:
        raise InputError(f"The role {role} needs its area", "Add --county with its code")
    own = county or COUNTRY
    return {
        "fimea": [{"level": "elevated", "county_code": COUNTRY}],
        "stm": [{"level": "elevated", "county_code": COUNTRY}],
        "nesa": [{"level": "elevated", "county_code": COUNTRY}],
        "yta": [{"level": "severe", "county_code": COUNTRY}, {"level": "elevated", "county_code": own}],
        "county": [{"level": "elevated", "county_code": own}],
        "hospital_pharmacist": [
            {"level": "elevated", "county_code": COUNTRY, "form_class": "parenteral"},
            {"level": "elevated", "county_code": own},
        ],
        "thl": [
            {"level": "elevated", "county_code": COUNTRY, "atc_prefix": "J06"},
            {"level": "elevated", "county_code": COUNTRY, "atc_prefix": "J07"},
        ],
    }[role]


@dataclass(frozen=True)
class Group:
    """One mail to be written: a reader and the areas of one family that changed.

    ``stands_in``: a deputy, operations or who is on duty, with no subscription to end.
    """

    address: str
    language: str
    role: str | None
    medicine_id: str
    items: tuple[Mapping[str, str | None], ...]
    rota: str | None = None
    stands_in: bool = False


def grouped(items: Sequence[Mapping[str, str | None]], subscriptions: Iterable[Subscription]) -> list[Group]:
    """One group per address and family; an address with several lines gets one mail, at any hour if one says so."""
    found: dict[tuple[str, str], Group] = {}
    for line in sorted(subscriptions, key=lambda one: (one.address, one.subscription_id)):
        for item in items:
            if line.digest or not line.wants(item):
                continue
            key = (line.address.lower(), str(item["medicine_id"]))
            before = found.get(key) or Group(line.address, line.language, line.role, key[1], (), line.rota)
            mine = before.items if item in before.items else (*before.items, item)
            found[key] = replace(before, items=mine, rota=before.rota if line.rota else None)
    return [found[key] for key in sorted(found)]
