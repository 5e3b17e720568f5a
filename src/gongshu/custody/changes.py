"""Changes of what is in custody: whole or not at all, and said plainly when the disk is full."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import DatabaseError, transaction

from gongshu.tables.errors import storage_error


@contextmanager
def change() -> Iterator[None]:
    """A transaction; what fails for want of room on the disk is a TableError (``disk_full``, ``disk_limit``), and nothing changed."""
    try:
        with transaction.atomic():
            yield
    except (DatabaseError, OSError) as error:
        if told := storage_error(error, settings.DATA):
            raise told from error
        raise
