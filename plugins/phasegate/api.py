"""All that the author of a verifier imports.

A verifier is a pytest test with two markers; the rest of what it needs are fixtures:

```python
import pytest
from phasegate.api import GateRun, blocks

pytestmark = pytest.mark.gate("M4.C")

@pytest.mark.verifier("M4C-V2")
def test_role_handles_are_pinned(gate: GateRun, roles) -> None:
    with blocks("M4C-B2"):
        assert not roles.unresolved, f"unresolved: {roles.unresolved}"
    gate.metric("resolved_role_count", len(roles.resolved))
```
"""

from phasegate.evidence.artifact import Artifact, Part
from phasegate.evidence.documents import Count, ExecutionName, GateName, Said, Sha256, Unique
from phasegate.gate import GateRun
from phasegate.rollup import BlockerRegister, Rollup, RollupMatrix, RollupRow, RollupVerdict, UnresolvedBlocker
from phasegate.scope import block, blocks
from phasegate.steps import step

__all__ = [
    "Artifact",
    "BlockerRegister",
    "Count",
    "ExecutionName",
    "GateName",
    "GateRun",
    "Part",
    "Rollup",
    "RollupMatrix",
    "RollupRow",
    "RollupVerdict",
    "Said",
    "Sha256",
    "Unique",
    "UnresolvedBlocker",
    "block",
    "blocks",
    "step",
]
