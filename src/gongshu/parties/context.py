"""What the pages of the workbench know: which of them the person who is signed in may open."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from gongshu.parties.models import Person
from gongshu.parties.permissions import may

# url name of the entry -> its label, the permission without which it isn't shown, url names of the pages under it
ENTRIES = (
    ("workbench", gettext_noop("待办"), "workbench.see", {"workbench", "inbox", "job"}),
    (
        "resources",
        gettext_noop("数据资源"),
        "resource.see",
        {
            "resources",
            "resource",
            "resource_new",
            "resource_edit",
            "systems",
            "upload_new",
            "upload_file",
            "upload",
            "upload_inspect",
            "draft",
            "override_field",
            "protect",
            "describe",
        },
    ),
    ("submissions", gettext_noop("送审"), "submission.see", {"submissions", "submission"}),
    ("promises", gettext_noop("更新承诺"), "submission.see", {"promises"}),
    ("cases", gettext_noop("办件"), "case.see", {"cases", "case"}),
    ("complaints", gettext_noop("投诉举报"), "complaint.handle", {"complaints", "complaint"}),
    ("problems", gettext_noop("问题报告"), "problem.see", {"problems", "problem"}),
    ("reuse_checks", gettext_noop("应用成果"), "reuse.check", {"reuse_checks"}),
    ("news_new", gettext_noop("写动态"), "news.write", {"news_new", "news_edit"}),
    (
        "organisation_people",
        gettext_noop("机构与人员"),
        "people.see",
        {"organisation_people", "people", "leave", "organisation_new", "organisation_edit"},
    ),
    ("offers", gettext_noop("社会提供"), "offer.see", {"offers", "offer"}),
    ("sources", gettext_noop("汇入"), "source.see", {"sources", "source", "source_new", "source_edit", "harvest_run"}),
    ("stops", gettext_noop("紧急停止"), "dataset.stop", {"stops"}),
    ("synonyms", gettext_noop("近义词"), "synonyms.edit", {"synonyms"}),
    ("figures_list", gettext_noop("差分隐私统计"), "figures.see", {"figures_list", "figures"}),
    ("keys", gettext_noop("密钥"), "key.see", {"keys"}),
    ("reverse_tokens", gettext_noop("还原代号"), "token.reverse", {"reverse_tokens"}),
)


def workbench(request: HttpRequest) -> dict[str, Any]:
    """``worknav``: the entries of the workbench; made when a template asks for them."""
    return {"worknav": SimpleLazyObject(lambda: _entries(request))}


def _entries(request: HttpRequest) -> list[dict[str, Any]]:
    person = request.user
    if not isinstance(person, Person):
        return []
    here = request.resolver_match.url_name if request.resolver_match else None
    return [
        {"url": reverse(name), "label": _(label), "current": here in names}
        for name, label, permission, names in ENTRIES
        if may(person, permission)
    ]
