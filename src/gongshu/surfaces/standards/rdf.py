"""DCAT-AP 3.0 (SEMICeu, with DCAT 3, W3C 2024): datasets and the catalogue as RDF, in Turtle, JSON-LD and RDF/XML."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from gongshu.opening.described import EN, RDF_TYPES, ZH, Described, File, Words

if TYPE_CHECKING:
    from rdflib import Graph
    from rdflib.term import Node

SYNTAXES = {"ttl": "turtle", "jsonld": "json-ld", "rdf": "xml"}  # suffix -> rdflib's name
FORMATS = {suffix: (SYNTAXES[suffix], media_type) for media_type, suffix in RDF_TYPES.items()}
AUTHORITY = "http://publications.europa.eu/resource/authority/"
FILE_TYPES = {"csv": "CSV", "xlsx": "XLSX", "json": "JSON", "geojson": "GEOJSON", "parquet": "PARQUET"}
IANA = "https://www.iana.org/assignments/media-types/"
LANGUAGES = {ZH: "ZHO", EN: "ENG"}
TAGS = {ZH: "zh-Hans", EN: "en"}
SHA256 = "http://spdx.org/rdf/terms#checksumAlgorithm_sha256"


@dataclass(frozen=True)
class Page:
    """The catalogue, or one page of it: addresses of this, the first and the next page (empty at the end).

    ``place``: the city that it is about. ``issued``: since when it has anything, None as long as it has nothing. ``licence``: an
    address, empty where the city declares none.
    """

    site: str
    title: Words
    summary: Words
    publisher: Words
    place: Words
    issued: datetime | None
    licence: str
    total: int
    here: str
    first: str
    following: str


def serialize(graph: Graph, suffix: str) -> bytes:
    """The graph in the format of an address that ends so."""
    return graph.serialize(format=FORMATS[suffix][0], encoding="utf-8")


def dataset_graph(one: Described) -> Graph:
    """One dataset with its distributions and its interface."""
    graph = _graph()
    _dataset(graph, one)
    return graph


def catalogue_graph(page: Page, datasets: Iterable[Described]) -> Graph:
    """A page of the catalogue with its datasets."""
    from rdflib import DCAT, DCTERMS, FOAF, RDF, SKOS, XSD, Literal, Namespace, URIRef

    graph = _graph()
    hydra = Namespace("http://www.w3.org/ns/hydra/core#")
    graph.bind("hydra", hydra)
    catalogue = URIRef(f"{page.site}/catalog")
    graph.add((catalogue, RDF.type, DCAT.Catalog))
    _texts(graph, catalogue, DCTERMS.title, page.title)
    _texts(graph, catalogue, DCTERMS.description, page.summary)
    publisher = URIRef(f"{page.site}/#publisher")
    graph.add((publisher, RDF.type, FOAF.Agent))
    _texts(graph, publisher, FOAF.name, page.publisher)
    graph.add((catalogue, DCTERMS.publisher, publisher))
    _typed(graph, catalogue, FOAF.homepage, f"{page.site}/", FOAF.Document)
    place = URIRef(f"{page.site}/#city")
    graph.add((place, RDF.type, DCTERMS.Location))
    _texts(graph, place, SKOS.prefLabel, page.place)
    graph.add((catalogue, DCTERMS.spatial, place))
    if page.issued is not None:
        graph.add((catalogue, DCTERMS.issued, Literal(page.issued.isoformat(), datatype=XSD.dateTime)))
    if page.licence:
        _typed(graph, catalogue, DCTERMS.license, page.licence, DCTERMS.LicenseDocument)
    themes = _themes(graph, page.site)
    graph.add((catalogue, DCAT.themeTaxonomy, themes))
    for language in LANGUAGES.values():
        _typed(graph, catalogue, DCTERMS.language, f"{AUTHORITY}language/{language}", DCTERMS.LinguisticSystem)
    latest = None
    for one in datasets:
        graph.add((catalogue, DCAT.dataset, _dataset(graph, one)))
        graph.add((catalogue, DCAT.service, URIRef(one.api_url)))
        latest = max(filter(None, (latest, one.modified)))
    if latest is not None:
        graph.add((catalogue, DCTERMS.modified, Literal(latest.isoformat(), datatype=XSD.dateTime)))
    view = URIRef(page.here)
    graph.add((view, RDF.type, hydra.PartialCollectionView))
    graph.add((view, hydra.first, URIRef(page.first)))
    graph.add((catalogue, hydra.view, view))
    graph.add((catalogue, hydra.totalItems, Literal(page.total)))
    if page.following:
        graph.add((view, hydra.next, URIRef(page.following)))
    return graph


def _graph() -> Graph:
    from rdflib import DCAT, DCTERMS, FOAF, SKOS, Graph, Namespace

    graph = Graph()
    for prefix, space in (
        ("dcat", DCAT),
        ("dct", DCTERMS),
        ("foaf", FOAF),
        ("skos", SKOS),
        ("vcard", Namespace("http://www.w3.org/2006/vcard/ns#")),
        ("adms", Namespace("http://www.w3.org/ns/adms#")),
        ("spdx", Namespace("http://spdx.org/rdf/terms#")),
        ("locn", Namespace("http://www.w3.org/ns/locn#")),
    ):
        graph.bind(prefix, space)
    return graph


def _dataset(graph: Graph, one: Described) -> Node:
    from rdflib import DCAT, DCTERMS, FOAF, RDF, SKOS, XSD, BNode, Literal, Namespace, URIRef

    vcard, adms = Namespace("http://www.w3.org/2006/vcard/ns#"), Namespace("http://www.w3.org/ns/adms#")
    node = URIRef(one.url)
    graph.add((node, RDF.type, DCAT.Dataset))
    _texts(graph, node, DCTERMS.title, one.title)
    _texts(graph, node, DCTERMS.description, one.summary)
    graph.add((node, DCTERMS.identifier, Literal(one.name)))
    graph.add((node, DCTERMS.issued, Literal(one.issued.isoformat(), datatype=XSD.dateTime)))
    graph.add((node, DCTERMS.modified, Literal(one.modified.isoformat(), datatype=XSD.dateTime)))
    graph.add((node, URIRef("http://www.w3.org/ns/dcat#version"), Literal(str(one.version))))
    for word in one.keywords:
        graph.add((node, DCAT.keyword, Literal(word, lang=TAGS[ZH])))
    publisher = URIRef(one.publisher_url)
    names = {ZH: one.publisher.name, EN: one.publisher.name_en}
    graph.add((publisher, RDF.type, FOAF.Agent))
    _texts(graph, publisher, FOAF.name, names)
    graph.add((node, DCTERMS.publisher, publisher))
    contact = BNode()
    graph.add((contact, RDF.type, vcard.Organization))
    graph.add((contact, vcard.fn, Literal(one.publisher.name, lang=TAGS[ZH])))
    graph.add((contact, vcard.hasURL, URIRef(one.feedback_url)))
    graph.add((node, DCAT.contactPoint, contact))
    theme = URIRef(one.topic_url)
    graph.add((theme, RDF.type, SKOS.Concept))
    _texts(graph, theme, SKOS.prefLabel, _both(one.topic.entry, one.topic.key))
    graph.add((theme, SKOS.inScheme, URIRef(one.topic_url.rpartition("/")[0])))
    graph.add((node, DCAT.theme, theme))
    if frequency := one.frequency.entry.get("eu"):
        _typed(graph, node, DCTERMS.accrualPeriodicity, f"{AUTHORITY}frequency/{frequency}", DCTERMS.Frequency)
    _typed(graph, node, DCTERMS.language, f"{AUTHORITY}language/ZHO", DCTERMS.LinguisticSystem)
    _typed(graph, node, DCTERMS.accessRights, f"{AUTHORITY}access-right/PUBLIC", DCTERMS.RightsStatement)
    _typed(graph, node, DCTERMS.license, one.licence_url, DCTERMS.LicenseDocument)
    _typed(graph, node, DCAT.landingPage, one.url, FOAF.Document)
    if one.period:
        period = BNode()
        graph.add((period, RDF.type, DCTERMS.PeriodOfTime))
        for said, end in zip((DCAT.startDate, DCAT.endDate), one.period, strict=True):
            graph.add((period, said, Literal(end, datatype=XSD.dateTime if "T" in end else XSD.date)))
        graph.add((node, DCTERMS.temporal, period))
    if one.box:
        place = BNode()
        graph.add((place, RDF.type, DCTERMS.Location))
        graph.add((place, DCAT.bbox, Literal(_polygon(one.box), datatype=URIRef(f"{_GEO}wktLiteral"))))
        graph.add((node, DCTERMS.spatial, place))
    if one.source_note:
        note = BNode()
        graph.add((note, RDF.type, DCTERMS.ProvenanceStatement))
        graph.add((note, Namespace("http://www.w3.org/2000/01/rdf-schema#").label, Literal(one.source_note)))
        graph.add((node, DCTERMS.provenance, note))
    graph.add((node, adms.versionNotes, Literal(f"{one.rows} rows", lang="en")))
    for file in one.files:
        graph.add((node, DCAT.distribution, _file(graph, one, file)))
    _service(graph, one, node)
    return node


_GEO = "http://www.opengis.net/ont/geosparql#"


def _file(graph: Graph, one: Described, file: File) -> Node:
    from rdflib import DCAT, DCTERMS, RDF, XSD, BNode, Literal, Namespace, URIRef

    spdx = Namespace("http://spdx.org/rdf/terms#")
    node = URIRef(f"{one.url}#{file.key}")
    graph.add((node, RDF.type, DCAT.Distribution))
    graph.add((node, DCAT.accessURL, URIRef(file.url)))
    graph.add((node, DCAT.downloadURL, URIRef(file.url)))
    graph.add((node, DCTERMS.title, Literal(file.label)))
    titles = {language: f"{text} · {file.label}" for language, text in one.title.items()}
    _texts(graph, node, DCTERMS.description, titles)
    graph.add((node, DCTERMS.modified, Literal(one.modified.isoformat(), datatype=XSD.dateTime)))
    _typed(graph, node, DCTERMS["format"], f"{AUTHORITY}file-type/{FILE_TYPES[file.key]}", DCTERMS.MediaTypeOrExtent)
    _typed(graph, node, DCAT.mediaType, f"{IANA}{file.media_type}", DCTERMS.MediaType)
    _typed(graph, node, DCTERMS.license, one.licence_url, DCTERMS.LicenseDocument)
    available = URIRef(f"{AUTHORITY}planned-availability/STABLE")
    graph.add((node, URIRef("http://data.europa.eu/r5r/availability"), available))
    _concept(graph, available)
    if file.size is not None:
        graph.add((node, DCAT.byteSize, Literal(file.size, datatype=XSD.nonNegativeInteger)))
    if file.sha256:
        checksum = BNode()
        graph.add((checksum, RDF.type, spdx.Checksum))
        graph.add((checksum, spdx.algorithm, URIRef(SHA256)))
        graph.add((checksum, spdx.checksumValue, Literal(file.sha256, datatype=XSD.hexBinary)))
        graph.add((node, spdx.checksum, checksum))
    graph.add((node, DCAT.accessService, URIRef(one.api_url)))
    return node


def _service(graph: Graph, one: Described, node: Node) -> None:
    from rdflib import DCAT, DCTERMS, RDF, RDFS, URIRef

    service = URIRef(one.api_url)
    graph.add((service, RDF.type, DCAT.DataService))
    _texts(graph, service, DCTERMS.title, one.title)
    graph.add((service, DCAT.servesDataset, node))
    _typed(graph, service, DCTERMS.license, one.licence_url, DCTERMS.LicenseDocument)
    _typed(graph, service, DCAT.endpointURL, one.api_url, RDFS.Resource)
    _typed(graph, service, DCAT.endpointDescription, one.openapi_url, RDFS.Resource)


def _themes(graph: Graph, site: str) -> Node:
    from rdflib import DCTERMS, RDF, SKOS, URIRef

    scheme = URIRef(f"{site}/topics")
    graph.add((scheme, RDF.type, SKOS.ConceptScheme))
    _texts(graph, scheme, DCTERMS.title, {ZH: "专题", EN: "Topics"})
    return scheme


def _concept(graph: Graph, node: Node) -> None:
    from rdflib import RDF, SKOS, Literal

    graph.add((node, RDF.type, SKOS.Concept))
    graph.add((node, SKOS.prefLabel, Literal("stable", lang="en")))


def _typed(graph: Graph, node: Node, said: Node, address: str, kind: Node) -> None:
    from rdflib import RDF, URIRef

    graph.add((node, said, URIRef(address)))
    graph.add((URIRef(address), RDF.type, kind))


def _texts(graph: Graph, node: Node, said: Node, texts: Words) -> None:
    from rdflib import Literal

    for language, text in texts.items():
        if text:
            graph.add((node, said, Literal(text, lang=TAGS[language])))


def _both(entry: dict[str, str], key: str) -> Words:
    return {ZH: str(entry.get("zh", key)), EN: str(entry.get("en", ""))}


def _polygon(box: tuple[float, float, float, float]) -> str:
    west, south, east, north = box
    return f"POLYGON(({west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}))"
