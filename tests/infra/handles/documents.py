"""Registries made at random, with what a reader must find in each: shared by the tests and the benchmarks.

The generator writes every value itself, so what it expects owes nothing to the parser. One `random.Random` decides
everything: a seed gives the same document always, and hypothesis' own source gives documents that shrink.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, settings

from infra.handles import parse

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For every property here: a busy machine is no finding; speed is shown in the benchmarks."""

NAME_PARTS = ("FLINK", "MSK", "S3", "IG", "ROLE", "SSM", "FP", "BUS", "V1", "V0", "RTDL", "X", "7D", "EDGE", "_")
CONCRETE_ENDS = ("_ARN", "_NAME", "_MODE", "_ID", "_PATH", "_V1", "_KEY_CONTROL")
TEMPLATE_ENDS = ("_PATTERN", "_KEY", "_FILTER")
# Each is prose as a whole, whatever stands about it.
PROSE_BLOCKS = (
    ("```", "* `IN_A_FENCE = 1`", "```"),
    ("~~~~ markdown", "# no heading", "* `/no/path`", "```", "* `{no_token}`", "~~~~"),
    ("<!--", "* `IN_A_COMMENT = 1`", "", "* `ALSO_IN_IT = 1`", "-->"),
    ("", "prose", "", "    * `INDENTED_CODE = 1`", ""),
    ("<details>", "* `IN_RAW_HTML = 1`", "</details>", ""),
    ("* prose", "", "  ```", "  * `FENCED_IN_AN_ITEM = 1`", "  ```"),
)
UNCLOSED_BLOCKS = (("```", "* `IN_AN_OPEN_FENCE = 1`"), ("<!--", "", "* `IN_AN_OPEN_COMMENT = 1`"))
_BULLET = re.compile(r"(?:[*+-]|7[.)])[ \t]+")
BULLETS = ("* ", "* ", "* ", "*  ", "*\t", "- ", "+ ", "7. ", "7) ")
NESTED = ("  * ", "   - ", "\t* ", "  * * ", "  1. ", "   1) ")
# Joined in any order these never make a word, mark or token that stands for a missing value.
FRAGMENTS = (
    "fraud-platform", "dev_full", "/", "arn:aws:iam::000000000000:role/x", "a=b", " = ", '"', '\\"', "\\", "'", "->",
    "|", ",", ":", ".", "{8}", "{}", "}", "[", "]", "(", ")", "#", "* ", "%", "&", "é", "日本", "🜁", "0", "42", "x", "https://h/v1",
)  # fmt: skip
PROSE = (
    "Plain prose about handles and their owners.",
    "* **Status:** active; see `NAME` and `OTHER = 1` within the text",
    "* a bullet without backticks = 5",
    "* `lower_case = 1` is no handle",
    "* `GET /ops/health` is a route",
    "* `300` is a number",
    "* > `QUOTED_IN_A_LIST = 1`",
    "`NO_BULLET = 1`",
    "| `TABLE_NAME = 1` | cell | `x` |",
    "| --- | :-: | --- |",
    "---",
    "> quoted `QUOTED = 1` text",
    "1. `not_a_handle` in a numbered list",
    "1. first, `NAME` in mid-sentence",
    "<!-- a comment -->",
    "<!-- * `IN_A_COMMENT = 1` -->",
    "> * `IN_A_QUOTATION = 1`",
    "",
    "",
    "   ",
    "\t",
    "`",
    "*",
    "**",
    "* ``",
    "* ` `",
)
NOTES = (
    "",
    "",
    "",
    " (materialized in M2.E)",
    " (repinned in M4.D remediation from streaming outputs)",
    " -> `fraud-platform`",
    ' -> `"x" = 5`',
    "  ",
    " trailing text, with = and {token} and `ticks`",
)


@dataclass(frozen=True)
class ExpectedHandle:
    """What a reader must find: `form` is the kind of a usable value, or the reason why it is open."""

    line: int
    section: str
    value: Any
    form: str


@dataclass
class Document:
    """A generated registry and everything that must be found in it."""

    text: str = ""
    handles: dict[str, ExpectedHandle] = field(default_factory=dict)
    paths: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    open_list: dict[str, int] = field(default_factory=dict)
    duplicates: dict[str, tuple[int, ...]] = field(default_factory=dict)


def from_seed(seed: int) -> Document:
    """The document of a seed."""
    return generate(random.Random(seed))  # noqa: S311 - chance here need not be secret, only repeatable


