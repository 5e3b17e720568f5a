"""Finding datasets: a Tantivy index of words and values, written by one indexer from the outbox, read by every web process.

The index proposes datasets, best first, and counts them; which of them may be seen is decided by the database. A word is
found whole (rjieba's segmentation) or by its characters side by side, so that words of one or two characters work;
traditional characters are read as simplified ones. Lower stand datasets found by a synonym of the word (rulebook and the
platform's own), or by how it sounds (pinyin, first letters). Where nothing is found so, words that sound alike or differ by a
letter are tried, and the answer says which.
"""

from gongshu.opening.search.asking import Found, Wanted, ask, nearest, resolved, suggestions
from gongshu.opening.search.index import IndexMissing, index_pending, rebuild
from gongshu.opening.search.words import plain, words_of

__all__ = [
    "Found", "IndexMissing", "Wanted", "ask", "index_pending", "nearest", "plain", "rebuild", "resolved", "suggestions", "words_of"
]  # fmt: skip
