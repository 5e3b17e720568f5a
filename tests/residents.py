"""A file about persons, for tests of protection: made up by a generator with a fixed seed."""

from __future__ import annotations

import random

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
