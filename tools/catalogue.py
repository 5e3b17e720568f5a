"""The English catalogue: find every Chinese text that a user may see, and say what has no English yet.

`python -m tools.catalogue` writes new msgids (untranslated) into the catalogue, drops those that are gone, and fills what is
untranslated from `locale/en/parts/*.po`, where developers leave their English. What the catalogue has stays: mend it there.

What counts is what reaches a call that translates (:data:`CALLS`): the texts are followed back from there through variables,
dictionaries of words, other modules' names and the parameters of functions. Regular expressions, word lists and other
data never get there, so they are no noise here.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "gongshu"
CATALOGUE = PACKAGE / "locale" / "en" / "LC_MESSAGES" / "django.po"
PARTS = PACKAGE / "locale" / "en" / "parts"
CHINESE = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")  # characters, and marks such as 、 that join words
# name of a call -> places of its arguments that are messages
CALLS = {
    "gettext": (0,),
    "gettext_lazy": (0,),
    "gettext_noop": (0,),
    "_": (0,),
    "ngettext": (0, 1),
    "ngettext_lazy": (0, 1),
    "TableError": (1,),
}


def packages() -> set[str]:
    """The parts of the program, by which :func:`messages` can be asked: ``tables``, ``cli``, ``web`` ..."""
    return {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name not in ("locale", "__pycache__")}


def messages(only: Collection[str] | None = None) -> set[str]:
    """Every Chinese msgid that the sources of the packages ``only`` (all when None) may show."""
    sources = _Sources()
    found: set[str] = set()
    for module in sources.modules:
        if _wanted(module.path, only):
            found.update(sources.messages_of(module))
    for path in (*PACKAGE.rglob("*.html"), *PACKAGE.rglob("templates/**/*.txt")):  # pages; e-mail and notices
        if _wanted(path, only):
            found.update(_from_template(path))
    if only is None or "cli" in only:
        found.update(_from_commands())
    return {message for message in found if CHINESE.search(message)}


def translations(path: Path = CATALOGUE) -> dict[str, str]:
    """A catalogue as msgid -> English; where it counts, the English of many."""
    return {message: forms[-1] for message, forms in _forms(path).items()}


def _forms(path: Path) -> dict[str, tuple[str, ...]]:
    """A catalogue as msgid -> its English: one text, or where it counts the texts for one and for many."""
    with path.open("rb") as file:
        return {
            entry.id[0] if entry.pluralizable else str(entry.id): entry.string
            if entry.pluralizable
            else (str(entry.string),)
            for entry in read_po(file, locale="en")
            if entry.id
        }


def _counting() -> set[str]:
    """The msgids of ``{% plural %}``, which are looked up as plurals only; Chinese has the same text for one and many."""
    pages = (*PACKAGE.rglob("*.html"), *PACKAGE.rglob("templates/**/*.txt"))
    return {message for path in pages for message in _from_template(path, "ngettext")}


def update() -> list[str]:
    """Bring the catalogue up to the sources and the parts; returns the msgids without English."""
    known: dict[str, tuple[str, ...]] = {}
    for path in (*sorted(PARTS.glob("*.po")), CATALOGUE):
        known |= {message: english for message, english in _forms(path).items() if any(english)}
    counting = _counting()
    made, wanted = Catalog(locale="en", project="gongshu", fuzzy=False), sorted(messages())
    with CATALOGUE.open("rb") as file:  # its date stays, so that nothing changes in the file when nothing changed
        made.creation_date = read_po(file, locale="en").creation_date
    for message in wanted:
        english, flags = known.get(message, ("",)), ("python-brace-format",) if "{" in message else ()
        if message in counting:
            made.add((message, message), (english[0], english[-1]), flags=flags)
        else:
            made.add(message, english[-1], flags=flags)
    with CATALOGUE.open("wb") as file:
        write_po(file, made, omit_header=False, no_location=True, width=120, ignore_obsolete=True)
    return [message for message in wanted if not known.get(message)]


def _wanted(path: Path, only: Collection[str] | None) -> bool:
    inside = path.relative_to(PACKAGE).parts
    return only is None or len(inside) == 1 or inside[0] in only


# Python ------------------------------------------------------------------------------------------------------------


@dataclass
class _Module:
    path: Path
    tree: ast.Module
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """The functions that hold the node, the inner first, and then the module."""
        while node in self.parents:
            node = self.parents[node]
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                yield node
        yield self.tree


class _Sources:
    """All modules, and the texts that an expression in one of them can stand for."""

    def __init__(self) -> None:
        self.modules = []
        self.calls: dict[str, list[tuple[_Module, ast.Call]]] = {}
        for path in sorted(PACKAGE.rglob("*.py")):
            if "migrations" in path.parts:
                continue
            module = _Module(path, ast.parse(path.read_text(encoding="utf-8")))
            self.modules.append(module)
            for node in ast.walk(module.tree):
                module.parents |= dict.fromkeys(ast.iter_child_nodes(node), node)
                if isinstance(node, ast.Call):
                    self.calls.setdefault(_name_of(node.func), []).append((module, node))

    def messages_of(self, module: _Module) -> Iterator[str]:
        """The texts that the translating calls of the module are given; ``i18n``, which defines them, gives none."""
        for name, places in CALLS.items():
            for where, call in self.calls.get(name, []):
                if where is module and module.path != PACKAGE / "i18n.py":
                    for place in places:
                        if place < len(call.args):
                            yield from self._texts(call.args[place], module, frozenset())

    def _texts(self, node: ast.AST, module: _Module, seen: frozenset[ast.AST]) -> Iterator[str]:
        if node in seen:
            return
        seen |= {node}
        match node:
            case ast.Constant(value=str(text)):
                yield text
            case ast.Name(id=name):
                for source, home in self._sources(name, node, module):
                    yield from self._texts(source, home, seen)
            case ast.IfExp(body=body, orelse=orelse):
                yield from self._all((body, orelse), module, seen)
            case ast.BoolOp(values=values):
                yield from self._all(values, module, seen)
            case ast.Subscript(value=value) | ast.Starred(value=value):
                yield from self._texts(value, module, seen)
            case ast.Call(func=ast.Attribute(value=value, attr="get" | "values" | "items" | "strip"), args=args):
                yield from self._all((value, *args[1:]), module, seen)
            case ast.Dict(values=values):
                yield from self._all(values, module, seen)
            case ast.Tuple(elts=values) | ast.List(elts=values) | ast.Set(elts=values):
                yield from self._all(values, module, seen)

    def _all(self, nodes: Collection[ast.AST], module: _Module, seen: frozenset[ast.AST]) -> Iterator[str]:
        for node in nodes:
            yield from self._texts(node, module, seen)

    def _sources(self, name: str, node: ast.AST, module: _Module) -> Iterator[tuple[ast.AST, _Module]]:
        """What is bound to ``name`` where ``node`` stands: assignments, loops, arguments given, another module's name."""
        for scope in module.around(node):
            bound = list(_bindings(scope, name, module))
            if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
                names = [argument.arg for argument in (*scope.args.posonlyargs, *scope.args.args)]
                keywords = [argument.arg for argument in scope.args.kwonlyargs]
                if name in names or name in keywords:
                    yield from self._given(scope.name, name, names)
                    return
            if bound:
                yield from ((source, module) for source in bound)
                return
        for other in self.modules:
            if any(
                isinstance(statement, ast.ImportFrom)
                and (statement.module or "").removeprefix("gongshu.").replace(".", "/")
                in str(other.path.relative_to(PACKAGE).with_suffix("")).removesuffix("/__init__")
                and any(alias.name == name for alias in statement.names)
                for statement in ast.walk(module.tree)
            ):
                yield from ((source, other) for source in _bindings(other.tree, name, other))

    def _given(self, function: str, name: str, names: list[str]) -> Iterator[tuple[ast.AST, _Module]]:
        for module, call in self.calls.get(function, []):
            yield from ((keyword.value, module) for keyword in call.keywords if keyword.arg == name)
            place = names.index(name) if name in names else len(call.args)
            if names[:1] in (["self"], ["cls"]):
                place -= 1
            if place < len(call.args):
                yield call.args[place], module


