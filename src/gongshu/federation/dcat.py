"""Catalogues in DCAT (W3C; DCAT-AP): Turtle, RDF/XML, N-Triples or JSON-LD, page by page when they say so (Hydra).

Nothing is fetched while a document is parsed: XML with entities of its own is refused, contexts of JSON-LD that lie at
another address are left out.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin
from xml.parsers import expat

from gongshu.federation import data_json
from gongshu.federation.reading import Reading, load_json
from gongshu.outgoing import Answer
from gongshu.tables.errors import TableError

if TYPE_CHECKING:
    from rdflib import Graph
    from rdflib.term import Node

ACCEPT = "text/turtle, application/rdf+xml;q=0.9, application/ld+json;q=0.8, application/n-triples;q=0.7"
MOST_BYTES = 32 * 1024**2  # of one RDF document
DEEPEST_XML = 100
DCAT = "http://www.w3.org/ns/dcat#"
DCT = "http://purl.org/dc/terms/"
DC = "http://purl.org/dc/elements/1.1/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
FOAF = "http://xmlns.com/foaf/0.1/"
SKOS = "http://www.w3.org/2004/02/skos/core#"
LOCN = "http://www.w3.org/ns/locn#"
HYDRA = "http://www.w3.org/ns/hydra/core#"
ADMS = "http://www.w3.org/ns/adms#"
LABELS = (f"{SKOS}prefLabel", f"{RDFS}label", f"{FOAF}name", f"{DCT}title", f"{LOCN}geographicName", f"{RDF}value")
# what catalogues use and some forget to declare; stands for a context of JSON-LD at another address too
PREFIXES = {
    "dcat": DCAT, "dct": DCT, "dcterms": DCT, "dc": DC, "foaf": FOAF, "skos": SKOS, "rdf": RDF, "rdfs": RDFS, "adms": ADMS,
    "hydra": HYDRA, "locn": LOCN, "xsd": "http://www.w3.org/2001/XMLSchema#", "owl": "http://www.w3.org/2002/07/owl#",
    "vcard": "http://www.w3.org/2006/vcard/ns#", "prov": "http://www.w3.org/ns/prov#", "spdx": "http://spdx.org/rdf/terms#",
    "dcatap": "http://data.europa.eu/r5r/", "healthdcatap": "http://healthdataportal.eu/ns/health#",
    "odrl": "http://www.w3.org/ns/odrl/2/", "schema": "http://schema.org/", "dqv": "http://www.w3.org/ns/dqv#",
    "csvw": "http://www.w3.org/ns/csvw#", "geo": "http://www.opengis.net/ont/geosparql#", "dpv": "https://w3id.org/dpv#",
}  # fmt: skip


def read(reading: Reading) -> Iterator[dict[str, Any]]:
    """The datasets of the catalogue; a JSON document with a plain list of datasets is read as data.json."""
    answer = reading.document(ACCEPT)
    following: list[str] = []
    seen = {reading.address}
    while answer is not None:
        found, following = _page(answer)
        if not found and len(seen) == 1:
            raise TableError("catalogue_empty", "这份文件里一个数据集（dcat:Dataset）也没有；请核对地址与种类")
        yield from found
        reading.remember = {"full_at": reading.remember.get("full_at", "")} if following else reading.remember
        url = next((each for each in following if each not in seen), "")
        if not url:
            return
        seen.add(url)
        answer = reading.ask(url, accept=ACCEPT)


def _page(answer: Answer) -> tuple[list[dict[str, Any]], list[str]]:
    """The datasets of a page, and the addresses of the page after it."""
    if len(answer.body) > MOST_BYTES:
        raise TableError("answer_too_large", "应答超过 {n} MB，不再读", n=MOST_BYTES // 1024**2)
    form = _form(answer)
    body = answer.body
    if form == "json-ld":
        found = load_json(body)
        if isinstance(found, dict) and isinstance(found.get("dataset"), list) and "@graph" not in found:
            return list(data_json.datasets(found)), []
        body = json.dumps(_local(found)).encode()
    elif form == "xml":
        check_xml(body)
    graph = parse(body, form, answer.url)
    return list(_datasets(graph)), _following(graph, answer.url)


def parse(body: bytes, form: str, base: str) -> Graph:
    """The graph of a document. TableError ``catalogue_unreadable``."""
    from rdflib import Graph

    logging.getLogger("rdflib.term").setLevel(logging.ERROR)  # one line for each date that is none would be no help
    graph = Graph()
    if form == "turtle":
        body = _with_prefixes(body)
    try:
        graph.parse(data=body, format=form, publicID=base)
    except (
        Exception
    ) as error:  # rdflib lets through whatever its parsers raise: of SAX, of its own, KeyError, RecursionError
        raise TableError(
            "catalogue_unreadable", "应答不是可读的 RDF：{why}", why=" ".join(str(error).split())[:120]
        ) from error
    return graph


def _with_prefixes(body: bytes) -> bytes:
    """The document, with the usual prefixes that it uses but forgot to declare."""
    declared = {each.decode().lower() for each in re.findall(rb"(?i)@?prefix\s+([\w-]*)\s*:", body)}
    missing = {name: space for name, space in PREFIXES.items() if name not in declared and f"{name}:".encode() in body}
    return b"".join(f"@prefix {name}: <{space}> .\n".encode() for name, space in missing.items()) + body


def check_xml(body: bytes) -> None:
    """Refuse XML that declares entities (bombs, files of this machine) or is nested without end; TableError."""
    depth = 0

    def begin(*_: Any) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST_XML:
            raise TableError("catalogue_unreadable", "应答的 XML 套了太多层")

    def end(*_: Any) -> None:
        nonlocal depth
        depth -= 1

    def entity(*_: Any) -> Any:
        raise TableError("catalogue_unreadable", "应答的 XML 自己声明了实体，不读")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler, parser.EntityDeclHandler = begin, end, entity
    parser.ExternalEntityRefHandler = entity
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError) as error:
        raise TableError("catalogue_unreadable", "应答不是可读的 RDF：{why}", why=str(error)[:120]) from error


def _form(answer: Answer) -> str:
    """The format by the beginning of the document, which portals get right more often than its media type."""
    said = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    begin = answer.body[:2000].lstrip(b"\xef\xbb\xbf \t\r\n")
    if begin.startswith((b"{", b"[{", b"[\n", b"[ ")):
        return "json-ld"
    if (begin[:9].lower() == b"<!doctype" and b"html" in begin[:40].lower()) or begin[:5].lower() == b"<html":
        raise TableError("catalogue_unreadable", "这个地址上是网页，不是目录；请核对地址")
    if begin.startswith((b"<?xml", b"<rdf:", b"<!DOCTYPE rdf")):
        return "xml"
    return "nt" if said == "application/n-triples" else "turtle"


def _local(found: Any) -> Any:
    """The document without contexts that would have to be fetched."""
    if isinstance(found, list):
        return [_local(each) for each in found]
    if not isinstance(found, dict):
        return found
    return {key: _context(value) if key == "@context" else _local(value) for key, value in found.items()}


def _context(value: Any) -> Any:
    if isinstance(value, str):
        return PREFIXES
    if isinstance(value, list):
        return [_context(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {key: _term(inner) for key, inner in value.items() if key != "@import"}


def _term(value: Any) -> Any:
    """The definition of a term; it may have a context of its own."""
    if not isinstance(value, dict):
        return value
    return {key: _context(inner) if key == "@context" else inner for key, inner in value.items()}


def _following(graph: Graph, base: str) -> list[str]:
    from rdflib import URIRef

    return [
        urljoin(base, str(each))
        for name in ("next", "nextPage")
        for each in graph.objects(None, URIRef(f"{HYDRA}{name}"))
        if str(each)
    ]


def _datasets(graph: Graph) -> Iterator[dict[str, Any]]:
    from rdflib import URIRef

    kind = URIRef(f"{RDF}type")
    for node in sorted(set(graph.subjects(kind, URIRef(f"{DCAT}Dataset"))), key=str):
        yield _Node(graph, node).dataset()


class _Node:
    """A node of a graph, asked by the addresses of properties."""

    def __init__(self, graph: Graph, node: Node) -> None:
        from rdflib import URIRef

        self.graph, self.node = graph, node
        self.address = unquote(str(node)) if isinstance(node, URIRef) and str(node).startswith("http") else ""

    def all(self, *names: str) -> list[_Node]:
        """The values of the properties, in the order of the names, then of their texts."""
        from rdflib import URIRef

        return [
            _Node(self.graph, each)
            for name in names
            for each in sorted(self.graph.objects(self.node, URIRef(name)), key=str)
        ]

    def texts(self, *names: str) -> dict[str, str]:
        """The texts of the first property that has any, by language ("" for none)."""
        from rdflib import Literal

        for name in names:
            found = {
                (each.node.language or "").lower(): str(each.node)
                for each in reversed(self.all(name))
                if isinstance(each.node, Literal) and str(each.node).strip()
            }
            if found:
                return found
        return {}

    def said(self) -> str:
        """What a value says: a text itself; else its label, else its address."""
        from rdflib import Literal

        if isinstance(self.node, Literal):
            return str(self.node)
        return chosen(self.texts(*LABELS)) or self.address

    def words(self, *names: str) -> list[str]:
        """What the values say, and their addresses: for looking up."""
        return [word for each in self.all(*names) for word in dict.fromkeys((each.address, each.said())) if word]

    def one(self, *names: str) -> str:
        """What the first value says, its address before its label."""
        return next(iter(self.words(*names)), "")

    def dataset(self) -> dict[str, Any]:
        """A dataset as :mod:`records` wants it."""
        titles, summaries = self.texts(f"{DCT}title", f"{RDFS}label"), self.texts(f"{DCT}description")
        files = [each for each in self.all(f"{DCAT}distribution") if not _is_text(each.node)]
        identifiers = [each.said() for each in self.all(f"{DCT}identifier")]
        licences = [*self.words(f"{DCT}license"), *(word for each in files for word in each.words(f"{DCT}license"))]
        languages = [each.rstrip("/").rsplit("/", 1)[-1] for each in self.words(f"{DCT}language", f"{DC}language")]
        return {
            "remote_id": next(iter(identifiers), "") or self.address,
            "title": chosen(titles),
            "title_en": english(titles),
            "summary": chosen(summaries),
            "summary_en": english(summaries),
            "publisher": next((each.said() for each in self.all(f"{DCT}publisher", f"{DCT}creator")), ""),
            "keywords": [each.said() for each in self.all(f"{DCAT}keyword")],
            "topics": self.words(f"{DCAT}theme", f"{DCT}subject"),
            "licence": licences or [each.said() for each in self.all(f"{DCT}rights", f"{DCT}accessRights")],
            "frequency": self.one(f"{DCT}accrualPeriodicity"),
            "language": "、".join(list(dict.fromkeys(languages))[:3]),
            "spatial": next((text for each in self.all(f"{DCT}spatial") if (text := chosen(each.texts(*LABELS)) or _tail(each.address))), ""),
            "issued": self.one(f"{DCT}issued"),
            "modified": self.one(f"{DCT}modified"),
            "landing_page": next((text for each in self.all(f"{DCAT}landingPage", f"{FOAF}page") if (text := each.address or (str(each.node) if _is_text(each.node) else ""))), "") or self.address,
            "identifiers": [*identifiers, self.address, *self.words(f"{ADMS}identifier", f"{DCT}source", f"{DCAT}landingPage")],
            "distributions": [each.file() for each in files],
            "slug": _slug(identifiers, self.address),
        }  # fmt: skip

    def file(self) -> dict[str, Any]:
        """A distribution."""
        media = self.one(f"{DCAT}mediaType")
        return {
            "title": chosen(self.texts(f"{DCT}title", f"{DCT}description")),
            "format": self.one(f"{DCT}format"),
            "media_type": media.rpartition("media-types/")[2] if "media-types/" in media else media,
            "url": self.one(f"{DCAT}downloadURL") or self.one(f"{DCAT}accessURL"),
            "size": self.one(f"{DCAT}byteSize"),
        }


def chosen(texts: dict[str, str]) -> str:
    """Chinese before what has no language, before English, before others."""
    chinese = next((text for language, text in sorted(texts.items()) if language.startswith("zh")), "")
    return chinese or texts.get("") or english(texts) or next(iter(texts.values()), "")


def english(texts: dict[str, str]) -> str:
    """The English text; "" for none."""
    return next((text for language, text in sorted(texts.items()) if language.partition("-")[0] == "en"), "")


def _is_text(node: Node) -> bool:
    from rdflib import Literal

    return isinstance(node, Literal)


def _tail(address: str) -> str:
    return address.rstrip("/").rsplit("/", 1)[-1].rsplit("#", 1)[-1]


def _slug(identifiers: list[str], address: str) -> str:
    """The last part of the address, or of the identifier."""
    return _tail(address) or next((_tail(each) for each in identifiers), "")
