"""Keeping an installation safe: backups of database, lake, log and settings as one archive, and restoring from one.

A backup is storage-neutral: rows as JSON lines, lake files as they are, so that one of SQLite and local files can be restored
to PostgreSQL and S3, and the other way round. Keys are no part of it.
"""

MARK = "restoring"  # in the data folder, while a restore is not finished
LOCK = "running.lock"  # in the data folder: held by every command, alone by a restore and an upgrade
