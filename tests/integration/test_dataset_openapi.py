"""A dataset's own description: right by the standard, true of the running server, and silent about what is not public."""

from __future__ import annotations

import json
from collections import Counter

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from openapi_spec_validator import validate
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests import publishing, seeding

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = {GenerationMode.POSITIVE: 20, GenerationMode.NEGATIVE: 8}  # questions of every operation


def described(client, name: str) -> dict:
    answer = client.get(f"/api/v1/datasets/{name}/openapi.json")
    assert answer.status_code == 200 and answer["Access-Control-Allow-Origin"] == "*"
    return answer.json()


@pytest.mark.django_db
def test_it_is_valid_and_names_every_column_with_published_examples(client):
    seeding.city()
    for name in ("medical-institutions", "districts", "air-quality", "company-register", "bus-stops"):
        document = described(client, name)
        validate(document)
        assert document["openapi"] == "3.1.0" and len(document["paths"]) == 5
    document = described(client, "medical-institutions")
    asked = {one["name"]: one for one in document["components"]["parameters"].values()}
    assert asked["核定床位"]["schema"] == {"type": "integer"} and asked["所在区__in"]["schema"]["type"] == "array"
    assert asked["所在区"]["example"] in seeding.DISTRICTS and "核定床位__contains" not in asked
    told = document["components"]["schemas"]["Row"]["properties"]
    assert told["核定床位"]["type"] == ["integer", "null"] and told["所在区"]["examples"]
    shapes = described(client, "districts")["components"]
    assert all(one["name"].endswith("__is_null") for one in shapes["parameters"].values() if one.get("name", "").startswith("边界"))  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_it_keeps_the_secrets_of_a_real_publication(client, data, tmp_path):
    publishing.publish(publishing.write_file(tmp_path / "clinics.csv", 40, "甲"))
    text = json.dumps(described(client, publishing.NAME), ensure_ascii=False)
    assert (
        "名称" in text and publishing.SECRET not in text and publishing.KEYED not in text and "负责人手机" not in text
    )


@pytest.mark.django_db
def test_what_is_gone_or_never_was_is_said(client):
    assert client.get("/api/v1/datasets/none/openapi.json").status_code == 404
    version = seeding.hospitals(20)
    version.dataset.stopped_at = version.published_at
    version.dataset.save()
    assert client.get("/api/v1/datasets/medical-institutions/openapi.json").status_code == 503


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("medical-institutions", GenerationMode.POSITIVE),
        ("districts", GenerationMode.POSITIVE),
        ("odd-names", GenerationMode.POSITIVE),
        ("odd-names", GenerationMode.NEGATIVE),
    ],
)
def test_the_server_does_what_it_says(served, name, mode):
    """Questions of the description, and (negative) ones that break it: answers are of the shapes described, none is a 5xx."""
    schema = schemathesis.openapi.from_url(f"{served}/api/v1/datasets/{name}/openapi.json")
    statuses: Counter[int] = Counter()
    for found in schema.get_all_operations():
        operation = found.ok()

        @seed(20190101)
        @settings(
            max_examples=EXAMPLES[mode], deadline=None, database=None, suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate],
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def question(case):
            statuses[case.call_and_validate(checks=CHECKS).status_code] += 1

        question()
    wanted = 200 if mode is GenerationMode.POSITIVE else 400
    assert statuses[wanted] > 20, statuses
