"""A register of sixty owners, published, of which private figures are asked; for scripts that kill and that fill the disk."""

from __future__ import annotations

from typing import Any


def register() -> tuple[Any, Any]:
    """Django set up and the tables made in GONGSHU_DATA, the owners published: their steward and their dataset."""
    import django

    django.setup()
    from django.core.management import call_command

    from tests import people

    call_command("migrate", verbosity=0)
    from gongshu.jobs.worker import load_kinds
    from gongshu.opening.models import Dataset
    from tests.integration import test_custody

    load_kinds()
    test_custody.register("owners", "编号", "法人证件号", ids=[f"31010419900307{n:04d}" for n in range(60)])
    dataset = Dataset.objects.get(name="owners")
    return people.person("steward", "steward", dataset.provider), dataset


def events(action: str) -> int:
    """How many events of the log say so."""
    from gongshu.oversight.models import Event

    return Event.objects.filter(action=action).count()
