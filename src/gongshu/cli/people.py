"""`gongshu invite` and `gongshu remove-factors`: how the first operator comes in, and how the last one gets in again."""

from __future__ import annotations

from typing import Annotated

import typer

from gongshu.cli.environment import operator, start_django
from gongshu.cli.output import console, fail, fail_with
from gongshu.i18n import gettext
from gongshu.tables.errors import TableError


def invite(
    email: Annotated[str, typer.Argument(help="对方的邮箱", show_default=False)],
    name: Annotated[str, typer.Option(help="对方的姓名")],
    organisation: Annotated[str, typer.Option(help="机构的全称；没有登记过的登记为大数据中心")],
    role: Annotated[str, typer.Option(help="角色，见 /account/permissions")] = "operator",
) -> None:
    """邀请一个人，打印邀请地址；新装的平台用它请进第一位平台运营。"""
    start_django()
    from django.conf import settings
    from django.core.management import call_command
    from django.urls import reverse

    from gongshu.parties import actions
    from gongshu.parties.models import Organisation, Role

    if role not in Role.values:
        known = ", ".join(Role.values)
        fail(f"没有角色「{role}」，有：{known}", f"no role {role!r}; there are: {known}", 2)
    settings.DATA.mkdir(parents=True, exist_ok=True)
    call_command("migrate", verbosity=0, interactive=False)
    try:
        where = actions.ensure_organisation(operator().actor_id, organisation, kind=Organisation.Kind.PLATFORM)
        made, secret = actions.invite(operator(), where, Role(role), email, name)
    except TableError as error:
        fail_with(error)
    console.print(
        gettext(
            "请 {name} 打开这个地址设置账号与密码，{until} 前有效，只显示这一次：",
            name=name,
            until=f"{made.expires_at.astimezone():%Y-%m-%d}",
        ),
        soft_wrap=True,
    )
    console.print(settings.SITE_URL + reverse("invitation", args=[secret]), soft_wrap=True)


def remove_factors(username: Annotated[str, typer.Argument(help="账号", show_default=False)]) -> None:
    """移除一个人的验证器、通行密钥与恢复码，并结束其登录；用于本人丢了它们而没有别的平台运营时。"""
    start_django()
    from gongshu.parties import actions
    from gongshu.parties.models import Person

    person = Person.objects.filter(username=username).first()
    if person is None:
        fail(f"没有账号「{username}」", f"no account {username!r}", 1)
    number = actions.remove_factors(operator(), person)
    console.print(gettext("已移除 {n} 个验证方式；{name} 凭密码登录后重新启用", n=number, name=str(person)))
