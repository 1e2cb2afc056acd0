"""Which functions, classes and modules a source marks as tests of verifiers, read without running it.

What Python alone can tell is not read: a mark that a hook adds, or whose identifier is put together.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from phasegate.catalog.grammar import short_verifier

_MARK = "verifier"
_OF_CONTAINERS = "pytestmark"
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True, slots=True, order=True)
class Marked:
    """A place of a source that says that it tests a verifier.

    Attributes:
        verifier: The verifier, by its short identifier.
        name: Qualified name of the function or class; empty for the module itself.
        line: Where it begins with its first decorator, from 1.
        holds_tests: Whether it is a class or a module, whose tests are what is marked.
    """

    verifier: str
    name: str
    line: int
    holds_tests: bool = False


@lru_cache(maxsize=1024)  # a session asks twice: what was not collected, and which modules judge a gate
def marked_in(source: bytes) -> tuple[Marked, ...]:
    """The places of a source that are marked as tests of verifiers, sorted.

    The nearest mark counts, as for pytest: a function's own, that of its class, that of the module. Below a class or
    a module that is marked, the functions whose names begin with `test` are meant, and the class or module itself.

    Args:
        source: A Python file, as it lies on the disk.

    Raises:
        ValueError: It is no Python, so that nobody can tell.
    """
    if _MARK.encode() not in source:
        return ()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # whoever imports it is warned
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(getattr(error, "msg", str(error))) from error
    statements = list(_statements(tree.body))
    found = _Reader(_names(statements)).scope(statements, "", 1, frozenset(), tests=True)
    return tuple(sorted(set(found)))


class _Reader:
    def __init__(self, names: Mapping[str, ast.expr]) -> None:
        self._names = names

    def scope(
        self, statements: Iterable[ast.stmt], name: str, line: int, above: frozenset[str], *, tests: bool
    ) -> Iterator[Marked]:
        """What is marked in a module, a class or a function, and in what they define.

        Args:
            statements: Its statements, without those of what it defines.
            name: Its qualified name.
            line: Where it begins.
            above: What its definitions are marked as unless they say otherwise.
            tests: Whether pytest looks for tests in it.
        """
        own: frozenset[str] = frozenset()
        definitions: list[_Definition] = []
        for statement in statements:
            if isinstance(statement, _DEFINITIONS):
                definitions.append(statement)
            elif tests and (value := _assigned(statement, _OF_CONTAINERS)) is not None:
                own |= self._marks(value)
            else:
                yield from self._applied(statement, name)
        for verifier in own:
            yield Marked(verifier, name.removesuffix("."), line, holds_tests=True)
        for definition in definitions:
            yield from self._definition(definition, name, own or above, tests=tests)

    def _definition(self, node: _Definition, within: str, above: frozenset[str], *, tests: bool) -> Iterator[Marked]:
        line = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        own = frozenset().union(*map(self._marks, node.decorator_list))
        name = within + node.name
        if isinstance(node, ast.ClassDef):
            yield from (Marked(verifier, name, line, holds_tests=True) for verifier in own)
            yield from self.scope(_statements(node.body), f"{name}.", line, own or above, tests=True)
            return
        inherits = tests and node.name.startswith("test") and not any(map(_is_fixture, node.decorator_list))
        marks = own or (above if inherits else frozenset())
        yield from (Marked(verifier, name, line) for verifier in marks)
        yield from self.scope(_statements(node.body), f"{name}.<locals>.", line, frozenset(), tests=False)

    def _applied(self, statement: ast.stmt, within: str) -> Iterator[Marked]:
        """What a mark is called with, as in `test_it = pytest.mark.verifier("M9A-V2")(check)`."""
        match statement:
            case ast.Assign(targets=[ast.Name(id=name), *_], value=ast.Call(func=called, args=[_])):
                pass
            case ast.Expr(value=ast.Call(func=called, args=[ast.Name(id=name)])):
                pass
            case _:
                return
        mark = self._meant(called)
        if isinstance(mark, ast.Call) and self._is_mark(mark.func):
            yield from (Marked(verifier, within + name, statement.lineno) for verifier in self._marks(mark))

    def _marks(self, expression: ast.expr, seen: frozenset[str] = frozenset()) -> frozenset[str]:
        """The verifiers that an expression names in marks, wherever in it they stand."""
        found: frozenset[str] = frozenset()
        for node in ast.walk(expression):
            if isinstance(node, ast.Call) and self._is_mark(node.func) and node.args:
                name = self._meant(node.args[0])
                if isinstance(name, ast.Constant) and isinstance(name.value, str):
                    found |= {short_verifier(name.value)}
            elif isinstance(node, ast.Name) and node.id in self._names and node.id not in seen:
                found |= self._marks(self._names[node.id], seen | {node.id})
        return found

    def _is_mark(self, function: ast.expr) -> bool:
        match self._meant(function):
            case ast.Attribute(attr=name) | ast.Name(id=name):
                return name == _MARK
            case ast.Call(func=ast.Name(id="getattr"), args=[_, ast.Constant(value=name), *_]):
                return bool(name == _MARK)
            case _:
                return False

    def _meant(self, expression: ast.expr) -> ast.expr:
        """What a name of the module stands for, or the expression itself."""
        seen = set()
        while isinstance(expression, ast.Name) and expression.id in self._names and expression.id not in seen:
            seen.add(expression.id)
            expression = self._names[expression.id]
        return expression


def _statements(body: Iterable[ast.AST]) -> Iterator[ast.stmt]:
    """The statements of a scope, those behind conditions included, and none of what it defines."""
    for node in body:
        if isinstance(node, ast.stmt):
            yield node
        if not isinstance(node, _DEFINITIONS):
            for part in ("body", "handlers", "orelse", "finalbody", "cases"):
                yield from _statements(getattr(node, part, ()))


def _names(statements: Iterable[ast.stmt]) -> dict[str, ast.expr]:
    """What the names of a module stand for, as far as it assigns or imports them by another name."""
    found: dict[str, ast.expr] = {}
    for statement in statements:
        match statement:
            case ast.Assign(targets=targets, value=value):
                found.update({target.id: value for target in targets if isinstance(target, ast.Name)})
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found[name] = value
            case ast.ImportFrom(names=names):
                found.update({each.asname: ast.Name(each.name) for each in names if each.asname})
            case _:
                pass
    return found


def _assigned(statement: ast.stmt, name: str) -> ast.expr | None:
    """What a statement gives to a name, or adds to it."""
    match statement:
        case ast.Assign(targets=targets, value=value):
            return value if any(isinstance(target, ast.Name) and target.id == name for target in targets) else None
        case (
            ast.AnnAssign(target=ast.Name(id=target), value=value)
            | ast.AugAssign(target=ast.Name(id=target), value=value)
        ):
            return value if target == name else None
        case _:
            return None


def _is_fixture(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return getattr(called, "attr", getattr(called, "id", "")) == "fixture"
