"""A file about persons, for tests of protection: made up by a generator with a fixed seed."""

from __future__ import annotations

import random
import uuid
from typing import Any

SURNAMES = "赵钱孙李周吴郑王冯陈"


def residents(rows: int = 400) -> bytes:
    """People with a name, a mobile number, sex, day of birth, district and an amount; the last is like nobody else."""
    chance = random.Random(7)
    lines = ["姓名,手机号码,性别,出生日期,所在区,补贴金额"]
    for n in range(rows):
        born = f"{chance.choice((1940, 1941))}-{chance.randrange(1, 13):02d}-{chance.randrange(1, 29):02d}"
        name = SURNAMES[n % 10] + SURNAMES[n * 7 % 10]
        lines.append(f"{name},139{n:08d},{'男女'[n % 2]},{born},鲁班区,{500 + chance.randrange(900)}")
    lines.append("李某,13700000001,男,1919-01-09,墨斗区,1596")
    return ("\n".join(lines) + "\n").encode("gb18030")


def drafted(steward: Any, key: uuid.UUID, slug: str, *, computed: bool) -> Any:
    """A draft with the id ``key``, all columns confirmed; ``computed``: the proposals adopted and previewed, else waiting."""
    from gongshu.governance import checking, protecting
    from gongshu.governance.actions import begin, change
    from gongshu.governance.models import Draft
    from gongshu.jobs.runner import owner_name, run_one
    from tests import people, walk

    resource = walk.resource_of(steward, people.organisation("elderly", "市养老服务中心"), slug)
    made = begin(steward, walk.uploaded(steward, resource, residents(), "补贴.csv"))
    Draft.objects.filter(pk=made.pk).update(id=key)  # known to who looks in a browser

    def confirm(row: Any, contract: Any) -> None:
        row.fields = {name: {"state": "confirmed"} for name in row.fields}
        if computed:
            protecting.adopt(contract, *protecting.proposals(contract, protecting.ranges(row)))

    draft = change(steward, Draft.objects.get(pk=key), made.edition, "confirm", confirm)
    job = checking.ensure(draft)
    if computed:
        run_one(owner_name(), only=job)
    return draft
