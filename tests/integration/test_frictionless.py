"""Frictionless reads our data packages, and us as a CKAN. It brings GPL code, so it runs in an environment of its own."""

from __future__ import annotations

import json
import subprocess

import pytest
from benchmarks.environments import environment

NAME = "medical-institutions"
READ = """
import json, sys
from frictionless import Package, portals, validate
site, name = sys.argv[1:]
package = Package(f"{site}/datasets/{name}/datapackage.json")
package.resources = [one for one in package.resources if one.format == "csv"]
report = package.validate()
rows = package.resources[0].read_rows()
control = portals.CkanControl(baseurl=site, dataset=name)
ckan = Package(control=control)
print(json.dumps({
    "valid": report.valid,
    "errors": report.flatten(["fieldName", "type", "note"])[:5],
    "rows": len(rows),
    "beds": sorted({type(row["核定床位"]).__name__ for row in rows}),
    "ckan": [one.path for one in ckan.resources],
    "titles": ckan.title,
}))
"""


@pytest.fixture(scope="module")
def python():
    """The Python of that environment."""
    try:
        return environment("frictionless") / "bin" / "python"
    except subprocess.CalledProcessError as error:
        pytest.skip(f"FRICTIONLESS WAS NOT RUN: its environment can't be made here ({error})")


def test_frictionless_finds_our_packages_valid_and_reads_us_as_a_ckan(served, python):
    command = [str(python), "-W", "ignore", "-c", READ, served, NAME]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    assert found["valid"], found["errors"]
    assert found["rows"] == 900 and found["beds"] == ["NoneType", "int"]
    assert any(path.endswith("download.csv") for path in found["ckan"]) and found["titles"]
