"""The graph of what is public (数据图谱): datasets, columns, what they mean, who provides them, topics, uses, other portals.

A node is named ``kind:key`` (``dataset:bus-stops``, ``field:bus-stops/所在区``, ``element:credit_code``); its edges are computed when
they are asked for, a page at a time, from the index, the current versions and the joins found at publication. Nothing stands in
it that has no public page or description; a department's system does when its name was made public.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext as _

from gongshu.catalogue.models import System
from gongshu.feedback import queries as feedback
from gongshu.governance.columns import semantic_title
from gongshu.opening import figures, joins, queries, search, terms
from gongshu.opening.models import Dataset, ExternalDataset, Version
from gongshu.opening.search.documents import OWN
from gongshu.opening.search.similar import similar
from gongshu.parties.models import Organisation
from gongshu.web import words

SIMILAR, JOINS, COLUMNS = 8, 40, 2000
ROOT = "catalogue:"


@dataclass(frozen=True)
class Node:
    """A thing of the graph; ``url`` is its page, empty when it has none but the graph's."""

    id: str
    kind: str
    name: str
    url: str = ""

    @property
    def graph_url(self) -> str:
        """Where its own edges are shown."""
        return f"{reverse('graph')}?{urlencode({'node': self.id})}"


@dataclass(frozen=True)
class Edge:
    """What a node has to do with another. ``columns``: by which two datasets are joined, ours first; ``share`` of our values that
    the other has (0..1) and its ``margin`` (0: exact)."""

    kind: str
    node: Node
    columns: list[str] = field(default_factory=list)
    share: float | None = None
    margin: float | None = None


@dataclass(frozen=True)
class Around:
    """A node with a page of its edges and how many it has."""

    node: Node
    edges: list[Edge]
    total: int


Datasets = Callable[[int, int], tuple[list[Edge], int]]  # offset, limit -> edges, how many there are


def around(said: str, offset: int = 0, limit: int = 50) -> Around:
    """The node named ``said`` (empty: the whole catalogue) with edges ``offset`` to ``offset + limit``. Http404 for what there is
    not, or may not be seen; IndexMissing while there is no index."""
    kind, _colon, key = (said or ROOT).partition(":")
    if kind not in _KINDS or "\0" in key:
        raise Http404
    node, first, rest = _KINDS[kind](key)
    chosen = first[offset : offset + limit]
    edges, number = rest(max(0, offset - len(first)), limit - len(chosen))
    return Around(node, chosen + edges, len(first) + number)


def kind_names() -> dict[str, str]:
    """What the kinds of nodes are called."""
    return {
        "catalogue": _("目录"),
        "dataset": _("数据集"),
        "field": _("列"),
        "element": _("数据含义"),
        "organisation": _("机构"),
        "system": _("来源系统"),
        "topic": _("专题"),
        "use": _("应用成果"),
        "portal": _("来源门户"),
        "external": _("外部数据集"),
    }


def edge_names() -> dict[str, str]:
    """What the kinds of edges are called, read from the node to its neighbour."""
    return {
        "provided_by": _("由它提供"),
        "provides": _("提供"),
        "in_topic": _("属于专题"),
        "holds": _("包含"),
        "has_field": _("有这一列"),
        "field_of": _("是它的列"),
        "means": _("意思是"),
        "same_element": _("意思相同的列"),
        "joinable": _("可以关联"),
        "similar": _("相近"),
        "used_in": _("用在"),
        "uses": _("用了"),
        "above": _("上级机构"),
        "below": _("下级机构"),
        "comes_from": _("来自"),
        "source_of": _("是它的来源"),
        "run_by": _("由它运行"),
        "runs": _("运行系统"),
    }


def _dataset(key: str) -> tuple[Node, list[Edge], Datasets]:
    dataset, version = _found(key)
    edges = [
        Edge("provided_by", _organisation_node(dataset.provider)),
        Edge("in_topic", _topic_node(dataset.topic)),
        *(Edge("comes_from", _system_node(one)) for one in System.objects.filter(resources__dataset=dataset, named=True)),
        *_joins(version),
        *(Edge("similar", dataset_node(one)) for one in similar(dataset, SIMILAR)),
        *(Edge("used_in", Node(f"use:{one.pk}", "use", one.title, one.address)) for one in feedback.shown_reuses().filter(datasets=dataset)),
        *(Edge("has_field", _field_node(dataset, column["name"], alone=True)) for column in version.columns[:COLUMNS]),
    ]  # fmt: skip
    return dataset_node(dataset), edges, _none


