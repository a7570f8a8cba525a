"""Who would hear: a rule or a level without a recipient that mail reaches is itself an alarm.

An immediate rule needs, for each level that it may open at, an address that is told at once of every medicine in the
country; a rule that only the digest tells needs one with any subscription to the whole country.
"""

from __future__ import annotations

from medsupply.alerts.folding import RULES, SERVICE
from medsupply.alerts.recipients import PRIVILEGED, RANK, RESTRICTED_RULES
from medsupply.warehouse.database.connection import Warehouse

LEVELS = ("elevated", "severe")
# An address whose last mail was refused for good reaches nobody.
_LINES = """
    SELECT s.role, s.level, s.digest FROM alerts.subscription s
    WHERE s.confirmed_at IS NOT NULL AND s.ended_at IS NULL AND coalesce(s.county_code, '99') = '99'
      AND s.atc_prefix IS NULL AND s.medicine_id IS NULL AND s.form_class IS NULL
      AND NOT coalesce((SELECT o.status = 'failed' FROM alerts.outbox o WHERE lower(o.recipient) = lower(s.address)
                        AND o.status <> 'queued' ORDER BY o.created_at DESC, o.message_id DESC LIMIT 1), false)
"""


def unheard(wh: Warehouse) -> list[tuple[str, str | None]]:
    """Rule and level (None: any) that no deliverable address would be told of, in the order of the rules."""
    lines = wh.read(_LINES).to_dicts()
    lowest = min((RANK[line["level"]] for line in lines if not line["digest"]), default=len(RANK) + 1)
    found: list[tuple[str, str | None]] = []
    for rule in (*RULES, *SERVICE):
        if rule.immediate:
            found += [(rule.name, level) for level in LEVELS if RANK[level] < lowest]
        elif not any(rule.name not in RESTRICTED_RULES or line["role"] in PRIVILEGED for line in lines):
            found.append((rule.name, None))
    return found
