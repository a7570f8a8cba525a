"""What a reader can do, from the rules file: by what is wrong and by role. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from medsupply.alerts.mails import public_reasons
from medsupply.rules import Rules

AT_MOST = 5


def actions_for(reasons: Sequence[str], role: str | None, rules: Rules) -> list[str]:
    """Keys of the actions for a reader, the weightiest reason first, each once, at most five."""
    table = rules.table("action")
    found: list[str] = []
    for reason in public_reasons(reasons) or ["availability"]:
        by_role = table[reason]
        found += by_role.get(role or "default", by_role["default"])
    return list(dict.fromkeys(found))[:AT_MOST]
