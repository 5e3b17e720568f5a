"""Where a resource stands in the flow: the apps above say what they know of it, the catalogue's pages put it together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from gongshu.catalogue.models import Resource
from gongshu.parties.models import Person

# stage -> its name, in the order of the flow
STAGES = {
    "none": _("无文件"),
    "uploaded": _("已上传"),
    "inspecting": _("检视"),
    "confirming": _("待确认"),
    "submitted": _("已送审"),
    "open": _("已开放"),
    "late": _("逾期"),
}


@dataclass(frozen=True)
class Standing:
    """What one app knows: the stage, since when, the next thing to do (``verb`` at ``url``; empty: nothing to do here).

    ``version``: the number of the version that is out; ``due`` ends the promise of an update.
    """

    stage: str
    since: datetime
    verb: str = ""
    url: str = ""
    version: int = 0
    due: datetime | None = None

    @property
    def name(self) -> str:
        """The stage in words."""
        return str(STAGES[self.stage])


@dataclass(frozen=True)
class Trace:
    """Something that happened to a resource: a file, a draft, a submission, a version."""

    at: datetime
    what: str
    state: str
    by: str
    url: str = ""


Source = Callable[[Sequence[Resource]], dict[int, Standing]]
Tracer = Callable[[Resource, Person], list[Trace]]
_sources: list[Source] = []
_tracers: list[Tracer] = []


def standing_source(source: Source) -> Source:
    """Register a function that says where resources (by id) stand; decorates it in an app's ``standing`` module."""
    _sources.append(source)
    return source


def trace_source(source: Tracer) -> Tracer:
    """Register a function that says what happened to a resource, as far as the person may see it."""
    _tracers.append(source)
    return source


@dataclass(frozen=True)
class Place:
    """A resource with where it stands: ``work`` towards its next version, and the version that is ``out``."""

    resource: Resource
    work: Standing | None
    out: Standing | None

    @property
    def late(self) -> bool:
        """The promised update has not come."""
        return self.out is not None and self.out.stage == "late"

    @property
    def stage(self) -> str:
        """The stage that counts in lists and filters: late above all, then the work, then what is out."""
        if self.late:
            return "late"
        return (self.work or self.out or Standing("none", self.resource.created_at)).stage

    @property
    def name(self) -> str:
        """The stage of the work in words; of what is out when nothing is being worked on."""
        if self.work is None and self.out is not None:
            return self.out.name
        return str(STAGES[self.work.stage if self.work else "none"])


def places(resources: Sequence[Resource]) -> list[Place]:
    """The resources with where they stand, what is late first, else in their order."""
    order = list(STAGES)
    work: dict[int, Standing] = {}
    out: dict[int, Standing] = {}
    for source in _sources:
        for pk, standing in source(resources).items():
            if standing.stage in ("open", "late"):
                out[pk] = standing
            elif pk not in work or order.index(standing.stage) > order.index(work[pk].stage):
                work[pk] = standing
    made = [Place(each, work.get(each.pk), out.get(each.pk)) for each in resources]
    return sorted(made, key=lambda place: not place.late)


def traces(resource: Resource, person: Person) -> list[Trace]:
    """What happened to a resource, the latest first."""
    return sorted(
        (one for source in _tracers for one in source(resource, person)), key=lambda one: one.at, reverse=True
    )
