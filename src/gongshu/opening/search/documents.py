"""What the index knows of a dataset: words to find it by, values to filter, order and count by."""

from __future__ import annotations

from functools import lru_cache
from itertools import islice

import tantivy

from gongshu.opening import exports, queries, sounds, terms
from gongshu.opening.models import Dataset, ExternalDataset, Version
from gongshu.opening.search import words
from gongshu.parties.models import Organisation
from gongshu.rulebooks import rulebook

SHAPE = 3  # of the index: another number when its fields change, so that an older one is made anew
BOOSTS = {"title": 6.0, "keywords": 3.0, "summary": 2.0, "columns": 1.0}
SOUNDS, VOCABULARY, SPOKEN = "sounds", "vocabulary", "spoken"
FACETS = (
    "source", "provider", "topic", "open", "format", "frequency", "quality", "region", "licence", "tag", "element"
)  # fmt: skip
NUMBERS = (
    "id", "external", "changed", "updated", "issued", "due", "rows", "columns_n", "dropped", "treated", "catalogued", "classified", "personal"
)  # fmt: skip
OWN, EXTERNAL = "own", "external"  # OWN is also the source of the datasets that are published here
GIVEN = "given"  # the source, besides, of those that society gave
REGIONS = 40  # values of a column of divisions that are read as the places a dataset covers, at most
CODES = 400  # meanings of codes that are indexed of a dataset at most
UNJUDGED = "none"


