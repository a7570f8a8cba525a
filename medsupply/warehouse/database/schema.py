"""What stands beside the migrated tables and is made anew whenever its declaration changes: views, comments, grants."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import psycopg
import sqlalchemy as sa
from psycopg import sql

from medsupply.tables.base import Table, View, described
from medsupply.tables.catalogue import TABLES, VIEWS
from medsupply.warehouse.database.accounts import grant_database
from medsupply.warehouse.database.roles import OWNER, ROLES, SCHEMAS, Role

MIGRATIONS = Path(__file__).parent / "migrations"
DESCRIPTIONS = {
    "core": "Reference lists with known_from and known_to, and daily sums of the record",
    "picture": "What measure and judge write per report day",
    "forecast": "Demand forecasts, run-out probabilities and their scores",
    "alerts": "Alert states, events, outbox and subscriptions",
    "ops": "Deliveries, quarantine, runs and the audit",
    "analyst": "Documented views for analysts: the public face of the warehouse",
}
# Only the owner of a partitioned table may add partitions, and writers are not owners: they ask this function.
PARTITION_FUNCTION = """
CREATE OR REPLACE FUNCTION ops.ensure_partition(parent regclass, month date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first date := date_trunc('month', month)::date;
    place text; name text;
BEGIN
    SELECT n.nspname, c.relname || to_char(first, '_YYYY_MM') INTO STRICT place, name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = parent AND c.relkind = 'p' AND n.nspname = ANY ('{core,picture,forecast,alerts,ops}');
    IF to_regclass(format('%I.%I', place, name)) IS NULL THEN
        PERFORM pg_advisory_xact_lock(hashtext(place || name));
        EXECUTE format('CREATE TABLE IF NOT EXISTS %I.%I PARTITION OF %s FOR VALUES FROM (%L) TO (%L)',
                       place, name, parent, first, (first + interval '1 month')::date);
    END IF;
END $$
"""

# What a sender claims by a lock. No table tells it, but senders that claim differently do not keep out of each other's
# way: who changes it gives it another name here, and senders of the older program stop.
CLAIM = "reader"

# Decisions of persons are added, never changed, by nobody: the guard stops the owner too.
APPEND_ONLY = ("ops.audit",)
GUARD_FUNCTION = """
CREATE OR REPLACE FUNCTION ops.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE insufficient_privilege USING MESSAGE = format('%s.%s is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME);
END $$
"""


def create_schemas(connection: sa.Connection) -> None:
    """The six schemas, closed to PUBLIC."""
    for name in SCHEMAS:
        run(connection, sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(name)))
        run(connection, sql.SQL("REVOKE ALL ON SCHEMA {} FROM PUBLIC").format(sql.Identifier(name)))
        _comment(connection, "SCHEMA", [name], DESCRIPTIONS[name])
    run(connection, PARTITION_FUNCTION)
    run(connection, "REVOKE ALL ON FUNCTION ops.ensure_partition FROM PUBLIC")


def create_views(connection: sa.Connection, views: Iterable[View] = VIEWS) -> None:
    """Make every analyst view anew, with a comment on it and on each of its columns."""
    old = connection.scalars(sa.text("SELECT viewname FROM pg_views WHERE schemaname = 'analyst'"))
    for name in old.all():
        run(connection, sql.SQL("DROP VIEW IF EXISTS analyst.{} CASCADE").format(sql.Identifier(name)))
    for view in views:
        run(connection, sql.SQL("CREATE VIEW analyst.{} AS ").format(sql.Identifier(view.name)), view.query)
        _comment(connection, "VIEW", ["analyst", view.name], view.description)
        words = view.comments()
        for column in view_columns(connection, view.name):
            if column in words:
                _comment(connection, "COLUMN", ["analyst", view.name, column], words[column])


def comment_tables(connection: sa.Connection, tables: Iterable[Table] = TABLES) -> None:
    """The comments of tables and their columns, as declared: words may change without a migration."""
    for table in tables:
        _comment(connection, "TABLE", [table.schema, table.name], table.description)
        for name, column in table.frame.columns().items():
            _comment(connection, "COLUMN", [table.schema, table.name, name], described(column))


def guard_tables(connection: sa.Connection) -> None:
    """Make the append-only tables refuse every UPDATE, DELETE and TRUNCATE."""
    run(connection, GUARD_FUNCTION)
    for name in APPEND_ONLY:
        table = sql.Identifier(*name.split("."))
        run(connection, sql.SQL("DROP TRIGGER IF EXISTS append_only ON {}").format(table))
        statement = "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {} EXECUTE FUNCTION {}()"
        run(connection, sql.SQL(statement).format(table, sql.Identifier("ops", "refuse_change")))


def view_columns(connection: sa.Connection, name: str) -> list[str]:
    """The columns of an analyst view, in order."""
    query = "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(:view) AND attnum > 0 ORDER BY attnum"
    return list(connection.scalars(sa.text(query), {"view": f"analyst.{name}"}))


def grant(connection: sa.Connection) -> None:
    """What each role may do, on what there is and on what will be made; nothing for PUBLIC."""
    grant_database(driver_of(connection), str(connection.scalar(sa.text("SELECT current_database()"))))
    run(connection, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
    for role in ROLES.values():
        if role is not OWNER:
            for schema in SCHEMAS:
                _grant_schema(connection, role, schema)
        if role.writes:
            name = sql.Identifier(role.name)
            run(connection, sql.SQL("GRANT USAGE ON SCHEMA ops TO {}").format(name))
            run(connection, sql.SQL("GRANT EXECUTE ON FUNCTION ops.ensure_partition TO {}").format(name))


def _grant_schema(connection: sa.Connection, role: Role, schema: str) -> None:
    name, place = sql.Identifier(role.name), sql.Identifier(schema)
    run(connection, sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA {} FROM {}").format(place, name))
    run(connection, sql.SQL("REVOKE ALL ON SCHEMA {} FROM {}").format(place, name))
    rights = role.rights(schema)
    if rights is None:
        return
    run(connection, sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(place, name))
    run(connection, sql.SQL("GRANT {} ON ALL TABLES IN SCHEMA {} TO {}").format(sql.SQL(rights), place, name))
    defaults = sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA {} GRANT {} ON TABLES TO {}")
    run(connection, defaults.format(place, sql.SQL(rights), name))
    if "INSERT" in rights:
        run(connection, sql.SQL("GRANT USAGE ON ALL SEQUENCES IN SCHEMA {} TO {}").format(place, name))


def fingerprint() -> str:
    """A hash over all that makes the schema: it is unchanged as long as nothing has to be done."""
    digest = hashlib.sha256()
    for path in sorted((MIGRATIONS / "versions").glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    for view in VIEWS:
        digest.update(repr((view.name, view.query, view.description, sorted(view.comments().items()))).encode())
    for table in TABLES:
        words = [(name, described(column)) for name, column in table.frame.columns().items()]
        digest.update(repr((table.full_name, table.description, words)).encode())
    rest = (sorted(ROLES.items()), sorted(DESCRIPTIONS.items()), PARTITION_FUNCTION, GUARD_FUNCTION, APPEND_ONLY, CLAIM)
    digest.update(repr(rest).encode())
    return digest.hexdigest()


def state(connection: sa.Connection) -> str:
    """The fingerprint that the last migration left (one query)."""
    query = "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = 'analyst'"
    return str(connection.scalar(sa.text(query))).rpartition("State: ")[2]


def is_up_to_date(connection: sa.Connection) -> bool:
    """Whether the last migration left exactly the state that this code declares."""
    return state(connection) == fingerprint()


def store_fingerprint(connection: sa.Connection) -> None:
    """Leave the mark that :func:`is_up_to_date` looks for, in the comment of the schema ``analyst``."""
    _comment(connection, "SCHEMA", ["analyst"], f"{DESCRIPTIONS['analyst']}. State: {fingerprint()}")


def run(connection: sa.Connection, *parts: str | sql.Composable) -> None:
    """Run one statement as it is written: percent signs and colons in it mean nothing."""
    pieces = [part if isinstance(part, sql.Composable) else sql.SQL(part) for part in parts]
    driver_of(connection).execute(sql.Composed(pieces))


def driver_of(connection: sa.Connection) -> psycopg.Connection:
    """psycopg's connection under SQLAlchemy's, in the same transaction."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


def _comment(connection: sa.Connection, kind: str, names: list[str], words: str) -> None:
    statement = sql.SQL("COMMENT ON " + kind + " {} IS {}")
    run(connection, statement.format(sql.Identifier(*names), sql.Literal(words)))
