"""What a reader can do, from the rules file: by what is wrong and by role. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from medsupply.alerts.mails import public_reasons
from medsupply.rules import Rules

AT_MOST = 5
# What moves stock about: where the whole country is short there is little to move, so it comes last.
MOVING = "redistribute"


def actions_for(reasons: Sequence[str], role: str | None, rules: Rules, *, everywhere: bool = False) -> list[str]:
    """Keys of the actions for a reader, the weightiest reason first, each once, at most five.

    ``everywhere``: the whole country is short.
    """
    found: list[str] = []
    for reason in public_reasons(reasons) or ["availability"]:
        by_role = rules.actions[reason]
        found += by_role.get(role or "default", by_role["default"])
    told = list(dict.fromkeys(found))[:AT_MOST]
    return sorted(told, key=lambda one: everywhere and one == MOVING)
