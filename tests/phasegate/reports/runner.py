"""How a runner of GitHub reads the log of a step: the workflow commands in it, and when it obeys none."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_COMMAND = re.compile(r"\s*::(?P<name>[^\s:]+)(?: (?P<properties>.*?))?::(?P<data>.*)")
_OLD = re.compile(r"##\[(?P<name>[^\]\s]+)[^\]]*\]")


@dataclass
class Command:
    """A command that the runner obeys."""

    name: str
    data: str = ""
    properties: dict[str, str] = field(default_factory=dict)


def obeyed(log: str) -> list[Command]:
    """The commands that a runner obeys, those that stop and resume it left out."""
    found = []
    token = None
    for line in log.splitlines():
        if token is not None:
            if line.strip() == f"::{token}::":
                token = None
            continue
        command = _COMMAND.fullmatch(line)
        if command is None:
            found += [Command(old["name"]) for old in _OLD.finditer(line)]
        elif command["name"] == "stop-commands":
            token = command["data"]
        else:
            pairs = [pair.partition("=") for pair in (command["properties"] or "").split(",") if pair]
            properties = {name: unescaped(value, ":=%3A", ",=%2C") for name, _, value in pairs}
            found.append(Command(command["name"], unescaped(command["data"]), properties))
    return found


def unescaped(text: str, *more: str) -> str:
    """What an escaped text says; the sign that escapes comes last, or it would make others."""
    for sign, _, written in (each.partition("=") for each in ("\r=%0D", "\n=%0A", *more, "%=%25")):
        text = text.replace(written, sign)
    return text
