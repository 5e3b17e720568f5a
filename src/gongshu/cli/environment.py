"""Django for commands that need it: started late, so that `gongshu inspect` never pays for it."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gongshu.parties.permissions import Shell


def start_django(data: Path | None = None, *, demo: bool = False) -> None:
    """Set the environment and start Django; settings are read here and not before."""
    if data is not None:
        os.environ["GONGSHU_DATA"] = str(data)
    if demo:
        os.environ["GONGSHU_DEMO"] = "1"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gongshu.site.settings")
    import django

    django.setup()


def operator() -> Shell:
    """Who acts from the shell: the account of this machine."""
    from gongshu.parties.permissions import Shell

    return Shell(f"shell:{getpass.getuser()}")