def generate(source: random.Random, *, max_lines: int = 40) -> Document:  # noqa: PLR0912 - a branch a kind of line
    """A registry of the grammar, with prose, tables, open handles and any line endings."""
    document = Document()
    lines: list[str] = []
    written: list[tuple[str, str]] = []
    section = ""
    for _ in range(source.randint(0, max_lines)):
        number = len(lines) + 1
        kind = source.choice(
            (
                "handle",
                "handle",
                "handle",
                "handle",
                "prose",
                "prose",
                "heading",
                "path",
                "token",
                "list",
                "twice",
                "block",
            )
        )
        if kind == "twice" and written:
            name, line = source.choice(written)
            lines.append(line + source.choice(NOTES))
            document.duplicates[name] = (*document.duplicates.get(name, (document.handles[name].line,)), number)
        elif kind == "heading":
            section = source.choice(("1 Region pins", "7.4 Ingress edge", "Notes = `X`", ""))
            lines.append(f"{'#' * source.randint(1, 6)} {section}{source.choice(('', ' ##', '  '))}")
        elif kind == "block":
            lines.extend(source.choice(PROSE_BLOCKS))
        elif kind == "path":
            path = f"/fraud-platform/dev_full/{source.choice(('msk', 'aurora', 'ig'))}/{source.randint(0, 99)}"
            lines.append(f"* `{path}`{source.choice(('', ' a note'))}")
            document.paths.setdefault(path, number)
        elif kind == "token":
            token = source.choice(("platform_run_id", "own_token", "git_sha"))
            lines.append(f"* `{{{token}}}`")
            document.tokens.setdefault(token, number)
        elif kind == "list":
            name = make_name(source, CONCRETE_ENDS)
            lines.extend(["", f"{source.randint(1, 20)}. `{name}`{source.choice(('', ' when decided'))}"])
            number += 1
            document.open_list.setdefault(name, number)
        elif kind == "handle":
            name, line, value, form = _handle_line(source)
            if name in document.handles:
                lines.append("")
                continue
            if source.random() < 0.2:  # nested below an item of its own
                lines.extend(["", "* an item that holds others"])
                line = (
                    source.choice(NESTED[:-2] if form == "name only" else NESTED) + line[len(_BULLET.match(line)[0]) :]
                )
            elif not line.startswith(("*", "-", "+")):
                lines.append("")  # only behind a blank line may a list begin with a number of its own
            lines.append(line)
            document.handles[name] = ExpectedHandle(len(lines), section, value, form)
            if form in WRITERS:
                written.append((name, f"* `{line.split('`')[1]}`"))
        else:
            lines.append(source.choice(PROSE))
    if source.random() < 0.1:
        lines.extend(source.choice(UNCLOSED_BLOCKS))
    document.text = _joined(source, lines)
    return document


def check(document: Document) -> None:
    """Read a document, and assert that exactly what it expects is found: nothing lost, nothing invented."""
    registry = parse(document.text, "generated.md")
    found = {
        handle.name: (handle.line, handle.section, json.dumps(handle.value), handle.form) for handle in registry.handles
    }
    wanted = {
        name: (handle.line, handle.section, json.dumps(handle.value), handle.form)
        for name, handle in document.handles.items()
    }
    assert found == wanted
    assert dict(registry.raw_paths) == document.paths
    assert dict(registry.tokens) == document.tokens
    assert dict(registry.open_list) == document.open_list
    assert dict(registry.duplicates) == document.duplicates


def make_name(source: random.Random, ends: tuple[str, ...]) -> str:
    """A handle's name with one of these endings."""
    parts = [source.choice(NAME_PARTS) for _ in range(source.randint(1, 4))]
    return f"{source.choice('ABCDEFGH')}{'_'.join(parts)}{source.choice(ends)}"


def make_value(source: random.Random, kind: str) -> tuple[Any, str]:
    """A usable value of a kind, and its notation."""
    return WRITERS[kind](source)


def _handle_line(source: random.Random) -> tuple[str, str, Any, str]:
    star = source.choice(BULLETS)
    if source.random() < 0.3:
        name, item, form = _open_item(source)
        note = source.choice(NOTES) if item.endswith("`") else ""
        if form == "name only" and star[0].isdigit():
            star = "* "  # a number marks the list of open handles
        return name, f"{star}{item}{note}", None, form
    kind = source.choice(tuple(WRITERS))
    name = make_name(source, TEMPLATE_ENDS if kind == "template" else CONCRETE_ENDS)
    value, raw = make_value(source, kind)
    gap = source.choice((" ", " ", " ", "  ", "\t"))
    return name, f"{star}`{name}{gap}={gap}{raw}{source.choice(('', '', ' '))}`{source.choice(NOTES)}", value, kind


def _open_item(source: random.Random) -> tuple[str, str, str]:
    form = source.choice(tuple(OPEN_ITEMS))
    name = make_name(source, TEMPLATE_ENDS if form.startswith("unknown token") else CONCRETE_ENDS)
    return name, source.choice(OPEN_ITEMS[form]).replace("NAME", name), form


def _joined(source: random.Random, lines: list[str]) -> str:
    style = source.choice(("\n", "\n", "\r\n", "\r\n", "\r", "mixed"))
    ends = [source.choice(("\n", "\r\n")) if style == "mixed" else style for _ in lines]
    if ends and source.random() < 0.3:
        ends[-1] = ""
    mark = "\ufeff" if source.random() < 0.1 else ""
    return mark + "".join(line + end for line, end in zip(lines, ends, strict=True))


def _text(source: random.Random) -> str:
    return "x" + "".join(source.choice(FRAGMENTS) for _ in range(source.randint(0, 6))).rstrip(" ")


