"""The board as one page: no script, no network; light and dark, wide and narrow, by mouse, keyboard and reader."""

from __future__ import annotations

from functools import cache
from importlib import resources

from jinja2 import Environment, StrictUndefined, Template

from phasegate.board.model import Board, age
from phasegate.board.svg import MARKS
from phasegate.printable import printable


def board_html(board: Board) -> str:
    """The page of a board."""
    return _template().render(board=board, marks=MARKS, age=lambda moment: age(moment, board.at))


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    # What packs and catalogues say is shown, and neither obeyed nor drawn over what stands beside it.
    environment.finalize = _shown
    return environment.from_string(resources.files(__package__).joinpath("board.html.j2").read_text("utf-8"))


def _shown(value: object) -> object:
    return printable(value) if type(value) is str else value
