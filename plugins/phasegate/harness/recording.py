"""pytest's fixtures that write into JUnit without a report; registered where gates run, in front of pytest's own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from phasegate.harness.hygiene import HYGIENE_KEY

_Record = Callable[[str, object], None]


@pytest.fixture(scope="session")
def record_testsuite_property(request: pytest.FixtureRequest, record_testsuite_property: _Record) -> _Record:
    """Pytest's own `record_testsuite_property`, with what is secret withheld."""
    return _clean(request, record_testsuite_property)


@pytest.fixture
def record_xml_attribute(request: pytest.FixtureRequest, record_xml_attribute: _Record) -> _Record:
    """Pytest's own `record_xml_attribute`, with what is secret withheld."""
    return _clean(request, record_xml_attribute)


def _clean(request: pytest.FixtureRequest, record: _Record) -> _Record:
    hygiene = request.config.stash[HYGIENE_KEY]

    def record_clean(name: str, value: object) -> None:
        record(*hygiene.property(name, value))

    return record_clean
