"""Bring a database to the newest schema: one Alembic chain, then views, comments and grants, in one transaction."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory

from medsupply.errors import WarehouseError
from medsupply.settings import Settings
from medsupply.warehouse.database import schema
from medsupply.warehouse.database.accounts import create_login, limit_role
from medsupply.warehouse.database.engine import explained, make_engine
from medsupply.warehouse.database.locks import SENDING
from medsupply.warehouse.database.roles import OWNER, ROLES
from medsupply.warehouse.database.secrets import ensure_secret
from medsupply.warehouse.database.urls import role_url

ADVISORY_LOCK = 7_246_001
LOCK_TIMEOUT = "60s"


def migrate(settings: Settings) -> str:
    """Migrate the database of ``settings`` to head, views and grants too; returns the revision."""
    engine = make_engine(role_url(settings, OWNER.name))
    try:
        with explained():
            upgrade(settings, engine)
    finally:
        engine.dispose()
    return head()


def head() -> str:
    """The newest revision of the chain."""
    return str(ScriptDirectory.from_config(alembic_config()).get_current_head())


def alembic_config(connection: sa.Connection | None = None) -> Config:
    """Alembic's configuration, made in code: the scripts lie in this package, the connection is ours."""
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def revise(settings: Settings, message: str) -> Path:
    """Write the revision that brings the migrated database of ``settings`` to the declarations; returns its file.

    For contributors who changed a table: read what it wrote before committing it.
    """
    engine = make_engine(role_url(settings, OWNER.name))
    with explained(), engine.begin() as connection:
        number = f"{int(head()) + 1:04d}"
        made = command.revision(alembic_config(connection), message, autogenerate=True, rev_id=number)
    engine.dispose()
    if isinstance(made, Script):
        return Path(made.path)
    raise WarehouseError("Alembic wrote no revision", "Check that the database is migrated to head")


def upgrade(settings: Settings, engine: sa.Engine) -> None:
    """Migrate over ``engine``, in one transaction, one process at a time, once the mails in hand are handed over."""
    with engine.begin() as connection:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": SENDING})
        ensure_roles(settings, connection)
        schema.create_schemas(connection)
        _check_revision(connection)
        command.upgrade(alembic_config(connection), "head")
        finish(connection)


def _check_revision(connection: sa.Connection) -> None:
    """Raise WarehouseError when the database is at a revision that only a newer program knows."""
    context = MigrationContext.configure(connection, opts={"version_table_schema": "ops"})
    known = {script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()}
    for unknown in set(context.get_current_heads()) - known:
        raise WarehouseError(
            f"The database is at revision {unknown}, which this medsupply does not know",
            "Use the newer medsupply that wrote it, or restore the backup made before the update",
        )


def finish(connection: sa.Connection) -> None:
    """Comments, guards, views, grants and the mark that all is up to date."""
    schema.comment_tables(connection)
    schema.guard_tables(connection)
    schema.create_views(connection)
    schema.grant(connection)
    schema.store_fingerprint(connection)


def ensure_roles(settings: Settings, connection: sa.Connection) -> None:
    """Make the roles that a served PostgreSQL lacks. Raises WarehouseError with the SQL to run where we may not."""
    known = set(connection.scalars(sa.text("SELECT rolname FROM pg_roles")))
    missing = [role for role in ROLES.values() if role is not OWNER and role.name not in known]
    if not missing:
        return
    if not connection.scalar(sa.text("SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user")):
        names = ", ".join(role.name for role in missing)
        statements = " ".join(f"CREATE ROLE {role.name} LOGIN PASSWORD '...';" for role in missing)
        raise WarehouseError(
            f"The database lacks the roles {names}, and this user may not make them",
            f"Have its administrator run: {statements} and write each password to MEDSUPPLY_HOME/secrets/ROLE",
        )
    for role in missing:
        create_login(schema.driver_of(connection), role.name, ensure_secret(settings.home, role.name))
        limit_role(schema.driver_of(connection), role)
