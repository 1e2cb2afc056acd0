"""A small catalogue to change, as data: two gates, the second resting on the first."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from phasegate.catalog.load import parse
from phasegate.catalog.model import Catalogue

GOOD = Path(__file__).parent / "good.yaml"
_GOOD_DATA = yaml.safe_load(GOOD.read_text(encoding="utf-8"))


@pytest.fixture
def document() -> dict[str, Any]:
    """A document without a mistake, to be changed."""
    return copy.deepcopy(_GOOD_DATA)


@pytest.fixture
def good() -> Catalogue:
    """The catalogue that the document makes."""
    catalogue, problems = parse([(GOOD.name, GOOD.read_text(encoding="utf-8"))])
    assert catalogue is not None, problems
    return catalogue
