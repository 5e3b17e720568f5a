"""Two people at once: one decides and the other is told so, nothing is counted twice, no number is given twice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from gongshu.custody import figures, keys
from gongshu.feedback import cases
from gongshu.feedback.models import Case, Step, Support
from gongshu.opening import offers
from gongshu.opening.models import Dataset
from gongshu.oversight.models import Event
from gongshu.parties.models import Organisation, Role
from gongshu.tables.errors import TableError
from tests import asking, people
from tests.integration.test_custody import register
from tests.integration.test_given import made

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor == "sqlite",
        reason="the tests' SQLite is in memory, where a second writer is refused, not kept waiting",
    ),
]


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """What the works return, or the TableError that they raise, begun at the same moment on connections of their own."""
    start = Barrier(len(works))

    def one(work: Callable[[], Any]) -> Any:
        try:
            start.wait(20)
            return work()
        except TableError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(one, works))


def test_of_two_answers_to_a_case_one_holds():
    one, other = (people.person(name, "operator") for name in ("one", "other"))
    case = asking.demand()
    found = at_once(lambda: cases.answer(one, case, "甲答"), lambda: cases.answer(other, case, "乙答"))
    assert sorted(isinstance(each, TableError) for each in found) == [False, True]
    case.refresh_from_db()
    held = next(each for each in found if not isinstance(each, TableError))
    assert (case.answer, case.answered_by) == (held.answer, held.answered_by)
    assert Step.objects.filter(case=case, act=Step.Act.ANSWERED).count() == 1
    assert Event.objects.filter(action="case.answer").count() == 1


def test_of_two_decisions_on_an_offer_one_holds():
    one, other = (people.person(name, Role.OPERATOR) for name in ("one", "other"))
    row = made()
    found = at_once(
        lambda: offers.decide(one, row, True, "来源清楚"), lambda: offers.decide(other, row, False, "来源不清楚")
    )
    assert sorted(isinstance(each, TableError) for each in found) == [False, True]
    row.refresh_from_db()
    accepted = row.state == "accepted"
    assert Event.objects.filter(action__in=("offer.accepted", "offer.refused")).count() == 1
    assert Organisation.objects.filter(kind=Organisation.Kind.SOCIETY).count() == accepted


def test_support_is_counted_once_a_visitor_and_numbers_are_given_once():
    case = asking.demand()
    cases.show(people.person("operator", "operator"), case, True)
    case.refresh_from_db()
    at_once(*(partial(cases.support, case, who) for who in ("a" * 64, "a" * 64, "b" * 64)))
    case.refresh_from_db()
    assert case.supporters == Support.objects.filter(case=case).count() == 2
    at_once(*(partial(asking.demand, f"第 {n} 个需求", text=f"说明 {n}") for n in range(4)))
    numbers = list(Case.objects.values_list("number", flat=True))
    assert len(numbers) == 5 == len(set(numbers))


def test_two_who_ask_for_figures_at_once_do_not_both_spend_the_rest(data):
    register("owners", "编号", "法人证件号")
    dataset = Dataset.objects.get(name="owners")
    one, other = (people.person(name, Role.STEWARD, dataset.provider) for name in ("one", "other"))
    guard = people.person("guard", Role.SECURITY)
    ask = partial(figures.ask_figures, asked={"kind": "count"}, epsilon=0.6, purpose="年度报告")
    found = at_once(partial(ask, one, dataset), partial(ask, other, dataset))
    assert [each.code for each in found if isinstance(each, TableError)] == ["budget_used_up"]
    assert figures.budget_of(dataset) == (1.0, 0.6)
    lower = partial(figures.set_budget, guard, dataset, 0.7, "收紧公布的统计")
    found = at_once(lower, partial(ask, one, dataset, epsilon=0.4))
    assert sum(isinstance(each, TableError) for each in found) == 1  # whichever came first
    whole, spent = figures.budget_of(dataset)
    assert spent <= whole


def test_two_who_rotate_a_key_at_once_make_a_version_each(data):
    one, other = (people.person(name, Role.SECURITY) for name in ("one", "other"))
    found = at_once(partial(keys.rotate, one, "每年更换"), partial(keys.rotate, other, "每年更换"))
    assert sorted(found) == [2, 3]
    assert Event.objects.filter(action="key.rotate").count() == 2
