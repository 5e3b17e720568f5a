"""The graph as a page that one walks through, and as JSON."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from ninja import Field, Query, Router, Schema
from ninja.errors import HttpError

from gongshu.opening import list_pages
from gongshu.opening.api import ErrorAnswer
from gongshu.surfaces import graph
from gongshu.web.access import public

PAGE, MOST = 60, 200
router = Router(tags=["graph"])


class GraphNode(Schema):
    """A thing of the graph."""

    id: str = Field(description="kind:key; what `node` takes")
    kind: str = Field(
        description="catalogue, dataset, field, element, organisation, system, topic, use, portal or external"
    )
    name: str
    url: str = Field(description="its page; empty when it has none")


class GraphEdge(Schema):
    """What the node has to do with another."""

    kind: str
    node: GraphNode
    columns: list[str] = Field(
        description="joinable: our column and the other's; same_element: the columns of that meaning"
    )
    share: float | None = Field(None, description="joinable: how much of our distinct values the other has, 0..1")
    margin: float | None = Field(
        None, description="half the width of the 95 % interval of `share`; 0 when it was counted"
    )


class GraphAnswer(Schema):
    """A node and a page of its edges; ``count`` is the number of all."""

    node: GraphNode
    count: int
    edges: list[GraphEdge]


class GraphQuestion(Schema):
    """Which node."""

    node: str = Field("", max_length=400, description="kind:key, e.g. dataset:NAME, field:NAME/COLUMN, element:TYPE, organisation:CODE, system:NUMBER, topic:KEY; empty: the whole catalogue")  # fmt: skip
    limit: int = Field(50, ge=1, le=MOST)
    offset: int = Field(0, ge=0)


@router.get(
    "/graph",
    response={200: GraphAnswer, 400: ErrorAnswer, 404: ErrorAnswer, 503: ErrorAnswer},
    summary="The graph around a node",
    url_name="api_graph",
)
def graph_json(request: HttpRequest, question: Query[GraphQuestion]) -> dict[str, Any]:
    """A thing and what it has to do with others: who provides it, its columns, what they mean, what it can be joined with and is
    like, what was made with it."""
    try:
        found = graph.around(question.node, question.offset, question.limit)
    except Http404:
        raise HttpError(404, _("图谱里没有这一项")) from None
    return {"node": found.node, "count": found.total, "edges": found.edges}


@require_safe
@list_pages.needs_index
@public
def graph_page(request: HttpRequest) -> HttpResponse:
    """The graph around a node: a drawing to walk through, and the same as a table."""
    return _page(request, request.GET.get("node", "")[:400])


@require_safe
@list_pages.needs_index
@public
def dataset_graph(request: HttpRequest, name: str) -> HttpResponse:
    """The graph around a dataset."""
    return _page(request, f"dataset:{name}")


def _page(request: HttpRequest, node: str) -> HttpResponse:
    number = list_pages.page_number(request)
    found = graph.around(node, PAGE * (number - 1), PAGE)
    kinds, edges = graph.kind_names(), graph.edge_names()
    rows = [{"edge": one, "kind": edges[one.kind], "node_kind": kinds[one.node.kind]} for one in found.edges]
    order = list(kinds)
    context = {
        "node": found.node,
        "kind": kinds[found.node.kind],
        "rows": rows,
        "total": found.total,
        "page": Paginator(range(found.total), PAGE).get_page(number),
        "root": graph.ROOT,
        "drawing": {
            "kinds": list(kinds.values()),
            "description": _("“%(name)s”与它相连的 %(n)s 项") % {"name": found.node.name, "n": len(rows)},
            "nodes": [
                {"id": one.id, "name": one.name, "kind": order.index(one.kind), "url": one.graph_url}
                for one in {one.id: one for one in [found.node, *(edge.node for edge in found.edges)]}.values()
            ],
            "links": [
                {"source": _near_end(found, one), "target": one.node.id, "name": edges[one.kind]} for one in found.edges
            ],
        },
    }
    return render(request, "surfaces/graph.html", context)


def _near_end(found: graph.Around, edge: graph.Edge) -> str:
    """Where an edge is drawn from: what is joined by a column, from that column when it is drawn too."""
    if edge.kind == "joinable" and found.node.kind == "dataset":
        column = f"field:{found.node.id.partition(':')[2]}/{edge.columns[0]}"
        if any(one.node.id == column for one in found.edges):
            return column
    return found.node.id
