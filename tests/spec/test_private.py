"""Differentially private figures: exact but for the noise, and one person changes them by no more than was told to OpenDP."""

from __future__ import annotations

import tempfile
from pathlib import Path

import ibis
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gongshu import environments
from gongshu.tables.errors import TableError
from gongshu.tables.private import Figures, private_figures

GROUPS = ("甲", "乙", "丙")
rows_of = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "d", None]),
        st.sampled_from([*GROUPS, "别的", None]),
        st.one_of(st.none(), st.floats(-200, 200), st.sampled_from([float("nan"), float("inf")])),
    ),
    min_size=1,
    max_size=25,
)
asked_for = st.sampled_from(
    [
        Figures("count", person="人", most=2),
        Figures("count", by="区", groups=GROUPS, person="人", most=3),
        Figures("histogram", "值", edges=(-10, 0, 50), person="人", most=2),
        Figures("histogram", "值", by="区", groups=GROUPS, edges=(0,), person="人"),
        Figures("sum", "值", lowest=-50, highest=100, person="人", most=2),
        Figures("sum", "值", by="区", groups=GROUPS, lowest=0, highest=10, digits=0, person="人", most=4),
        Figures("mean", "值", lowest=0, highest=100, person="人", most=2),
        Figures("mean", "值", by="区", groups=GROUPS, lowest=-5, highest=5, person="人"),
    ]
)


def table(rows):
    columns = zip(*rows, strict=True) if rows else ((), (), ())
    kinds = (pa.string(), pa.string(), pa.float64())
    return ibis.memtable(
        pa.table(
            {
                name: pa.array(list(column), kind)
                for name, column, kind in zip(("人", "区", "值"), columns, kinds, strict=True)
            }
        )
    )


def exact(engine, rows, asked):
    """The figures without noise, and what was told to the noise."""
    told = []

    def none(tables):
        told.extend(tables)
        return [{"values": one["values"], "accuracy": 0.0} for one in tables]

    return private_figures(engine, table(rows), asked, 1.0, none)["rows"], told


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows_of, asked_for)
def test_one_person_changes_no_more_than_was_told(engine, rows, asked):
    _shown, before = exact(engine, rows, asked)
    for person in ("a", "b"):
        _shown, after = exact(engine, [row for row in rows if row[0] != person], asked)
        for one, other in zip(before, after, strict=True):
            changed = sum(abs(x - y) for x, y in zip(one["values"], other["values"], strict=True))
            assert changed <= one["sensitivity"] == other["sensitivity"]
            assert len(one["values"]) == len(other["values"])  # which groups there are tells of nobody
    assert sum(one["epsilon"] for one in before) == 1.0


def test_they_are_the_figures_that_were_asked_for(engine):
    rows = [
        ("a", "甲", 10.0),
        ("b", "甲", 300.0),
        ("c", "乙", None),
        ("d", "乙", 20.5),
        ("e", "别的", 1.0),
        (None, "甲", 7.0),
    ]
    counted, _ = exact(engine, rows, Figures("count", by="区", groups=GROUPS))
    assert [(one["group"], one["value"]) for one in counted] == [("甲", 3), ("乙", 2), ("丙", 0)]
    summed, _ = exact(engine, rows, Figures("sum", "值", lowest=0, highest=100))
    assert summed == [{"group": None, "bin": None, "value": 138.5}]
    means, _ = exact(engine, rows, Figures("mean", "值", by="区", groups=GROUPS, lowest=0, highest=100))
    assert [(one["value"], one["number"]) for one in means] == [(39.0, 3), (20.5, 1), (50.0, 0)]
    bins, _ = exact(engine, rows, Figures("histogram", "值", edges=(10, 50)))
    assert [(one["bin"], one["value"]) for one in bins] == [("<10", 2), ("[10,50)", 2), ("≥50", 1)]
    # of each person one row counts, and rows of nobody count as nobody's
    twice, _ = exact(
        engine, [("a", "甲", 1.0)] * 5 + [("b", "甲", 2.0), (None, "甲", 3.0)], Figures("count", person="人")
    )
    assert twice[0]["value"] == 2
    assert Figures.of(Figures("count", by="区", groups=GROUPS).as_json()) == Figures("count", by="区", groups=GROUPS)


@pytest.mark.parametrize(
    "asked",
    [
        Figures("median", "值"),
        Figures("sum", "值"),
        Figures("sum"),
        Figures("sum", "值", lowest=5, highest=5),
        Figures("sum", "值", lowest=0, highest=1e18),
        Figures("mean", "值", lowest=float("nan"), highest=1),
        Figures("histogram", "值"),
        Figures("histogram", "值", edges=(2, 1)),
        Figures("count", by="区"),
        Figures("count", by="区", groups=("甲", "甲")),
        Figures("count", by="没有", groups=("甲",)),
        Figures("count", person="人", most=0),
    ],
)
def test_what_cannot_be_is_refused(engine, asked):
    with pytest.raises(TableError):
        exact(engine, [("a", "甲", 1.0)], asked)
    with pytest.raises(TableError):
        private_figures(engine, table([("a", "甲", 1.0)]), Figures("count"), 0, lambda tables: [])


@pytest.fixture(scope="session")
def home() -> Path:
    """The environment of OpenDP, made once and kept in the temp folder."""
    folder = Path(tempfile.gettempdir()) / "gongshu-test-environments"
    try:
        environments.make(folder, "dp")
    except TableError as error:
        pytest.skip(f"OpenDP can't be installed here: {error}")
    return folder


def test_opendp_adds_noise_of_the_scale_it_proves(engine, home):
    rows = [(str(n), GROUPS[n % 2], 50.0) for n in range(1000)]

    def noise(tables):
        return environments.ask(home, "dp", {"tables": tables})["tables"]

    asked = Figures("count", by="区", groups=GROUPS)
    found = private_figures(engine, table(rows), asked, 0.5, noise)
    assert found["accuracy"] == pytest.approx(6.4, abs=0.7)  # ln(1 / 0.05) * 1 / 0.5, for whole numbers
    assert all(abs(one["value"] - real) < 100 for one, real in zip(found["rows"], (500, 500, 0), strict=True))
    values = noise([{"values": [0] * 4000, "sensitivity": 3, "epsilon": 1.0}])[0]
    assert values["scale"] == pytest.approx(3, rel=0.01)
    mean_off = sum(map(abs, values["values"])) / 4000
    assert mean_off == pytest.approx(3, rel=0.1) and abs(sum(values["values"])) / 4000 < 0.4


def test_an_environment_that_is_not_there_is_told(tmp_path):
    with pytest.raises(TableError, match="gongshu environment dp"):
        environments.ask(tmp_path, "dp", {"tables": []})
    with pytest.raises(TableError, match="没有环境"):
        environments.make(tmp_path, "nothing")
