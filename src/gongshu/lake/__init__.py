"""Floor 1a: the record of all data as Iceberg tables, and the serving copies made of it. No Django."""
