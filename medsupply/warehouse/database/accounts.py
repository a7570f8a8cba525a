"""Making logins and databases: on the private server as its superuser, on a served one as far as the owner may."""

from __future__ import annotations

import psycopg
from psycopg import sql

from medsupply.settings import Settings
from medsupply.warehouse.database.connecting import admin_connection
from medsupply.warehouse.database.places import Places
from medsupply.warehouse.database.roles import DATABASE, OWNER, ROLES, Role
from medsupply.warehouse.database.secrets import ensure_secret


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