def _string(source: random.Random) -> tuple[Any, str]:
    text = source.choice((_text(source), f'"{_text(source)}"', "a,b,c", "A|B", "true", "300", "["))
    return text, f'"{text}"'


def _template(source: random.Random) -> tuple[Any, str]:
    token = source.choice(("platform_run_id", "phase_execution_id", "output_id"))
    text = f"evidence/{_text(source)}/{{{token}}}/{source.choice(('', 'output_id={output_id}/', 'run.json'))}"
    return text, f'"{text}"'


def _integer(source: random.Random) -> tuple[Any, str]:
    number = source.choice((0, -1, 300, source.randint(-(10**6), 10**18)))
    return number, str(number)


def _decimal(source: random.Random) -> tuple[Any, str]:
    raw = source.choice(("5.0", "-0.25", "1e3", "2.5E-7", "0.0", f"{source.randint(0, 999)}.{source.randint(0, 999)}"))
    return float(raw), raw


def _boolean(source: random.Random) -> tuple[Any, str]:
    truth = source.random() < 0.5
    return truth, "true" if truth else "false"


def _item(source: random.Random, depth: int = 0) -> Any:
    kinds: tuple[Callable[[], Any], ...] = (
        lambda: _text(source),
        lambda: source.randint(-9, 9),
        lambda: True,
        lambda: 0.5,
    )
    nested: tuple[Callable[[], Any], ...] = (
        lambda: [_item(source, depth + 1) for _ in range(source.randint(0, 3))],
        lambda: {f"k{index}": _item(source, depth + 1) for index in range(source.randint(0, 3))},
    )
    return source.choice(kinds + nested if depth < 3 else kinds)()


def _list(source: random.Random) -> tuple[Any, str]:
    value = [_item(source) for _ in range(source.randint(1, 4))]
    return value, _json(source, value)


def _object(source: random.Random) -> tuple[Any, str]:
    keys = [f"{source.choice('zyxwv')}{_text(source)}{index}" for index in range(source.randint(1, 4))]
    value = {key: _item(source) for key in keys}
    return value, _json(source, value)


def _json(source: random.Random, value: Any) -> str:
    separators = source.choice(((",", ":"), (", ", ": ")))
    return json.dumps(value, ensure_ascii=source.random() < 0.3, separators=separators)


WRITERS: dict[str, Callable[[random.Random], tuple[Any, str]]] = {
    "string": _string,
    "template": _template,
    "integer": _integer,
    "decimal": _decimal,
    "boolean": _boolean,
    "list": _list,
    "object": _object,
}

# Each item as it stands behind the bullet, by the reason why its handle is open.
OPEN_ITEMS: dict[str, tuple[str, ...]] = {
    "name only": ("`NAME`",),
    "TO_PIN": ('`NAME = "TO_PIN"`', "`NAME = TO_PIN`", '`NAME = "to_pin (M8)"`', '`NAME = ["a","TO_PIN"]`'),
    "blank": ("`NAME = `", "`NAME =`", '`NAME = ""`', '`NAME = "  "`', "`NAME = []`", "`NAME = {}`", '`NAME = [" "]`'),
    "placeholder": (
        '`NAME = "tbd"`', '`NAME = "TODO: ask"`', '`NAME = "None"`', "`NAME = null`", '`NAME = "unset"`',
        "`NAME = <arn>`", '`NAME = "arn:<account>:x"`', '`NAME = "some placeholder value"`', '`NAME = {"k":null}`',
    ),
    "braces in a concrete handle": (
        '`NAME = "https://{api_id}.execute-api"`', '`NAME = "{ api-id }"`', '`NAME = ["{platform_run_id}"]`',
    ),
    "unknown token in a template": ('`NAME = "runs/{no_such_token}/"`', '`NAME = "{platform_run_id}/{ phase_id }"`'),
    "malformed": (
        '`NAME = "padded "`',
        '`NAME = " padded"`', '`NAME = ["padded "]`', '`NAME = "TO\u200b_PIN"`', '`NAME = "\ufeffx"`',
        '`NAME = "a\u00a0b"`', '`NAME = "a\u202eb"`', '`NAME = "a\0b"`', '`NAME = "a\tb"`', '`NAME = ["a\u3164"]`',
        '`NAME = ["a\\u200b"]`', '`NAME = {"a\u00ad":1}`', "`NAME\u00a0= 5`", "`NAME =\u00a05`", "`NAME = 5\u200b`",
        "**`NAME = 5`**", "[ ] `NAME = 5`", "``NAME = 5``", "`NAME\u200b = 5`",
        '`NAME = "unterminated`', '`NAME = "`', "`NAME = ended\"`", "`NAME = bare text`", "`NAME = 007`", "`NAME = 1.`",
        "`NAME = True`", "`NAME = 'single'`", '`NAME = ["a",]`', '`NAME = {"a":1,"a":2}`', "`NAME = [NaN]`",
        "`NAME = 1e999`", '`NAME="x"`', '`NAME= "x"`', '`NAME ="x"`', '`NAME = "no closing backtick"', "`NAME",
        "`NAME = 5",
    ),
}  # fmt: skip