@lru_cache(maxsize=1)
def schema() -> tantivy.Schema:
    """The fields: words (whole, and in pieces), sounds, and columns of values."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("key", tokenizer_name="raw")
    for field in BOOSTS:
        builder.add_text_field(field, tokenizer_name="whitespace")
        builder.add_text_field(f"{field}_pieces", tokenizer_name="whitespace")
    builder.add_text_field("author_pieces", tokenizer_name="whitespace")
    builder.add_text_field(SOUNDS, tokenizer_name="whitespace", index_option="freq")
    for field in (VOCABULARY, SPOKEN):
        builder.add_text_field(field, tokenizer_name="raw", index_option="basic", stored=field == VOCABULARY)
    for field in (*FACETS, "name", "title_order"):
        builder.add_text_field(field, tokenizer_name="raw", index_option="basic", fast=True)
    for field in NUMBERS:
        builder.add_unsigned_field(field, fast=True, indexed=field in ("id", "external"))
    builder.add_float_field("score", fast=True)
    return builder.build()


def term(field: str, value: str | int) -> tantivy.Query:
    """What has the value in a column of values."""
    return tantivy.Query.term_query(schema(), field, value, index_option="basic")


def key_of(kind: str, pk: int) -> str:
    """Under which the index keeps a dataset: of the city (OWN), or of another portal (EXTERNAL)."""
    return f"{kind}:{pk}"


def bands() -> list[int]:
    """Lower ends of the bands of the quality score, the best first (rulebook)."""
    return [int(one) for one in rulebook(f"{terms.RULEBOOK}/search")["quality_bands"]]


def band(score: float | None) -> str:
    """The band of a score by its lower end; ``none`` without one."""
    return UNJUDGED if score is None else str(next((low for low in bands() if score >= low), 0))


def document(dataset: Dataset) -> tantivy.Document:
    """The entry of a dataset that has a current version."""
    version = dataset.current
    assert version is not None
    made = tantivy.Document()
    made.add_text("key", key_of(OWN, dataset.pk))
    topic = terms.topic(dataset.topic)
    provider = dataset.provider
    said = {
        "title": [dataset.title, dataset.title_en],
        "keywords": [
            *dataset.keywords,
            dataset.name.replace("-", " "),
            provider.name,
            provider.name_en,
            *(str(topic.entry.get(language, "")) for language in ("zh", "en")),
        ],
        "summary": [dataset.summary, dataset.summary_en],
        "columns": _columns(version),
    }
    _add_words(made, said)
    made.add_text("author_pieces", " ".join(words.pieces(words.plain(f"{provider.name} {provider.name_en}"))))
    _add_values(made, dataset, version)
    return made


def external_document(row: ExternalDataset) -> tantivy.Document:
    """The entry of a dataset that another portal publishes."""
    made = tantivy.Document()
    made.add_text("key", key_of(EXTERNAL, row.pk))
    topic = terms.topic(row.topic).entry if row.topic else {}
    said = {
        "title": [row.title, row.title_en],
        "keywords": [*map(str, row.keywords), row.publisher, row.portal, row.portal_en, *(str(topic.get(one, "")) for one in ("zh", "en"))],
        "summary": [row.summary, row.summary_en],
        "columns": [],
    }  # fmt: skip
    _add_words(made, said)
    made.add_text("author_pieces", " ".join(words.pieces(words.plain(row.publisher))))
    formats = {str(one.get("format") or "").lower() for one in row.distributions}
    _add_texts(
        made,
        {
            "name": [row.name],
            "title_order": [row.title],
            "source": [row.source],
            "topic": [row.topic],
            "format": sorted(formats & set(exports.FORMATS)),
            "frequency": [row.update_frequency],
            "region": [row.spatial] if len(row.spatial) <= REGIONS else [],
            "licence": [row.licence],
        },
    )
    issued = row.issued or row.first_seen
    numbers = {
        "id": row.pk,
        "external": 1,
        "changed": int(row.changed_at.timestamp() * 1_000_000),
        "updated": max(0, int((row.modified or issued).timestamp())),
        "issued": max(0, int(issued.timestamp())),
        "due": 0,
    }
    for field, number in numbers.items():
        made.add_unsigned(field, number)
    return made


def _columns(version: Version) -> list[str]:
    texts = [text for c in version.columns for text in (c["name"], c.get("title") or "", c.get("description") or "")]
    meanings = (str(text) for c in version.columns for text in (c.get("codes") or {}).values())
    return [*texts, *dict.fromkeys(islice(meanings, CODES))]


def _add_words(made: tantivy.Document, said: dict[str, list[str]]) -> None:
    for field, texts in said.items():
        clean = [words.plain(text) for text in texts if text]
        made.add_text(field, " ".join(" ".join(words.segmented(text)) for text in clean))
        made.add_text(f"{field}_pieces", " ".join(" ".join(words.pieces(text)) for text in clean))
    named = dict.fromkeys(words.plain(text) for field in ("title", "keywords") for text in said[field] if text)
    made.add_text(SOUNDS, " ".join(dict.fromkeys(sound for text in named for sound in sounds.of(text))))
    known = {
        word for text in named for word in [*words.segmented(text), *([text] if words.CJK.search(text) else [])] if len(word) > 1
    }  # fmt: skip
    for word in sorted(known):
        made.add_text(VOCABULARY, word)
    for sound in sorted({sounds.spoken(word) for word in known if words.CJK.search(word)}):
        made.add_text(SPOKEN, sound)


def _places(version: Version) -> list[str]:
    """The divisions that the rows are of, when a column of their names has all its values in the statistics."""
    for column in version.columns:
        top = column.get("top") or []
        if column.get("semantic_type") == "division_name" and (column.get("distinct") or 0) <= len(top) <= REGIONS:
            return sorted({str(value) for value, _n in top if value})
    return []


def _add_texts(made: tantivy.Document, values: dict[str, list[str]]) -> None:
    for field, texts in values.items():
        for text in texts:
            if text:
                made.add_text(field, text)


def _add_values(made: tantivy.Document, dataset: Dataset, version: Version) -> None:
    score = terms.quality_total(version.quality)
    values = {
        "name": [dataset.name],
        "source": [OWN, GIVEN] if dataset.provider.kind == Organisation.Kind.SOCIETY else [OWN],
        "provider": [dataset.provider.code],
        "topic": [dataset.topic],
        "open": [dataset.open_type],
        "format": [one.key for one in exports.available(version)],
        "frequency": [dataset.update_frequency],
        "quality": [band(score)],
        "licence": [dataset.licence],
        "tag": [str(word) for word in dataset.keywords],
        "region": _places(version),
        "element": sorted({c["semantic_type"] for c in version.columns if c.get("semantic_type")}),
        "title_order": [dataset.title],
    }
    _add_texts(made, values)
    columns = version.columns
    due = queries.late_from(dataset.update_frequency, version.published_at)
    first = vars(dataset).get("first_at") or version.published_at
    numbers = {
        "id": dataset.pk,
        "external": 0,
        "updated": int(version.published_at.timestamp()),
        "issued": int(first.timestamp()),
        "due": int(due.timestamp()) if due is not None else 0,
        "rows": version.rows,
        "columns_n": len(columns),
        "dropped": version.dropped,
        "treated": sum(1 for c in columns if (c.get("protection") or {}).get("method", "keep") != "keep"),
        "catalogued": bool(dataset.summary) and all(c.get("description") or c.get("title") for c in columns),
        "classified": all(c.get("level") for c in columns),
        "personal": any((c.get("level") or 1) > 1 for c in columns) or version.dropped > 0,
    }
    for field, number in numbers.items():
        made.add_unsigned(field, int(number))
    if (total := version.quality.get("total")) is not None:
        made.add_float("score", float(total))
