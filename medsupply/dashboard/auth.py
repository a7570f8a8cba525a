"""Who is looking, and what they may do. Sign-in by OIDC where it is configured; else a demo on this machine only.

Roles: reader, analyst, duty_officer, administrator, auditor. They stand in the service's secrets under
``[medsupply.roles]`` by mail address; who has none there may read nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

ROLES = ("reader", "analyst", "duty_officer", "administrator", "auditor")
WRITERS = frozenset({"duty_officer", "administrator"})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SESSION_HOURS = 8


@dataclass(frozen=True)
class Person:
    """A person at the dashboard. ``demo``: nobody signs in, everybody may do what a duty officer may."""

    name: str
    role: str
    demo: bool = False
    address: str = ""

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


def person(claims: Mapping[str, Any], secrets: Mapping[str, Any], now: datetime) -> Person | None:
    """The signed-in person; None where the sign-in is too old or the address has no role."""
    issued = claims.get("iat")
    if issued is None or now.timestamp() - float(issued) > SESSION_HOURS * 3600:
        return None
    address = str(claims.get("email") or "").strip().lower()
    known = secrets.get("medsupply", {}).get("roles", {})
    roles = {str(key).lower(): str(value) for key, value in known.items()}
    role = roles.get(address)
    return Person(str(claims.get("name") or address), role, address=address) if role in ROLES and address else None
