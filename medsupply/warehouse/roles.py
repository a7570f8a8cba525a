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
from urllib.parse import quote

import sqlalchemy as sa

from medsupply.errors import WarehouseError
from medsupply.settings import Settings
from medsupply.warehouse.places import PORT
from medsupply.warehouse.secrets import read_secret
from medsupply.warehouse.server import ensure

DATABASE = "medsupply"
DRIVER = "postgresql+psycopg"
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


def role_url(settings: Settings, role: str) -> str:
    """SQLAlchemy's address for ``role``. Raises WarehouseError when this machine holds no password for it.

    A served address names the owner (or the one role that this machine is given); the passwords of the other roles
    lie in MEDSUPPLY_HOME/secrets, where migrating wrote them.
    """
    if not settings.database_url:
        return private_url(settings, role, driver=DRIVER)
    given = sa.make_url(settings.database_url).set(drivername=DRIVER)
    name = role_of(role).name
    others = {known.name for known in ROLES.values()} - {OWNER.name}
    if given.username == name or (name == OWNER.name and given.username not in others):
        return given.render_as_string(hide_password=False)
    password = read_secret(settings.home, name)
    if password is None:
        raise WarehouseError(
            f"There is no password for {name} on this machine",
            f"Run medsupply migrate as the owner, or write it to MEDSUPPLY_HOME/secrets/{name}",
        )
    return given.set(username=name, password=password).render_as_string(hide_password=False)


def analyst_url(settings: Settings, *, password: bool = True) -> str:
    """The address for psql, R and BI tools as the analyst role, with or without its password."""
    url = sa.make_url(role_url(settings, "analyst"))
    shown = url.password if password else None
    made = sa.URL.create("postgresql", url.username, shown, url.host, url.port, url.database, url.query)
    place, _, query = made.render_as_string(hide_password=False).partition("?")
    # SQLAlchemy writes a space in the query as +, which libpq takes for a plus sign.
    return f"{place}?{query.replace('+', '%20')}" if query else place


def private_url(settings: Settings, role: str, database: str = DATABASE, driver: str = "postgresql") -> str:
    """The address of the private server for ``role``; starts the server when needed. Holds the password."""
    places = ensure(settings)
    name = role if role == AIRFLOW else role_of(role).name
    password = read_secret(settings.home, name)
    if password is None:
        raise WarehouseError(f"The password of {name} is missing from MEDSUPPLY_HOME/secrets", "Restore that folder")
    host = quote(str(places.socket), safe="/")
    return f"{driver}://{name}:{quote(password, safe='')}@/{database}?host={host}&port={PORT}"
