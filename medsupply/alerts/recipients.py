"""Who gets which mail: subscriptions of roles and addresses against what changed. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from medsupply.areas import AREAS, COUNTRY
from medsupply.errors import InputError

RANK = {"watch": 1, "elevated": 2, "severe": 3}
# ASCII only: a relay without SMTPUTF8 could not deliver to others.
ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
ROLES = ("fimea", "stm", "nesa", "thl", "yta", "county", "hospital_pharmacist")


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

    @property
    def subscription_id(self) -> str:
        parts = (self.address.lower(), self.role, self.level, self.county_code, self.atc_prefix, self.medicine_id,
                 self.form_class, self.digest)  # fmt: skip
        return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:24]

    def wants(self, item: Mapping[str, str | None]) -> bool:
        """Whether a change (level, county_code, atc, medicine_id, form_class) is asked for."""
        return (
            RANK.get(item["level"] or "", 0) >= RANK[self.level]
            and (self.county_code is None or item["county_code"] == self.county_code)
            and (self.atc_prefix is None or (item["atc"] or "").startswith(self.atc_prefix))
            and (self.medicine_id is None or item["medicine_id"] == self.medicine_id)
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
) -> list[Subscription]:
    """What is subscribed: the default lines of a role (design, section 9), or the line that is described."""
    for one in (address, *([deputy] if deputy else [])):
        if not ADDRESS.fullmatch(one):
            raise InputError(f"{one!r} is no mail address", "Write name@example.org, in letters without accents")
    if level is not None and level not in RANK:
        raise InputError(f"{level!r} is no level to subscribe", "Use watch, elevated or severe")
    if role is not None and role not in ROLES:
        raise InputError(f"{role!r} is no role", f"Use one of {', '.join(ROLES)}")
    if county is not None and county not in AREAS:
        raise InputError(f"{county!r} is no area", "Use 01-21, 90, 91, Y1-Y5 or 99")
    if role and not (level or atc or medicine):
        lines = _defaults(role, county)
        return [Subscription(address, language, role, **line, digest=digest, deputy=deputy) for line in lines]
    return [Subscription(address, language, role, level or "elevated", county, atc, medicine, None, digest, deputy)]


def _defaults(role: str, county: str | None) -> list[dict[str, str]]:
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
    """One mail to be written: a reader and the areas of one family that changed."""

    address: str
    language: str
    role: str | None
    medicine_id: str
    items: tuple[Mapping[str, str | None], ...]


def grouped(items: Sequence[Mapping[str, str | None]], subscriptions: Iterable[Subscription]) -> list[Group]:
    """One group per address and family; an address that subscribes twice gets one mail."""
    found: dict[tuple[str, str], Group] = {}
    for line in sorted(subscriptions, key=lambda one: (one.address, one.subscription_id)):
        for item in items:
            if line.digest or not line.wants(item):
                continue
            key = (line.address.lower(), str(item["medicine_id"]))
            before = found.get(key)
            mine = before.items if before else ()
            if item not in mine:
                found[key] = Group(line.address, line.language, line.role, key[1], (*mine, item))
    return [found[key] for key in sorted(found)]
