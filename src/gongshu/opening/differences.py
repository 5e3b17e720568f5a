"""What a submission changes for the public against the version that is out: what approvers read first."""

from __future__ import annotations

from dataclasses import dataclass, field

from gongshu.tables.contract import Contract, Field

WORDS = ("title", "summary", "topic", "licence", "update_frequency")


@dataclass(frozen=True)
class LevelChange:
    """A field whose level or open type is not what it was; ``lowered`` ones come first, with the steward's reason."""

    name: str
    before: int | None
    after: int | None
    open_before: str | None
    open_after: str | None
    lowered: bool
    reason: str = ""


@dataclass
class Difference:
    """Two contracts compared; without a version before, ``added`` holds all public fields."""

    added: list[Field] = field(default_factory=list)
    removed: list[Field] = field(default_factory=list)
    retyped: list[tuple[str, str, str]] = field(default_factory=list)
    levels: list[LevelChange] = field(default_factory=list)
    protections: list[tuple[str, Field, Field]] = field(default_factory=list)
    words: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Nothing but the rows is new."""
        return not (self.added or self.removed or self.retyped or self.levels or self.protections or self.words)


def difference(before: Contract | None, after: Contract, decided: dict[str, dict[str, object]]) -> Difference:
    """What ``after`` changes; ``decided`` are the draft's fields: an override tells what the machine had proposed."""
    found = Difference()
    old = {one.name: one for one in before.fields} if before else {}
    new = {one.name: one for one in after.fields}
    for one in after.fields:
        was = old.get(one.name)
        if is_public(one) and (was is None or not is_public(was)):
            found.added.append(one)
        if was is not None and is_public(was) and is_public(one) and was.storage_type != one.storage_type:
            found.retyped.append((one.name, was.storage_type, one.storage_type))
        if was is not None and was.protection != one.protection:
            found.protections.append((one.name, was, one))
        if change := _level(one, was, decided.get(one.name, {})):
            found.levels.append(change)
    found.removed = [
        was for name, was in old.items() if is_public(was) and (name not in new or not is_public(new[name]))
    ]
    found.levels.sort(key=lambda one: (not one.lowered, one.name))
    if before:
        found.words = [
            (name, str(getattr(before, name)), str(getattr(after, name)))
            for name in WORDS
            if getattr(before, name) != getattr(after, name)
        ]
    return found


def is_public(one: Field) -> bool:
    """Whether anything of the field reaches the public."""
    return one.protection.method != "drop"


def _level(one: Field, was: Field | None, decided: dict[str, object]) -> LevelChange | None:
    """Against the version before; for a new field against what the machine had proposed."""
    proposed = decided.get("was")
    reference = dict(proposed) if isinstance(proposed, dict) else {}
    before = was.level if was else reference.get("level", one.level)
    open_before = was.open_type if was else reference.get("open_type", one.open_type)
    if (before, open_before) == (one.level, one.open_type):
        return None
    lowered = (before or 0) > (one.level or 0) or _openness(open_before) < _openness(one.open_type)
    return LevelChange(
        one.name, before, one.level, open_before, one.open_type, lowered, str(decided.get("reason", "") or "")
    )


def _openness(open_type: str | None) -> int:
    return {"none": 0, "conditional": 1, "unconditional": 2}.get(open_type or "none", 0)
