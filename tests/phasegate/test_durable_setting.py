"""`[tool.phasegate] durable` names an object of the project: whatever is wrong with it is an error of the settings."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from phasegate.commands.durable import load_durable
from phasegate.errors import SettingsError

SOURCE = """
def arguments(): return None
def failing(settings): raise OSError("no bucket")
def leaving(settings): raise SystemExit(0)
def nothing(settings): return None
"""


@pytest.mark.parametrize(
    ("target", "fact"),
    [
        ("os:path", "'module' object is not callable"),
        ("os:nothing", "module os has no nothing"),
        ("no_such_module:open", "there is no module no_such_module"),
        ("os", "names no object"),
        (":open", "names no object"),
        ("..:open", "names no object"),
        ("durable_here:arguments", "takes 0 positional arguments"),
        ("durable_here:failing", "OSError: no bucket"),
        ("durable_here:leaving", "SystemExit: 0"),
        ("durable_here:nothing", "gives NoneType, which has no method read, lock_flaw, versions"),
        ("builtins:str", "gives str, which has no method read"),
    ],
)
def test_what_opens_no_durable_store_is_named_with_its_setting(tmp_path: Path, monkeypatch, target, fact) -> None:
    (tmp_path / "durable_here.py").write_text(SOURCE)
    monkeypatch.setattr("sys.path", [*sys.path])
    monkeypatch.delitem(sys.modules, "durable_here", raising=False)
    with pytest.raises(SettingsError) as caught:
        load_durable(SimpleNamespace(root=tmp_path, durable=target))
    (problem,) = caught.value.problems
    assert fact in problem.fact
    assert problem.place.endswith("pyproject.toml: [tool.phasegate] durable")
    assert problem.remedy
