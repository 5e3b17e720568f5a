"""A portal: its datasets, listed, searched and by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self
from urllib.parse import quote

from gongshu.client.dataset import Dataset
from gongshu.client.transport import Transport

PAGE = 100


class Portal:
    """A Gongshu portal at ``url``; see :func:`portal`. Close it, or use it as a context manager."""

    def __init__(self, url: str, transport: Transport) -> None:
        self.url = url
        self._transport = transport

    def dataset(self, name: str) -> Dataset:
        """The dataset ``name``; nothing is asked yet."""
        return Dataset(self._transport, name)

    def datasets(self, *, topic: str = "", provider: str = "", format: str = "") -> Iterator[Dataset]:
        """All datasets, the latest first; of a topic, a provider (its code) or a file format when said."""
        return self._listed({"topic": topic, "provider": provider, "format": format}, None)

    def search(
        self, question: str, *, topic: str = "", provider: str = "", format: str = "", limit: int | None = 20
    ) -> list[Dataset]:
        """The datasets that best answer ``question`` (words or a sentence, Chinese or English), at most ``limit``."""
        wanted = {"q": question, "topic": topic, "provider": provider, "format": format}
        return list(self._listed(wanted, limit))

    def close(self) -> None:
        """Close the connections."""
        self._transport.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"gs.portal({self.url!r})"

    def _listed(self, wanted: dict[str, str], limit: int | None) -> Iterator[Dataset]:
        pairs = [(name, value) for name, value in wanted.items() if value]
        done = 0
        while limit is None or done < limit:
            size = PAGE if limit is None else min(PAGE, limit - done)
            page = [("limit", str(size)), ("offset", str(done))]
            found: list[dict[str, Any]] = self._transport.json("api/v1/datasets", pairs + page)["items"]
            for each in found:
                yield Dataset(self._transport, each["name"], each)
            done += len(found)
            if len(found) < size:
                return


def portal(
    url: str, *, token: str | None = None, timeout: float = 60.0, retries: int = 4, language: str = "zh-hans"
) -> Portal:
    """The portal at ``url``, such as ``https://data.example.gov.cn``.

    ``token`` goes along as a bearer token; ``timeout`` is in seconds, for connecting and for every silence of the portal;
    ``retries`` are further tries after a broken connection, 429 or 503; ``language`` (zh-hans, en) is that of messages.
    """
    base = url.rstrip("/") + "/"
    return Portal(url.rstrip("/"), Transport(quote(base, safe=":/%[]@?&=+~"), token, timeout, retries, language))
