"""What questions and answers add to the pages of datasets and of organisations."""

from __future__ import annotations

from django.utils.translation import gettext as _

from gongshu.feedback import queries
from gongshu.opening.models import Dataset
from gongshu.opening.sections import Section, dataset_section, organisation_section
from gongshu.parties.models import Organisation

QUESTIONS, REUSES, DEMANDS = 3, 3, 3


@dataset_section
def questions(dataset: Dataset) -> Section:
    """The latest questions about a dataset with their answers."""
    found = queries.questions(dataset)
    facts = {"questions": found[:QUESTIONS], "total": found.count(), "dataset": dataset}
    return Section("feedback/dataset_questions.html", "questions", _("问答"), facts)


@dataset_section
def reuses(dataset: Dataset) -> Section:
    """What was made with a dataset."""
    found = queries.shown_reuses().filter(datasets=dataset)
    facts = {"reuses": found[:REUSES], "total": found.count(), "dataset": dataset}
    return Section("feedback/dataset_reuses.html", "reuses", _("应用成果"), facts)


@organisation_section
def answering(organisation: Organisation) -> Section:
    """How an organisation answers, and what it is asked for."""
    demands = queries.open_first(queries.public_demands().filter(organisation=organisation))
    facts = {
        "row": queries.answering_of(organisation),
        "demands": demands[:DEMANDS],
        "total": demands.count(),
        "organisation": organisation,
    }
    return Section("feedback/organisation_answering.html", "answering", _("需求与答复"), facts)
