"""Who may do what in the warehouse. Grants are the barrier; settings of a role are defaults that it can unset.

owner              owns every schema; migrations
ingest             load, measure, forecast, evaluate: reads and writes all but the audit
dashboard          reads all, acknowledges alerts and writes the audit
sender             the outbox: reads alerts, writes what was sent; reads pictures, to write to the next person
medsupply_analyst  SELECT on the views of ``analyst``, nothing else
auditor            reads ``ops`` and ``analyst``
"""

from __future__ import annotations

from dataclasses import dataclass

from medsupply.errors import WarehouseError

DATABASE = "medsupply"
AIRFLOW = "medsupply_airflow"
SCHEMAS = ("core", "picture", "forecast", "alerts", "ops", "analyst")


@dataclass(frozen=True)
class Role:
    """A role, what it may do per schema, and how long one of its statements may take (milliseconds, 0: no limit)."""

    name: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    appends: tuple[str, ...] = ()
    statement_timeout: int = 0
    read_only: bool = False

    def rights(self, schema: str) -> str | None:
        """What is granted on the tables of ``schema``; None: nothing, not even a look at their names."""
        if schema in self.writes:
            return "SELECT, INSERT, UPDATE, DELETE"
        if schema in self.appends:
            return "SELECT, INSERT"
        return "SELECT" if schema in self.reads else None


OWNER = Role("medsupply_owner")
ROLES: dict[str, Role] = {
    "owner": OWNER,
    "ingest": Role("medsupply_ingest", SCHEMAS, SCHEMAS[:-1], statement_timeout=900_000),
    "dashboard": Role("medsupply_dashboard", SCHEMAS, ("alerts",), ("ops",), statement_timeout=10_000),
    "sender": Role("medsupply_sender", ("alerts", "picture"), ("alerts",), statement_timeout=60_000),
    "analyst": Role("medsupply_analyst", ("analyst",), statement_timeout=120_000, read_only=True),
    "auditor": Role("medsupply_auditor", ("ops", "analyst"), statement_timeout=120_000, read_only=True),
}


def role_of(name: str) -> Role:
    """The role called ``name``, with or without the prefix ``medsupply_``. Raises WarehouseError on another name."""
    try:
        return ROLES[name.removeprefix("medsupply_")]
    except KeyError:
        raise WarehouseError(f"There is no role {name!r}", f"Use one of {', '.join(ROLES)}") from None
