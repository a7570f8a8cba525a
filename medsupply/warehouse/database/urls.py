"""The addresses under which each role reaches its database; asking for one starts the private server when needed."""

from __future__ import annotations

from urllib.parse import quote

import sqlalchemy as sa

from medsupply.errors import WarehouseError
from medsupply.settings import Settings
from medsupply.warehouse.database.accounts import create_database, create_login
from medsupply.warehouse.database.connecting import admin_connection
from medsupply.warehouse.database.places import PORT
from medsupply.warehouse.database.roles import AIRFLOW, DATABASE, OWNER, ROLES, role_of
from medsupply.warehouse.database.secrets import ensure_secret, read_secret
from medsupply.warehouse.database.server import ensure

AIRFLOW_DATABASE = "airflow"
DRIVER = "postgresql+psycopg"
ASYNC_DRIVER = "postgresql+asyncpg"


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


def airflow_database_url(settings: Settings) -> tuple[str, str]:
    """The addresses (psycopg, asyncpg) of Airflow's own database, which is made when needed.

    On the private server only: with a served PostgreSQL the operator gives Airflow its own address.
    """
    if settings.database_url:
        raise WarehouseError(
            "Airflow's database is not ours to make on a served PostgreSQL",
            "Set AIRFLOW__DATABASE__SQL_ALCHEMY_CONN to a database of its own",
        )
    places = ensure(settings)
    with admin_connection(places) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [AIRFLOW_DATABASE]).fetchone()
        if not known:
            create_login(connection, AIRFLOW, ensure_secret(settings.home, AIRFLOW))
            create_database(connection, AIRFLOW_DATABASE, AIRFLOW)
    sync, async_ = (private_url(settings, AIRFLOW, AIRFLOW_DATABASE, driver) for driver in (DRIVER, ASYNC_DRIVER))
    return sync, async_
