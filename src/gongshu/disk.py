"""What has to reach the disk before something else may happen."""

from __future__ import annotations

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make the names of new, renamed and removed files of ``folder`` survive a power cut (POSIX: a file's own fsync does not)."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
