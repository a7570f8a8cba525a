"""The warehouse: a private or served PostgreSQL, its schemas and roles, and bulk reading and writing."""
