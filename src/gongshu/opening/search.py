"""Finding datasets: a Tantivy index of words, written by one indexer from the outbox, read by every web process.

The index only proposes names, best first; which datasets may be seen is decided by the database. A word is found whole
(rjieba's segmentation) or by its characters side by side, so that words of one or two characters work; traditional
characters are read as simplified ones. Lower stand datasets found by a synonym of the word (rulebook), or by how it sounds
(pinyin, first letters). Where nothing is found so, words that sound alike or differ by a letter are tried, and the answer
says which.
"""

from __future__ import annotations

import difflib
import fcntl
import logging
import re
import shutil
import threading
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import opencc
import rjieba
import tantivy
from django.conf import settings
from django.core.cache import caches
from django.db.models import Q, QuerySet

from gongshu.opening import queries, sounds, terms
from gongshu.opening.models import Dataset, IndexTask
from gongshu.rulebooks import rulebook

logger = logging.getLogger("gongshu.search")
LIMIT = 5000  # names that the index proposes at most
BOOSTS = {"title": 6.0, "keywords": 3.0, "summary": 2.0, "columns": 1.0}
FIELDS = tuple(BOOSTS)
SOUNDS = "sounds"
SHAPE = 2  # of the index: another number when its fields change, so that an older one is made anew
SUGGESTED = 8
CLOSE = 0.6  # how alike two words must be for the one to be meant by the other (difflib's ratio)
KEPT_SECONDS = 300
_CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_PIECE = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[^\W_]+", re.UNICODE)
_lock = threading.Lock()
_opened: dict[str, Any] = {}


@dataclass(frozen=True)
class Found:
    """Ids of datasets, best first. ``meant``: the question that was answered instead, when nothing answers what was asked."""

    ids: list[int]
    meant: str = ""


def find(question: str, among: QuerySet[Dataset]) -> list[int]:
    """Ids of the datasets of ``among`` that answer ``question`` (words or a plain sentence), best first."""
    return answer(question, among).ids


def answer(question: str, among: QuerySet[Dataset]) -> Found:
    """The same, and how it was understood."""
    words = words_of(question)
    if not words:
        return Found(list(among.values_list("id", flat=True)) if not question.strip() else [])
    names, meant = _with_all(words), ""
    if names is None:
        return Found(_from_database(question, among))
    if not names and (better := _meant(words)) != words and (names := _with_all(better) or _with_any(better)):
        meant = "".join(better) if _CJK.search(better[0]) else " ".join(better)
    names = names or _with_any(words) or []
    known = dict(among.filter(name__in=names).values_list("name", "id"))
    found = [known[name] for name in names if name in known]
    return Found(found, meant if found else "")


def suggestions(question: str) -> list[tuple[str, str]]:
    """Titles that what was typed so far may become, with the names of their datasets: they hold it, or sound like it."""
    typed = plain(question).strip()
    if not typed:
        return []
    ranked = []
    for name, title, sounds_like in _titles():
        place = title.find(typed)
        if place < 0 and typed.isascii() and any(sound.startswith(typed.replace(" ", "")) for sound in sounds_like):
            place = 100
        if place >= 0:
            ranked.append((place, len(title), title, name))
    found = {name: title for _place, _length, title, name in sorted(ranked)[:SUGGESTED]}
    shown = dict(Dataset.objects.filter(name__in=found).values_list("name", "title"))
    return [(shown[name], name) for name in found if name in shown]


def index_pending() -> int:
    """Bring the index up to the outbox; returns how many datasets were looked at. Safe to call from any process."""
    if not (_folder() / "meta.json").exists() and Dataset.objects.filter(current__isnull=False).exists():
        return rebuild()  # lost, or of an older shape
    with _writing():
        tasks = list(IndexTask.objects.values_list("id", "dataset_id"))
        if not tasks:
            return 0
        datasets = {dataset_id for _, dataset_id in tasks}
        _write(Dataset.objects.filter(id__in=datasets), clear=False)
        IndexTask.objects.filter(id__in=[task for task, _ in tasks]).delete()
    return len(datasets)


def rebuild() -> int:
    """Write the whole index anew from the database; returns the number of datasets in it."""
    with _writing():
        tasks = list(IndexTask.objects.values_list("id", flat=True))
        shutil.rmtree(_folder().parent, ignore_errors=True)
        number = _write(Dataset.objects.all(), clear=True)
        IndexTask.objects.filter(id__in=tasks).delete()
    return number


def _folder() -> Path:
    path: Path = settings.DATA / "index" / str(SHAPE)
    return path