def _bindings(scope: ast.AST, name: str, module: _Module) -> Iterator[ast.AST]:
    for node in ast.walk(scope):
        if next(module.around(node)) is not scope:
            continue
        match node:
            case ast.Assign(targets=targets, value=value) if any(_binds(target, name) for target in targets):
                yield value
            case ast.AnnAssign(target=target, value=ast.AST() as value) if _binds(target, name):
                yield value
            case ast.NamedExpr(target=target, value=value) if _binds(target, name):
                yield value
            case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                if _binds(target, name):
                    yield value


def _binds(target: ast.AST, name: str) -> bool:
    return any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(target))


def _name_of(function: ast.AST) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


# templates and the command line -------------------------------------------------------------------------------------


def _from_template(path: Path, call: str = "(?:n?gettext|_)") -> Iterator[str]:
    import django
    from django.conf import settings

    if not settings.configured:
        settings.configure(USE_I18N=True)
        django.setup()
    from django.utils.translation.template import templatize

    code = templatize(path.read_text(encoding="utf-8"), origin=str(path))
    for literal in re.findall(rf"""\b{call}\(\s*(u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))""", code):
        yield ast.literal_eval(literal)


def _from_commands() -> Iterator[str]:
    from typer.main import get_command

    from gongshu.cli import build_app

    waiting = [get_command(build_app())]
    while waiting:
        command = waiting.pop()
        yield (command.help or "").strip()
        yield from (getattr(parameter, "help", "") or "" for parameter in command.params)
        waiting += list(getattr(command, "commands", {}).values())


if __name__ == "__main__":
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    missing = update()
    sys.stdout.write("".join(f"{message}\n" for message in missing) + f"{len(missing)} without English\n")
    sys.exit(1 if missing else 0)