def _field(key: str) -> tuple[Node, list[Edge], Datasets]:
    name, _slash, column_name = key.partition("/")
    dataset, version = _found(name)
    column = next((one for one in version.columns if one["name"] == column_name), None)
    if column is None:
        raise Http404
    edges = [Edge("field_of", dataset_node(dataset))]
    if column.get("semantic_type"):
        edges.append(Edge("means", _element_node(column["semantic_type"])))
    found = joins.joinable(version).filter(left__column=column_name)[:JOINS]
    edges += [
        Edge("joinable", _field_node(one.right.version.dataset, one.right.column), [one.left.column, one.right.column], one.share, joins.margin(one.share, one.sample))
        for one in found
    ]  # fmt: skip
    return _field_node(dataset, column_name), edges, _none


def _element(key: str) -> tuple[Node, list[Edge], Datasets]:
    if not semantic_title(key) or figures.numbers("element").get(key, 0) == 0:
        raise Http404

    def edge(one: Dataset) -> Edge:
        assert one.current is not None
        names = [column["name"] for column in one.current.columns if column.get("semantic_type") == key]
        return Edge("same_element", _field_node(one, names[0]) if names else dataset_node(one), names)

    return _element_node(key), [], _datasets(edge, element=key)


def _organisation(key: str) -> tuple[Node, list[Edge], Datasets]:
    body = Organisation.objects.filter(code=key).select_related("parent").first()
    numbers = figures.numbers("provider")
    below = list(Organisation.objects.filter(parent=body, code__in=numbers)) if body else []
    if body is None or not (key in numbers or below):
        raise Http404
    edges = [Edge("above", _organisation_node(body.parent))] if body.parent else []
    edges += [Edge("below", _organisation_node(one)) for one in below]
    edges += [Edge("runs", _system_node(one)) for one in queries.source_systems().filter(organisation=body)]
    return _organisation_node(body), edges, _datasets(lambda one: Edge("provides", dataset_node(one)), provider=key)


def _system(key: str) -> tuple[Node, list[Edge], Datasets]:
    row = (
        queries.source_systems().filter(pk=int(key)).select_related("organisation").first()
        if key.isascii() and key.isdigit() and len(key) < 18
        else None
    )
    if row is None:
        raise Http404
    edges = [Edge("run_by", _organisation_node(row.organisation))]
    edges += [Edge("source_of", dataset_node(one)) for one in queries.visible().filter(resource__system=row)]
    return _system_node(row), edges, _none


def _topic(key: str) -> tuple[Node, list[Edge], Datasets]:
    if key not in terms.topics() and not figures.numbers("topic").get(key):
        raise Http404
    return _topic_node(key), [], _datasets(lambda one: Edge("holds", dataset_node(one)), topic=key)


def _use(key: str) -> tuple[Node, list[Edge], Datasets]:
    row = (
        feedback.shown_reuses().filter(pk=int(key)).first()
        if key.isascii() and key.isdigit() and len(key) < 18
        else None
    )
    if row is None:
        raise Http404
    edges = [Edge("uses", dataset_node(one)) for one in queries.visible().filter(reuses=row)]
    return Node(f"use:{row.pk}", "use", row.title, row.address), edges, _none


def _portal(key: str) -> tuple[Node, list[Edge], Datasets]:
    row = queries.visible_external().filter(source=key).first()
    if row is None:
        raise Http404

    def listed(offset: int, limit: int) -> tuple[list[Edge], int]:
        found = search.ask(search.Wanted(filters={"source": key}, offset=offset, limit=limit))
        return [
            Edge("holds", external_node(one)) for one in found.items if isinstance(one, ExternalDataset)
        ], found.count

    return _portal_node(row), [], listed