@contextmanager
def _writing() -> Iterator[None]:
    """Only one indexer at a time, over all processes."""
    settings.DATA.mkdir(parents=True, exist_ok=True)
    with (settings.DATA / "index.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _write(datasets: QuerySet[Dataset], *, clear: bool) -> int:
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    index = tantivy.Index(_schema(), path=str(folder))
    writer = index.writer(heap_size=50_000_000, num_threads=1)
    if clear:
        writer.delete_all_documents()
    number = 0
    for dataset in datasets.select_related("provider", "current").iterator(chunk_size=200):
        writer.delete_documents_by_term("name", dataset.name)
        if dataset.current is not None:
            writer.add_document(_document(dataset))
            number += 1
    writer.commit()
    writer.wait_merging_threads()
    return number


def _document(dataset: Dataset) -> tantivy.Document:
    topic = terms.topic(dataset.topic)
    columns = dataset.current.columns if dataset.current else []
    said = {
        "title": [dataset.title, dataset.title_en],
        "keywords": [
            *dataset.keywords,
            dataset.name.replace("-", " "),
            dataset.provider.name,
            dataset.provider.name_en,
            *(str(topic.entry.get(language, "")) for language in ("zh", "en")),
        ],
        "summary": [dataset.summary, dataset.summary_en],
        "columns": [text for c in columns for text in (c["name"], c.get("title") or "", c.get("description") or "")],
    }
    document = tantivy.Document()
    document.add_text("name", dataset.name)
    for field, texts in said.items():
        clean = [plain(text) for text in texts if text]
        document.add_text(field, " ".join(" ".join(_segmented(text)) for text in clean))
        document.add_text(f"{field}_pieces", " ".join(" ".join(_PIECE.findall(text)) for text in clean))
    named = {text: None for field in ("title", "keywords") for text in said[field]}
    document.add_text(SOUNDS, " ".join(dict.fromkeys(sound for text in named for sound in sounds.of(plain(text)))))
    return document


@lru_cache(maxsize=1)
def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("name", stored=True, tokenizer_name="raw")
    for field in FIELDS:
        builder.add_text_field(field, tokenizer_name="whitespace")
        builder.add_text_field(f"{field}_pieces", tokenizer_name="whitespace")
    builder.add_text_field(SOUNDS, tokenizer_name="whitespace")
    return builder.build()


@lru_cache(maxsize=1)
def _simplifier() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


def plain(text: str) -> str:
    """``text`` as it is compared: compatibility forms unified, lower case, simplified characters."""
    return str(_simplifier().convert(unicodedata.normalize("NFKC", text).lower()))


def _segmented(text: str) -> Iterable[str]:
    return (word for word in rjieba.cut_for_search(text) if _PIECE.search(word))


def words_of(question: str) -> list[str]:
    """The words that matter of a question; the little ones (the rulebook's list) are left out unless nothing else is said."""
    words = [word.strip() for word in rjieba.cut(plain(question)[:200]) if _PIECE.search(word)]
    small = set(rulebook(f"{terms.RULEBOOK}/search")["small_words"])
    return [word for word in words if word not in small] or words


def _with_all(words: list[str]) -> list[str] | None:
    """Names for ``words``, best first, with all of them; None when there is no index to ask."""
    return _asked(words, tantivy.Occur.Must)


def _with_any(words: list[str]) -> list[str] | None:
    """The same with any of them."""
    return _asked(words, tantivy.Occur.Should)


def _asked(words: list[str], occur: tantivy.Occur) -> list[str] | None:
    try:
        searcher = _reader().searcher()
        query = tantivy.Query.boolean_query([(occur, _word_query(word)) for word in words])
        return [searcher.doc(address)["name"][0] for _, address in searcher.search(query, LIMIT).hits]
    except (OSError, ValueError) as error:
        logger.warning("the search index cannot be read, the database answers instead: %s", error)
        return None


def _word_query(word: str) -> tantivy.Query:
    """``word``, or lower what means the same, or lower still what sounds so."""
    ways = [_said_query(word)]
    ways += [tantivy.Query.boost_query(_said_query(other), 0.4) for other in _synonyms().get(word, ())]
    if len(word) > 1 and word.isascii() and word.isalpha():
        schema = _schema()
        ways.append(tantivy.Query.boost_query(tantivy.Query.term_query(schema, SOUNDS, word), 3.0))
        if len(word) > 3:
            ways.append(tantivy.Query.boost_query(tantivy.Query.regex_query(schema, SOUNDS, f"{word}.*"), 1.5))
    return tantivy.Query.boolean_query([(tantivy.Occur.Should, way) for way in ways])


@lru_cache(maxsize=1)
def _synonyms() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for group in rulebook(f"{terms.RULEBOOK}/synonyms")["entries"]:
        same = [plain(str(word)) for word in group]
        for word in same:
            found.setdefault(word, []).extend(other for other in same if other != word)
    return {word: tuple(dict.fromkeys(others)) for word, others in found.items()}


def _said_query(word: str) -> tantivy.Query:
    """``word`` as a whole in any field, or its characters side by side, or all the words that a compound is made of."""
    parts = [part for part in rjieba.cut_for_search(word) if len(part) == 2 < len(word)] if _CJK.search(word) else []
    if len(parts) < 2:
        return _one_word_query(word)
    all_parts = tantivy.Query.boolean_query([(tantivy.Occur.Must, _one_word_query(part)) for part in parts])
    ways = [_one_word_query(word), tantivy.Query.boost_query(all_parts, 0.5)]
    return tantivy.Query.boolean_query([(tantivy.Occur.Should, way) for way in ways])


def _one_word_query(word: str) -> tantivy.Query:
    schema = _schema()
    pieces = _PIECE.findall(word)
    ways = []
    for field, boost in BOOSTS.items():
        ways.append(tantivy.Query.boost_query(tantivy.Query.term_query(schema, field, word), boost))
        near = (
            tantivy.Query.phrase_query(schema, f"{field}_pieces", pieces)
            if len(pieces) > 1
            else tantivy.Query.term_query(schema, f"{field}_pieces", pieces[0])
        )
        ways.append(tantivy.Query.boost_query(near, boost / 2))
        if len(pieces) == 1 and not _CJK.search(word) and len(word) > 2:
            start = tantivy.Query.regex_query(schema, f"{field}_pieces", f"{re.escape(word)}.*")
            ways.append(tantivy.Query.boost_query(start, boost / 4))
    return tantivy.Query.boolean_query([(tantivy.Occur.Should, way) for way in ways])


def _meant(words: list[str]) -> list[str]:
    """The words, each that no dataset knows replaced by a known one that sounds alike or is nearly the same."""
    by_sound, by_start = _vocabulary()
    found = []
    for word in words:
        if _with_all([word]):
            found.append(word)
            continue
        sound = sounds.spoken(word)
        if same := by_sound.get(sound) if sound else None:
            found.append(same)
            continue
        latin = not _CJK.search(word)
        among = by_start.get(word[:1], ()) if latin else {near for sign in word for near in by_start.get(sign, ())}
        close = difflib.get_close_matches(word, list(among)[:2000], 1, 0.75 if latin else CLOSE)
        found.append(close[0] if close else word)
    return found


def _vocabulary() -> tuple[dict[str, str], dict[str, set[str]]]:
    """Words of titles and keywords: by how they sound, and by each of their characters (the first letter of latin ones)."""
    key = f"vocabulary:{queries.fingerprint()}"
    found: tuple[dict[str, str], dict[str, set[str]]] | None = caches["process"].get(key)
    if found is None:
        by_sound: dict[str, str] = {}
        by_sign: dict[str, set[str]] = {}
        for title, title_en, keywords in queries.visible().values_list("title", "title_en", "keywords").iterator():
            for text in (title, title_en, *keywords):
                clean = plain(str(text))
                for word in {*_segmented(clean), *([clean] if _CJK.search(clean) else [])}:
                    if len(word) < 2:
                        continue
                    if sound := sounds.spoken(word):
                        by_sound.setdefault(sound, word)
                    for sign in word if _CJK.search(word) else word[:1]:
                        by_sign.setdefault(sign, set()).add(word)
        found = by_sound, by_sign
        caches["process"].set(key, found, KEPT_SECONDS)
    return found


def _titles() -> list[tuple[str, str, tuple[str, ...]]]:
    """Name, title and sounds of every visible dataset, in both languages."""
    key = f"titles:{queries.fingerprint()}"
    found: list[tuple[str, str, tuple[str, ...]]] | None = caches["process"].get(key)
    if found is None:
        found = []
        for name, title, title_en in queries.visible().values_list("name", "title", "title_en").iterator():
            found.append((name, plain(title), tuple(dict.fromkeys(sounds.of(plain(title))))))
            if title_en:
                found.append((name, plain(title_en), ()))
        caches["process"].set(key, found, KEPT_SECONDS)
    return found


def _reader() -> tantivy.Index:
    """The index of this process, reloaded when the indexer has committed since."""
    with _lock:
        path = str(_folder())
        stamp = (_folder() / "meta.json").stat()
        mark = (stamp.st_ino, stamp.st_mtime_ns)
        if _opened.get("path") != path or "index" not in _opened:
            _opened.update(path=path, index=tantivy.Index.open(path), mark=mark)
        elif _opened["mark"] != mark:
            _opened["index"].reload()
            _opened["mark"] = mark
        return _opened["index"]


def _from_database(question: str, among: QuerySet[Dataset]) -> list[int]:
    found = among
    for word in question.split():
        found = found.filter(
            Q(title__icontains=word)
            | Q(title_en__icontains=word)
            | Q(summary__icontains=word)
            | Q(name__icontains=word)
            | Q(provider__name__icontains=word)
        )
    return list(found.values_list("id", flat=True))
