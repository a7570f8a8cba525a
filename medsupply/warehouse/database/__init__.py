"""The database: a private or served PostgreSQL, its schemas, roles and migrations, bulk reading and writing."""
