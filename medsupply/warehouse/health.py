"""Is the warehouse well? One row per check, with what to do where it is not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

import polars as pl

from medsupply.errors import WarehouseError
from medsupply.warehouse.database import migrate, schema
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.places import find_places
from medsupply.warehouse.database.roles import role_of
from medsupply.warehouse.database.secrets import secret_path
from medsupply.warehouse.database.urls import analyst_url
from medsupply.warehouse.loading import proof
from medsupply.warehouse.storage.compaction import missing_files

FREE_GB = 2.0
OLDEST_MAJOR = 15
SCHEMA = {"check": pl.String, "ok": pl.Boolean, "value": pl.String, "what_to_do": pl.String}


@dataclass(frozen=True)
class Finding:
    """One check: ``ok`` is None where there is nothing to judge; ``what_to_do`` is empty where all is well."""

    check: str
    ok: bool | None
    value: str
    what_to_do: str = ""


def check(warehouse: Warehouse) -> pl.DataFrame:
    """``check``, ``ok``, ``value``, ``what_to_do``: one row per check, in a fixed order. Any role may ask."""
    findings = [finding for look in CHECKS if (finding := look(warehouse))]
    return pl.DataFrame([vars(finding) for finding in findings], schema=SCHEMA, orient="row")


def analyst_command(warehouse: Warehouse) -> str:
    """A psql command for analysts that can be pasted; it names the password's file, not the password."""
    password = secret_path(warehouse.settings.home, role_of("analyst").name)
    address = analyst_url(warehouse.settings, password=False)
    return f'PGPASSWORD="$(cat {quote(str(password))})" {_psql(warehouse)} {quote(address)}'


def _psql(warehouse: Warehouse) -> str:
    """psql where it is on the path, else the one beside the private server's programs."""
    if shutil.which("psql") or warehouse.settings.database_url:
        return "psql"
    return quote(str(find_places(warehouse.settings.home).programs / "psql"))


def _server(warehouse: Warehouse) -> Finding:
    version = str(warehouse.read("SHOW server_version").item())
    ok = int(version.split(".")[0]) >= OLDEST_MAJOR
    kind = "served" if warehouse.settings.database_url else "private"
    advice = "" if ok else f"Use PostgreSQL {OLDEST_MAJOR} or newer"
    return Finding("server", ok, f"PostgreSQL {version.split(' ')[0]}, {kind}", advice)


def _size(warehouse: Warehouse) -> Finding:
    size = warehouse.read("SELECT pg_database_size(current_database()) AS bytes").item()
    return Finding("size", None, f"{size / 1e9:.2f} GB")


def _schema(warehouse: Warehouse) -> Finding:
    with warehouse.engine.connect() as connection:
        ok = schema.is_up_to_date(connection)
    value = f"revision {migrate.head()}" if ok else "older or newer than this program"
    return Finding("schema", ok, value, "" if ok else "Run medsupply migrate")


def _equations(warehouse: Warehouse) -> Finding | None:
    """Counts, and what lies in archive and record; only for roles that may read deliveries with their files."""
    if not _may_read(warehouse, "ops.deliveries"):
        return None
    try:
        found = proof.broken(warehouse)
    except WarehouseError as error:
        return Finding("equations", False, error.reason, error.instruction)
    if found.height:
        return Finding("equations", False, proof.sentence(found), "Restore the archive from its backup, or tell us")
    number = warehouse.read("SELECT count(*) AS n FROM ops.deliveries").item()
    return Finding("equations", True, f"{number} deliveries add up; files of the last {proof.DAYS} days are there")


def _calendar(warehouse: Warehouse) -> Finding | None:
    if not _may_read(warehouse, "analyst.expected_deliveries"):
        return None
    query = (
        "SELECT count(*) AS n, count(*) FILTER (WHERE NOT equation_holds) AS broken FROM analyst.expected_deliveries"
    )
    days, broken = warehouse.read(query).row(0)
    advice = "select * from analyst.expected_deliveries where not equation_holds; tell the developers" if broken else ""
    return Finding("calendar", broken == 0, f"{days} days of deliveries expected, {broken} do not add up", advice)


def _record(warehouse: Warehouse) -> Finding | None:
    if not _may_read(warehouse, "ops.compacted_days"):
        return None
    gone = missing_files(warehouse)
    advice = "Restore the archive from its backup, or run medsupply rebuild" if gone else ""
    return Finding("record", not gone, f"{len(gone)} files are missing", advice)


def _disk(warehouse: Warehouse) -> Finding:
    home = warehouse.settings.home
    free = shutil.disk_usage(_existing(home)).free / 1e9
    ok = free >= FREE_GB
    return Finding("disk", ok, f"{free:.1f} GB free at {home}", "" if ok else "Free space or move MEDSUPPLY_HOME")


def _address(warehouse: Warehouse) -> Finding | None:
    if not secret_path(warehouse.settings.home, "medsupply_analyst").is_file():
        return None
    return Finding("analysts", None, analyst_command(warehouse))


CHECKS: tuple[Callable[[Warehouse], Finding | None], ...] = (
    _server, _schema, _size, _equations, _calendar, _record, _disk, _address,
)  # fmt: skip


def _may_read(warehouse: Warehouse, relation: str) -> bool:
    query = "SELECT has_schema_privilege(:schema, 'USAGE') AND has_table_privilege(to_regclass(:name), 'SELECT') AS may"
    schema = relation.partition(".")[0]
    return bool(warehouse.read(query, name=relation, schema=schema).item())


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())
