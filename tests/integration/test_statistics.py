"""The statistics of the portal and its score of itself: every figure is that of the datasets, every item leads to its evidence."""

from __future__ import annotations

import html
import re

import pytest

from gongshu.evaluation import evidence, self_assessment, statistics
from gongshu.feedback.models import Reuse
from gongshu.opening.models import Dataset, Version
from gongshu.oversight import access
from gongshu.parties.models import Organisation
from gongshu.rulebooks import every_rulebook
from tests import seeding

pytestmark = pytest.mark.django_db


def items() -> dict[str, self_assessment.Item]:
    _total, dimensions = self_assessment.assessment()
    return {item.entry["key"]: item for dimension in dimensions for item in dimension.items}


def test_facts_are_those_of_the_datasets(client):
    seeding.city()
    current = list(Version.objects.filter(pk__in=[d.current_id for d in Dataset.objects.exclude(current=None)]))
    facts = statistics.facts()
    assert facts.datasets == len(current) and facts.rows == sum(one.rows for one in current)
    columns = [column for one in current for column in one.columns]
    assert facts.columns == len(columns)
    assert facts.typed == sum(1 for column in columns if column.get("semantic_type") or column.get("codes"))
    for parts in (
        facts.by_topic,
        facts.by_open_type,
        facts.by_licence,
        facts.by_frequency,
        facts.by_provider,
        facts.quality,
    ):
        assert sum(parts.values()) == len(current)
    assert sum(facts.fresh) == len(current)
    told = client.get("/statistics.json").json()
    assert told["datasets"] == len(current) and sum(told["by_organisation"].values()) == len(current)
    assert told["months"][-1]["datasets"] == Version.objects.values("dataset").distinct().count()
    page = html.unescape(client.get("/statistics").content.decode())
    assert f"{facts.rows:,}" in page and "chart-data" not in page


def test_uses_are_counted_by_month(client):
    seeding.hospitals(30)
    access.flush()
    access.merge()
    before = statistics.uses()[-1]
    client.get("/datasets/medical-institutions")
    client.get("/api/v1/datasets/medical-institutions/rows")
    access.flush()
    access.merge()
    after = statistics.uses()[-1]
    assert (after[1] - before[1], after[2] - before[2], after[3] - before[3]) == (1, 0, 1)
    assert len(statistics.uses()) == len(statistics.growth()) == 12


def test_an_empty_portal_has_no_scores_to_be_proud_of(client):
    total, dimensions = self_assessment.assessment()
    scores = {item.entry["key"]: item.score for dimension in dimensions for item in dimension.items}
    assert len(scores) == 17 and total is not None
    assert {key for key, score in scores.items() if score is not None} == {"regulation", "scope", "diversity"}
    assert scores["scope"] == 0
    assert client.get("/statistics").status_code == 200


def test_items_are_a_divided_by_b():
    version = seeding.hospitals(30)
    seeding.air(50)
    reuse = Reuse.objects.create(
        kind="paper",
        title="看病远近",
        address="https://example.org",
        maker="某大学",
        state="shown",
        due_at=version.published_at,
    )
    reuse.datasets.add(version.dataset)
    found = items()
    assert (found["results_shown"].a, found["results_shown"].b, found["results_shown"].score) == (1, 2, 50.0)
    assert (found["results"].a, found["results"].b, found["results"].score) == (1, pytest.approx(0.4), 100.0)
    assert found["results_quality"].score == 0.0 and found["diversity"].score == 25.0
    reuse.datasets.add(Dataset.objects.get(name="air-quality"))
    assert items()["results_quality"].score == 100.0
    rules = every_rulebook()
    assert found["regulation"].b == len(rules) and 0 < found["regulation"].a < len(rules)


def test_a_mean_bears_the_weight_of_what_is_not_told():
    assert self_assessment.mean([(100.0, 1), (50.0, 3), (None, 5)]) == 62.5
    assert self_assessment.mean([(None, 1)]) is None


def test_every_item_leads_to_the_things_it_was_counted_from(client):
    seeding.city()
    page = html.unescape(client.get("/statistics/self-assessment").content.decode())
    links = re.findall(r'<td><a href="([^"]+)">看', page)
    assert len(set(links)) == 17
    for link in links:
        item, lines = items()[key := link.rpartition("/")[2]], evidence.lines(key)
        shown = html.unescape(client.get(link).content.decode())
        assert all(line.name in shown for line in lines[: evidence.PAGE]), key
        told = sum(line.a for line in lines), sum(line.b for line in lines)
        assert told == pytest.approx((item.a, item.b) if key != "results" else (item.a, 0)), key
        for url in {line.url for line in lines[:3] if line.url}:
            assert client.get(url).status_code == 200, url
    assert client.get("/statistics/self-assessment/none").status_code == 404
    assert "不是官方评分" in page
    rules = client.get("/rules").content.decode()
    assert all(name in rules for name in every_rulebook())


def test_a_district_opens_what_the_bodies_below_it_open(client):
    seeding.publish("toilets", "SELECT 1 AS a", [seeding.column("a", "int64")], provider="transport")
    district = Organisation.objects.create(code="d1", name="檐湖区", kind="district")
    Organisation.objects.create(code="d2", name="墨斗区", kind="district")
    assert statistics.districts() == (0, 2)
    Organisation.objects.filter(code="transport").update(parent=district)
    assert statistics.districts() == (1, 2)
    assert "檐湖区" in client.get("/statistics/self-assessment/relations").content.decode()


def test_what_is_stopped_is_not_open_at_the_end_of_the_month():
    version = seeding.hospitals(20)
    seeding.air(20)
    assert statistics.growth()[-1][2] == 2
    Dataset.objects.filter(pk=version.dataset_id).update(stopped_at=version.published_at)
    assert statistics.growth()[-1][2] == 1
