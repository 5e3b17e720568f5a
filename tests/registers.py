"""A register of firms as a department hands it in: with a title row, wrong check digits, and telephones of anybody's."""

from __future__ import annotations

from gongshu.governance.actions import begin
from gongshu.governance.models import Draft
from gongshu.parties.models import Person
from tests import people
from tests.walk import resource_of, uploaded

USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def credit_code(n: int) -> str:
    """A valid code, made up; every one holds a 0 and a 1."""
    head = f"91310101MA1{n:06d}"
    total = sum(USCC.index(one) * pow(3, place, 31) for place, one in enumerate(head))
    return head + USCC[-total % 31]


def firms(rows: int = 80) -> bytes:
    """A register with look-alike letters in three codes, a script in a name, and telephones that could be anybody's."""
    lines = ["企业登记表（内部）", "统一社会信用代码,企业名称,联系电话,成立日期,备注"]
    for n in range(1, rows + 1):
        code = credit_code(n)
        if n in (5, 6, 7):
            code = code.replace("0", "O", 1)
        name = "<script>alert(1)</script>有限公司" if n == 5 else f"云栈{n}机电有限公司"
        phone = f"138{n:04d}{n:04d}" if n % 2 else f"021-6{n:07d}"
        lines.append(f"{code},{name},{phone},20{n % 20:02d}-03-{n % 27 + 1:02d},无")
    return "\n".join(lines).encode("gb18030")


def drafts(steward: Person, names: dict[str, str]) -> list[Draft]:
    """A draft of the register for each of ``names`` (slug -> name of the resource)."""
    made = []
    for slug, name in names.items():
        resource = resource_of(steward, people.organisation(), slug)
        resource.name = name
        resource.save()
        made.append(begin(steward, uploaded(steward, resource, firms(), "企业登记.csv")))
    return made
