"""Server time of every page with 1,000 datasets and as many resources.

usage: python -m benchmarks.pages [DATASETS] [ROUNDS]
Prints the median, the slowest of the rounds and the queries of each page, opened by somebody who may, the slowest page last.
Goal: 150 ms at most.
"""

from __future__ import annotations

import logging
import os
import statistics
import sys
import tempfile
import time
import uuid
from typing import Any

GOAL_MS = 150
FORMS = {"csv", "json"}  # data itself is measured by benchmarks.portal


def main(number: int = 1000, rounds: int = 7) -> int:
    """Seed, open every page, print; 1 when a page is slower than the goal at its median."""
    with tempfile.TemporaryDirectory(prefix="gongshu-pages-") as folder:
        os.environ |= {"GONGSHU_DATA": folder, "DJANGO_SETTINGS_MODULE": "gongshu.site.settings"}
        import django

        django.setup()
        from django.core.management import call_command
        from django.test.utils import setup_test_environment

        setup_test_environment()
        logging.disable(logging.ERROR)  # refusals on the way to somebody who may
        call_command("migrate", verbosity=0)
        call_command("collectstatic", verbosity=0, interactive=False)
        people, places = seed(number)
        found = sorted(measure(people, places, rounds), key=lambda row: row[1])
    print(f"{'page':<28}{'who':<10}{'median ms':>10}{'worst ms':>10}{'queries':>9}")
    for name, median, worst, queries, who in found:
        print(f"{name:<28}{who:<10}{median:>10.1f}{worst:>10.1f}{queries:>9}")
    slow = [row[0] for row in found if row[1] > GOAL_MS]
    print(f"{len(found)} pages, {number} datasets; slower than {GOAL_MS} ms: {', '.join(slow) or 'none'}")
    return 1 if slow else 0


def seed(number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """People of every role, one dataset that went the whole way, and ``number`` more that stand on its files."""
    from tests import people, seeding
    from tests.integration.test_permissions import places

    from gongshu.catalogue.models import Resource
    from gongshu.opening import search
    from gongshu.opening.models import Dataset, Version
    from gongshu.parties.models import Organisation, Role

    city = {"mine": people.organisation(), "other": people.organisation("civil", "市民政局")}
    city["people"] = {role.value: people.person(role.value, role, city["mine"]) for role in Role}
    known = places(city)
    seeding.city()
    where = [Organisation.objects.create(code=f"body-{n}", name=f"机构 {n}") for n in range(30)] + [city["mine"]]
    patterns = list(Dataset.objects.filter(current__isnull=False).select_related("current"))
    resource = Resource.objects.order_by("pk")[0]
    for n in range(number):
        one = patterns[n % len(patterns)]
        provider = where[n % len(where)]
        version = one.current
        assert version is not None
        dataset = Dataset.objects.get(pk=one.pk)
        dataset.pk, dataset.name, dataset.title, dataset.provider = None, f"copy-{n}", f"{one.title} {n}", provider
        dataset.current, dataset.resource = None, None
        dataset.save()
        version = Version.objects.get(pk=version.pk)
        version.pk, version.dataset, version.job = None, dataset, uuid.uuid4()
        version.save()
        Dataset.objects.filter(pk=dataset.pk).update(current=version)
        described = Resource.objects.get(pk=resource.pk)
        described.pk, described.code, described.name = None, f"202000/{90000 + n}", f"资源 {n}"
        described.slug, described.organisation = f"resource-{n}", city["mine"]
        described.save()
    search.rebuild()
    return city["people"], known


def measure(people: dict[str, Any], places: dict[str, Any], rounds: int) -> list[tuple[str, float, float, int, str]]:
    """(page, median ms, worst ms, queries, role) of every page that answers GET, the first of the roles that may open it."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.urls import reverse
    from tests.integration.test_permissions import PAGES

    order = ["steward", "approver", "operator", "security", "auditor", "regulator"]
    clients = {}
    for who in order:
        clients[who] = Client(raise_request_exception=False)
        clients[who].force_login(people[who])
    measured = []
    for name in PAGES:
        place = places[name].mine if name in places else {}
        if place.get("format_key") in FORMS or name == "selection":
            continue
        address = reverse(name, kwargs=place)
        for who in order:
            if clients[who].get(address).status_code in (200, 302):
                break
        else:
            continue
        times = []
        for _round in range(rounds):
            began = time.perf_counter()
            answer = clients[who].get(address)
            times.append(1000 * (time.perf_counter() - began))
            answer.close()
        with CaptureQueriesContext(
            connection,
        ) as asked:
            clients[who].get(address).close()
        measured.append((name, statistics.median(times), max(times), len(asked), who))
    return measured


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
