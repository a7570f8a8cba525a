"""The address of the warehouse for each role: the private server, or the one MEDSUPPLY_DATABASE_URL names."""

from __future__ import annotations

import sqlalchemy as sa

from medsupply.errors import WarehouseError
from medsupply.settings import Settings
from medsupply.warehouse.roles import (
    AIRFLOW,
    OWNER,
    ROLES,
    create_database,
    create_login,
    private_url,
    role_of,
)
from medsupply.warehouse.secrets import ensure_secret, read_secret
from medsupply.warehouse.server import admin_connection, ensure

DRIVER = "postgresql+psycopg"
AIRFLOW_DATABASE = "airflow"


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


def analyst_url(settings: Settings) -> str:
    """The address for psql, R and BI tools as the analyst role; it holds the password."""
    return sa.make_url(role_url(settings, "analyst")).set(drivername="postgresql").render_as_string(hide_password=False)


def airflow_database_url(settings: Settings) -> str:
    """Airflow's own database, made when needed. Airflow derives its asyncpg address from this one.

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
    return private_url(settings, AIRFLOW, database=AIRFLOW_DATABASE, driver=DRIVER)
