"""What the packs are cut into is read by the state that it is cut for."""

import ast
import dataclasses
from pathlib import Path

import pytest

import engine.states
from engine.states import s2_priors, s3, s4


@pytest.mark.parametrize(
    "given",
    [s2_priors.AccountPriors, s2_priors.AccountRule, s2_priors.TagAdjustment, s3.InstrumentPriors, s3.InstrumentRule,
     s4.GraphPriors, s4.DeviceRule, s4.GroupRule, s4.IpCellRule],
)  # fmt: skip
def test_a_state_reads_all_that_it_is_given(given):
    sources = Path(engine.states.__file__).parent.glob("s*.py")
    nodes = (node for path in sources for node in ast.walk(ast.parse(path.read_text())))
    assert {item.name for item in dataclasses.fields(given)} <= {
        node.attr for node in nodes if isinstance(node, ast.Attribute)
    }
