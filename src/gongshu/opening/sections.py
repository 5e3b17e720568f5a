"""Parts of the pages of datasets and organisations that apps of higher floors add, each in its module ``sections``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gongshu.opening.models import Dataset
from gongshu.parties.models import Organisation


@dataclass(frozen=True)
class Section:
    """One part of a page: its template, which finds ``facts`` as ``part``, and its entry in the contents of the page."""

    template: str
    anchor: str
    title: str
    facts: dict[str, Any] = field(default_factory=dict)


DatasetSource = Callable[[Dataset], Section]
OrganisationSource = Callable[[Organisation], Section]
_of_datasets: list[DatasetSource] = []
_of_organisations: list[OrganisationSource] = []


def dataset_section(source: DatasetSource) -> DatasetSource:
    """Register a part of the page of a dataset."""
    _of_datasets.append(source)
    return source


def organisation_section(source: OrganisationSource) -> OrganisationSource:
    """Register a part of the page of an organisation."""
    _of_organisations.append(source)
    return source


def of_dataset(dataset: Dataset) -> list[Section]:
    """The parts that were added to the page of ``dataset``."""
    return [source(dataset) for source in _of_datasets]


def of_organisation(organisation: Organisation) -> list[Section]:
    """The parts that were added to the page of ``organisation``."""
    return [source(organisation) for source in _of_organisations]
