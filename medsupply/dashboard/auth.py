"""Who is looking, and what they may do. Sign-in by OIDC where it is configured; else a demo on this machine only.

Roles: reader, analyst, duty_officer, administrator, auditor. They stand in the service's secrets under
``[medsupply.roles]`` by mail address; who has none there may read nothing. ``[medsupply.organisations]`` says for whom
a person works: fimea, stm, nesa, thl, or the code of an area; what only some may see opens by both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

ROLES = ("reader", "analyst", "duty_officer", "administrator", "auditor")
WRITERS = frozenset({"duty_officer", "administrator"})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SESSION_HOURS = 8
IDLE = timedelta(minutes=30)


@dataclass(frozen=True)
class Person:
    """A person at the dashboard. ``demo``: nobody signs in, everybody may do what a duty officer may."""

    name: str
    role: str
    demo: bool = False
    address: str = ""
    organisation: str = ""

    @property
    def may_write(self) -> bool:
        return self.role in WRITERS


DEMO = Person("", "duty_officer", demo=True)


def needs_sign_in(secrets: Mapping[str, Any]) -> bool:
    """Whether sign-in is configured."""
    return "auth" in secrets


def is_loopback(address: str) -> bool:
    """Whether the service is reached on this machine only."""
    return (urlsplit(address).hostname or "") in LOOPBACK


def idle(last_seen: datetime | None, now: datetime) -> bool:
    """Whether a signed-in person has done nothing for so long that the sign-in must be given again."""
    return last_seen is not None and now - last_seen > IDLE


def person(claims: Mapping[str, Any], secrets: Mapping[str, Any], now: datetime) -> Person | None:
    """The signed-in person; None where the sign-in is too old or the address has no role."""
    issued = claims.get("iat")
    if issued is None or now.timestamp() - float(issued) > SESSION_HOURS * 3600:
        return None
    address = str(claims.get("email") or "").strip().lower()
    role = _named(secrets, "roles", address)
    if role not in ROLES or not address:
        return None
    organisation = _named(secrets, "organisations", address)
    return Person(str(claims.get("name") or address), role, address=address, organisation=organisation)


def _named(secrets: Mapping[str, Any], section: str, address: str) -> str:
    known = secrets.get("medsupply", {}).get(section, {})
    return {str(key).lower(): str(value) for key, value in known.items()}.get(address, "")
