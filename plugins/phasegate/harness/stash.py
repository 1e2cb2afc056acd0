"""The keys under which a session keeps what its plugins share."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from phasegate.catalog.model import Catalogue
from phasegate.settings import Settings

SETTINGS_KEY = pytest.StashKey[Settings]()
CATALOGUE_KEY = pytest.StashKey[Catalogue]()
COLLECTED_KEY = pytest.StashKey[Sequence[pytest.Item]]()
"""All items that were collected, before any was deselected."""
