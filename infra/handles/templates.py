"""Templates: which handles may carry `{token}` parts, which tokens there are, and filling them in."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from typing import Final

from infra.errors import Problem, RegistryError

LEGAL_TOKENS: Final = frozenset(
    {
        # the tokens of the platform's record
        "platform_run_id",
        "scenario_run_id",
        "phase_id",
        "output_id",
        "oracle_source_namespace",
        "oracle_engine_run_id",
        "dataset_fingerprint",
        "bundle_id",
        # seen beside them in run-control and delivery paths
        "phase_execution_id",
        "application_name",
        "git_sha",
        "ci_run_id",
    }
)
"""Tokens that a template may use in any registry; a registry's own token list adds to them."""

TEMPLATE_SUFFIXES: Final = ("_PATTERN", "_KEY", "_FILTER", "_TEMPLATE")
"""A handle whose name ends so is meant to be a template."""

# Deliberately wider than a legal token: `{ api-id }` is a forgotten placeholder too. `{8}`, as in a regular
# expression, and `{}` are not. No repetition can give characters to its neighbour, and none crosses a brace, so
# matching is linear.
_TOKEN_LIKE = re.compile(r"\{\s*+[A-Za-z_][A-Za-z0-9_.\-]*+\s*+\}")
_TOKEN = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*+)\}")
_EXECUTION_ID = re.compile(r"[a-z][a-z0-9]*+_execution_id")
"""The execution id of a gate or phase, such as `m9_execution_id`: a token of every registry."""

_RELATIVE_PATH = re.compile(r"[^/:\s{}\"',]++(?:/(?:[^/:\s\"'{},]|\{[^{}]*+\})*+)++")


def is_template(name: str, text: str, legal: Collection[str]) -> bool:
    """Tell whether a handle's text may carry tokens.

    The name says so, or the text is a relative path below a fixed folder, such as `evidence/{phase_id}/run.json`,
    whose tokens are all legal. In any other handle, a URL or a bucket's name, a leftover token makes it unusable.
    """
    if name.endswith(TEMPLATE_SUFFIXES):
        return True
    return "{" in text and _RELATIVE_PATH.fullmatch(text) is not None and not unknown_parts(text, legal)


def token_like_parts(text: str) -> list[str]:
    """Everything in a text that looks like a token, braces included, in order."""
    return _TOKEN_LIKE.findall(text) if "{" in text else []


def read_token(text: str) -> str | None:
    """The token's name where the text is exactly one `{token}`, else None."""
    match = _TOKEN.fullmatch(text)
    return match[1] if match else None


def unknown_parts(text: str, legal: Collection[str]) -> list[str]:
    """The token-like parts of a template that are no legal token."""
    return [part for part in token_like_parts(text) if not _is_legal(read_token(part), legal)]


def expand(template: str, values: Mapping[str, str], *, place: str) -> str:
    """Fill in every token of a template.

    Args:
        template: The text; one without tokens comes back as it is.
        values: A text for each token's name; more than the template needs is fine.
        place: Where the template stands, for messages.

    Raises:
        RegistryError: A token has no value, or a value is blank or carries a brace of its own; all are listed.
    """
    problems: list[Problem] = []
    for part in dict.fromkeys(token_like_parts(template)):
        name = read_token(part) or part.strip("{} \t")
        value = values.get(name)
        if value is None:
            near = difflib.get_close_matches(name, values, n=1)
            hint = f" (given is {near[0]!r})" if near else ""
            problems.append(Problem(f"no value is given for {part}{hint}", place, f"give a value for {name!r}"))
        elif not value.strip() or "{" in value or "}" in value:
            problems.append(
                Problem(f"{value!r} cannot stand for {part}", place, "give a value that is not blank and has no braces")
            )
    if problems:
        raise RegistryError(problems=problems)
    return _TOKEN_LIKE.sub(lambda match: values[match[0].strip("{} \t")], template)


def _is_legal(token: str | None, legal: Collection[str]) -> bool:
    return token is not None and (token in legal or _EXECUTION_ID.fullmatch(token) is not None)
