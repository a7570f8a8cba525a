"""Run by Alembic: migrate over the connection that ``warehouse.migrate`` hands in, inside its transaction."""

from alembic import context

import medsupply.tables.catalogue  # noqa: F401  declares every table in METADATA
from medsupply.tables.base import METADATA
from medsupply.warehouse.database.autogenerate import include_name, include_object

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=METADATA,
    version_table_schema="ops",
    include_schemas=True,
    include_name=include_name,
    include_object=include_object,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
