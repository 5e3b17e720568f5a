"""The platform operator's page of words that mean the same to who searches."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from gongshu.opening import synonyms
from gongshu.opening.search.words import groups
from gongshu.parties.permissions import check_may, person_of
from gongshu.tables.errors import TableError
from gongshu.web import words
from gongshu.web.access import needs


@require_http_methods(["GET", "HEAD", "POST"])
@needs(synonyms.PERMISSION)
def synonym_page(request: HttpRequest) -> HttpResponse:
    """Every group; a new one, one changed, switched off, or put back as the rulebook has it."""
    person, error, typed = person_of(request), "", ""
    check_may(person, synonyms.PERMISSION)
    if request.method == "POST":
        typed = request.POST.get("words", "")[:1000]
        key, said = request.POST.get("rulebook_key", ""), request.POST.get("group", "")
        group = int(said) if said.isascii() and said.isdigit() and len(said) < 18 else None
        try:
            if request.POST.get("do") == "remove":
                synonyms.remove_synonyms(person, group or 0)
            elif request.POST.get("do") == "off":
                synonyms.save_synonyms(person, [], rulebook_key=key)
            else:
                synonyms.save_synonyms(person, synonyms.split(typed), rulebook_key=key, group=group)
        except TableError as problem:
            error = words.message_of(problem)
        else:
            messages.success(request, _("已保存，检索即刻用上"))
            return redirect("synonyms")
    rows: list[dict[str, Any]] = [
        {"key": key, "words": listed, "row": row, "off": bool(key) and not listed} for key, listed, row in groups()
    ]
    context = {
        "own": [row for row in rows if not row["key"]],
        "others": [row for row in rows if row["key"]],
        "error": error,
        "typed": typed,
    }
    return render(request, "opening/synonyms.html", context, status=400 if error else 200)