def _external(key: str) -> tuple[Node, list[Edge], Datasets]:
    row = queries.visible_external().filter(name=key).first()
    if row is None:
        raise Http404
    edges = [Edge("comes_from", _portal_node(row))]
    if row.topic:
        edges.append(Edge("in_topic", _topic_node(row.topic)))
    return external_node(row), edges, _none


def _catalogue(_key: str) -> tuple[Node, list[Edge], Datasets]:
    bodies = [row["organisation"] for row in figures.by_organisation()]
    sources = [one for one in search.ask(search.Wanted(limit=0, facets=("source",))).facets["source"] if one != OWN]
    portals = [queries.visible_external().filter(source=one).first() for one in sources]
    edges = [
        *(Edge("holds", _topic_node(one["term"].key)) for one in figures.by_topic() if one["number"]),
        *(Edge("holds", _organisation_node(body)) for body in bodies),
        *(Edge("holds", _portal_node(row)) for row in portals if row is not None),
    ]
    return Node(ROOT, "catalogue", _("全部公共数据"), reverse("datasets")), edges, _none


_KINDS: dict[str, Callable[[str], tuple[Node, list[Edge], Datasets]]] = {
    "catalogue": _catalogue, "dataset": _dataset, "field": _field, "element": _element, "organisation": _organisation,
    "system": _system, "topic": _topic, "use": _use, "portal": _portal, "external": _external,
}  # fmt: skip


def dataset_node(dataset: Dataset) -> Node:
    """The node of a visible dataset."""
    return Node(
        f"dataset:{dataset.name}", "dataset", words.local(dataset, "title"), reverse("dataset", args=[dataset.name])
    )


def external_node(row: ExternalDataset) -> Node:
    """The node of a dataset that another portal publishes."""
    return Node(f"external:{row.name}", "external", words.local(row, "title"), row.get_absolute_url())


def _field_node(dataset: Dataset, column: str, *, alone: bool = False) -> Node:
    """The node of a column; ``alone``: beside its dataset, which needs not be said."""
    name = (
        column
        if alone
        else _("%(column)s（%(dataset)s）") % {"column": column, "dataset": words.local(dataset, "title")}
    )
    return Node(
        f"field:{dataset.name}/{column}", "field", name, f"{reverse('dataset', args=[dataset.name])}#dictionary"
    )


def _element_node(key: str) -> Node:
    return Node(f"element:{key}", "element", semantic_title(key) or key)


def _organisation_node(body: Organisation) -> Node:
    return Node(
        f"organisation:{body.code}",
        "organisation",
        words.local(body, "name"),
        reverse("organisation", args=[body.code]),
    )


def _system_node(row: System) -> Node:
    """The node of a department's system whose name is public; it has no page of its own."""
    return Node(f"system:{row.pk}", "system", words.local(row, "name"))


def _topic_node(key: str) -> Node:
    return Node(f"topic:{key}", "topic", terms.topic(key).name, reverse("topic", args=[key]))


def _portal_node(row: ExternalDataset) -> Node:
    return Node(
        f"portal:{row.source}",
        "portal",
        words.local(row, "portal"),
        f"{reverse('datasets')}?{urlencode({'source': row.source})}",
    )


def _found(name: str) -> tuple[Dataset, Version]:
    dataset = queries.visible().filter(name=name).first()
    if dataset is None or dataset.current is None:
        raise Http404
    version = dataset.current
    version.dataset = dataset
    return dataset, version


def _joins(version: Version) -> list[Edge]:
    best: dict[int, Edge] = {}
    for one in joins.joinable(version)[: 4 * JOINS]:
        other = one.right.version.dataset
        edge = Edge(
            "joinable",
            dataset_node(other),
            [one.left.column, one.right.column],
            one.share,
            joins.margin(one.share, one.sample),
        )
        best.setdefault(other.pk, edge)
    return list(best.values())[:JOINS]


def _datasets(edge: Callable[[Dataset], Edge], **filters: str) -> Datasets:
    """The city's datasets with these values, by name."""

    def listed(offset: int, limit: int) -> tuple[list[Edge], int]:
        found = search.ask(search.Wanted(filters={"source": OWN, **filters}, order="name", offset=offset, limit=limit))
        return [edge(one) for one in found.datasets], found.count

    return listed


def _none(_offset: int, _limit: int) -> tuple[list[Edge], int]:
    return [], 0
