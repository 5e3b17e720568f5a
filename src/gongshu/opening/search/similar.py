"""Datasets like one: by the words of its title and keywords, by what its columns mean, and by topic."""

from __future__ import annotations

from tantivy import Occur, Query

from gongshu.opening.models import Dataset
from gongshu.opening.search.asking import Wanted, ask
from gongshu.opening.search.documents import OWN, key_of, term
from gongshu.opening.search.matching import with_any
from gongshu.opening.search.words import words_of

WORDS, ELEMENTS = 12, 20
COMMON = frozenset(
    "longitude latitude date datetime year amount percentage address landline division_name division_code organisation_name".split()
)  # meanings that half of all tables have


def similar(dataset: Dataset, most: int) -> list[Dataset]:
    """The visible datasets of the city most like ``dataset``, the most alike first; IndexMissing while there is no index.

    Words of title and keywords by BM25; a meaning of a column that both have counts like a rare word, the topic a little.
    Only datasets with a word or two meanings in common are like it.
    """
    words = [word for text in (dataset.title, *map(str, dataset.keywords)) for word in words_of(text) if len(word) > 1]
    words = list(dict.fromkeys(words))[:WORDS]
    columns = dataset.current.columns if dataset.current else []
    elements = sorted(
        {c["semantic_type"] for c in columns if c.get("semantic_type") and c["semantic_type"] not in COMMON}
    )
    alike = [(Occur.Should, term("element", one)) for one in elements[:ELEMENTS]]
    needed = [(Occur.Should, with_any(words))] if words else []
    if len(alike) > 1:
        needed.append((Occur.Should, Query.boolean_query(alike, minimum_number_should_match=2)))
    if not needed:
        return []
    topic = Query.boost_query(term("topic", dataset.topic), 0.5)
    condition = Query.boolean_query(
        [
            (Occur.Must, Query.boolean_query(needed)),
            (Occur.Should, topic),
            (Occur.MustNot, term("key", key_of(OWN, dataset.pk))),
        ]
    )
    return ask(Wanted(filters={"source": OWN}, order="best", limit=most, condition=condition)).datasets
