"""What a verifier's function can find: one that nothing in it can fail checks nothing, however green it is."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping, Sequence

from phasegate.catalog.coverage import CollectedTest
from phasegate.catalog.grammar import short_verifier
from phasegate.catalog.model import Catalogue
from phasegate.errors import Problem

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_NESTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_LEAVES = (ast.Return, ast.Raise, ast.Break, ast.Continue)
_SILENT = frozenset(name for name in dir(builtins) if name not in {"eval", "exec", "__import__"})


def lint_bodies(catalogue: Catalogue, tests: Sequence[CollectedTest], sources: Mapping[str, str]) -> list[Problem]:
    """The verifiers whose functions cannot raise what the catalogue says that they may, or that return a value.

    A function can raise where it asserts, raises, or calls anything but a built-in: a fixture or a helper may block
    on its behalf.

    Args:
        catalogue: The catalogue.
        tests: The test functions found.
        sources: The text of each file that they stand in; a file that is not among them is left out.
    """
    trees = {file: _parsed(text) for file, text in sources.items()}
    problems: list[Problem] = []
    for test in sorted(set(tests)):
        tree = trees.get(test.file)
        gate = catalogue.gate_of_verifier.get(short_verifier(test.verifier))
        if tree is None or gate is None:
            continue
        function = _function(tree, test.line)
        if function is None:
            continue  # it is made elsewhere, by a factory say: its own text is not in this file
        codes = ", ".join(gate.verifier_by_id[short_verifier(test.verifier)].raises)
        problems += _problems(function, test, codes)
    return problems


def _problems(function: _Function, test: CollectedTest, codes: str) -> Iterator[Problem]:
    own = list(_own(function))
    if not any(_can_raise(node) for node in own):
        yield Problem(
            f"{test.nodeid} can raise nothing: no block, no blocks, no assert, and no call that could",
            test.place,
            f"check what {test.verifier} is for, and raise {codes}",
        )
    for node in own:
        if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
            yield Problem(
                f"{test.nodeid} returns a value, which nobody looks at",
                f"{test.file}:{node.lineno}",
                "assert it, within `with blocks(...)`",
            )


def _own(function: _Function) -> Iterator[ast.AST]:
    """The nodes of a function's body that are run; what it only defines is not, nor what stands behind a return."""
    pending: list[ast.AST] = _reached(function.body)
    while pending:
        node = pending.pop()
        if isinstance(node, _NESTED):
            continue
        if isinstance(node, ast.With) and all(map(_is_blocks, node.items)) and all(map(_does_nothing, node.body)):
            continue
        yield node
        if isinstance(node, ast.If) and isinstance(node.test, ast.Constant):
            pending.extend(_reached(node.body if node.test.value else node.orelse))
            continue
        for _, field in ast.iter_fields(node):
            if isinstance(field, list):
                pending.extend(_reached([part for part in field if isinstance(part, ast.AST)]))
            elif isinstance(field, ast.AST):
                pending.append(field)


def _reached(nodes: Sequence[ast.AST]) -> list[ast.AST]:
    """The nodes of a list up to the first that leaves it."""
    end = next((place for place, node in enumerate(nodes) if isinstance(node, _LEAVES)), len(nodes))
    return list(nodes[: end + 1])


def _is_blocks(item: ast.withitem) -> bool:
    """Tell whether a context is that of `blocks(...)`, which says only what its body would mean."""
    called = item.context_expr.func if isinstance(item.context_expr, ast.Call) else None
    return (
        isinstance(called, ast.Name | ast.Attribute) and getattr(called, "id", getattr(called, "attr", "")) == "blocks"
    )


def _does_nothing(node: ast.AST) -> bool:
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _can_raise(node: ast.AST) -> bool:
    match node:
        case ast.Assert(test=test):
            return not _always_holds(test)
        case ast.Raise():
            return True
        case ast.Call(func=ast.Name(id=name)):
            return name not in _SILENT
        case ast.Call() | ast.Await():
            return True
        case _:
            return False


def _always_holds(test: ast.expr) -> bool:
    """Tell whether an assertion is of a constant, or of a thing with itself."""
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if isinstance(test, ast.Tuple):
        return bool(test.elts)
    if isinstance(test, ast.Compare) and not any(isinstance(node, ast.Call) for node in ast.walk(test)):
        sides = [ast.dump(side) for side in (test.left, *test.comparators)]
        return len(set(sides)) == 1 and all(isinstance(sign, ast.Eq | ast.Is | ast.LtE | ast.GtE) for sign in test.ops)
    return False


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # whoever collects it says so


def _function(tree: ast.Module, line: int) -> _Function | None:
    """The function that begins, with its first decorator, in a line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if line in (first, node.lineno):
                return node
    return None
