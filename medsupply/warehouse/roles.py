"""Who may do what in the warehouse. Grants are the barrier; settings of a role are defaults that it can unset.

owner              owns every schema; migrations
ingest             load, measure, forecast, evaluate: reads and writes all but the audit
dashboard          reads all, acknowledges alerts and writes the audit
sender             the outbox: reads alerts, writes what was sent
medsupply_analyst  SELECT on the views of ``analyst``, nothing else
auditor            reads ``ops`` and ``analyst``
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

import psycopg
from psycopg import sql

from medsupply.errors import WarehouseError
from medsupply.settings import Settings
from medsupply.warehouse.places import PORT, Places
from medsupply.warehouse.secrets import ensure_secret, read_secret
from medsupply.warehouse.server import admin_connection, ensure

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
    "sender": Role("medsupply_sender", ("alerts",), ("alerts",), statement_timeout=60_000),
    "analyst": Role("medsupply_analyst", ("analyst",), statement_timeout=120_000, read_only=True),
    "auditor": Role("medsupply_auditor", ("ops", "analyst"), statement_timeout=120_000, read_only=True),
}


def role_of(name: str) -> Role:
    """The role called ``name``, with or without the prefix ``medsupply_``. Raises WarehouseError on another name."""
    try:
        return ROLES[name.removeprefix("medsupply_")]
    except KeyError:
        raise WarehouseError(f"There is no role {name!r}", f"Use one of {', '.join(ROLES)}") from None


def create_private(settings: Settings, places: Places) -> None:
    """Roles, passwords and the database of a new private server; again on one that was cut off while making them."""
    with admin_connection(places) as connection:
        for role in ROLES.values():
            create_login(connection, role.name, ensure_secret(settings.home, role.name))
            limit_role(connection, role)
        create_database(connection, DATABASE, OWNER.name)


def create_login(connection: psycopg.Connection, name: str, password: str) -> None:
    """Make the role, or set its password where it is there already."""
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
    statement = "ALTER ROLE {} " if known else "CREATE ROLE {} "
    attributes = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD {}"
    connection.execute(sql.SQL(statement + attributes).format(sql.Identifier(name), sql.Literal(password)))


def create_database(connection: psycopg.Connection, name: str, owner: str, template: str = "template0") -> None:
    """Make the database ``name`` unless it is there, and shut PUBLIC out of it."""
    if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}")
        connection.execute(statement.format(*map(sql.Identifier, (name, owner, template))))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))


def limit_role(connection: psycopg.Connection, role: Role) -> None:
    """Defaults of the role: where names are looked up, how long a statement may take."""
    limits = {
        "search_path": "analyst",
        "statement_timeout": str(role.statement_timeout),
        "idle_in_transaction_session_timeout": "0" if role is OWNER else "60000",
        "default_transaction_read_only": "on" if role.read_only else "off",
        "timezone": "UTC",
    }
    for name, value in limits.items():
        statement = sql.SQL("ALTER ROLE {} SET {} = {}")
        connection.execute(statement.format(sql.Identifier(role.name), sql.Identifier(name), sql.Literal(value)))


def grant_database(connection: psycopg.Connection, database: str) -> None:
    """Who may connect to ``database``: the roles, not PUBLIC.

    Temporary tables are for writers (staging): who cannot make any can make no functions in them either.
    """
    name = sql.Identifier(database)
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    for role in ROLES.values():
        if role is not OWNER:
            rights = sql.SQL("CONNECT, TEMPORARY" if role.writes else "CONNECT")
            statement = sql.SQL("GRANT {} ON DATABASE {} TO {}")
            connection.execute(statement.format(rights, name, sql.Identifier(role.name)))


def private_url(settings: Settings, role: str, database: str = DATABASE, driver: str = "postgresql") -> str:
    """The address of the private server for ``role``; starts the server when needed. Holds the password."""
    places = ensure(settings)
    name = role if role == AIRFLOW else role_of(role).name
    password = read_secret(settings.home, name)
    if password is None:
        raise WarehouseError(f"The password of {name} is missing from MEDSUPPLY_HOME/secrets", "Restore that folder")
    host = quote(str(places.socket), safe="/")
    return f"{driver}://{name}:{quote(password, safe='')}@/{database}?host={host}&port={PORT}"
