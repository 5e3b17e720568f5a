"""What a person may say about a file when the reader guessed wrong."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ReadingOptions:
    """Overrides of the guesses; what is None is found out.

    ``encoding``: a Python codec name. ``delimiter``: one or more characters. ``quote``: ``"``, ``'`` or ``""`` for none.
    ``header_rows``: 1-based rows of the source that hold the header. ``no_header``: there is none, columns become 列1, 列2...
    ``skip_rows``: 1-based rows of the source that are no records. ``sheet``: read this sheet of a workbook only.
    ``types``: column -> storage type, taken instead of the inferred one.
    """

    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    header_rows: tuple[int, ...] | None = None
    no_header: bool = False
    skip_rows: tuple[int, ...] = ()
    sheet: str | None = None
    types: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # contracts in YAML give lists
        if self.header_rows is not None:
            object.__setattr__(self, "header_rows", tuple(self.header_rows))
        object.__setattr__(self, "skip_rows", tuple(self.skip_rows))
