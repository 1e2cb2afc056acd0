"""What AWS would not serve is not served here either: the gates that look at the ingress are held."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from phasegate.errors import ExitCode
from tests.gates.conftest import ROOT, Platform
from tests.gates.handlers import deploy

UP_TO_E = "m4a or m4b or m4c or m4d or m4e"
HANDLER = ROOT / "infra/ingress/ig_handler.py"


def another_region(platform: Platform) -> None:
    url = platform.world.handles["IG_BASE_URL"].replace("eu-west-2", "us-west-1")
    platform.edit_registry({"IG_BASE_URL": json.dumps(url)})


def disabled_endpoint(platform: Platform) -> None:
    api = platform.world.handles["APIGW_IG_API_ID"]
    platform.clients.client("apigatewayv2").update_api(ApiId=api, DisableExecuteApiEndpoint=True)


def missing_import(platform: Platform) -> None:
    source = HANDLER.read_text(encoding="utf-8")
    deploy(platform.clients, source.replace("import uuid\n", "import uuid\nimport pydantic\n"))


@pytest.mark.parametrize(
    "breaks", [another_region, disabled_endpoint, missing_import], ids=lambda breaks: breaks.__name__
)
def test_an_ingress_that_aws_would_not_serve_is_m4e_b2_b3(platform: Platform, breaks) -> None:
    breaks(platform)
    run = platform.run(UP_TO_E)
    assert run.code == ExitCode.BLOCKED, run.output
    assert run.blockers("M4.E") == ["M4E-B2", "M4E-B3"]
    assert run.summary("M4.E")["provenance"]["function_runtime"].startswith("python3.12 on Python 3.")


def test_a_session_refuses_a_substrate_of_other_code(platform: Platform) -> None:
    outdated = platform.path / "outdated"
    outdated.mkdir(0o700)
    replace(platform.substrate.record, digest="of yesterday").write(outdated)
    platform.substrate = replace(platform.substrate, state_dir=outdated)
    run = platform.run("m4a")
    assert run.code == ExitCode.SUBSTRATE, run.output
    assert "runs other code than this checkout" in run.output
    assert "phasegate substrate up" in run.output
    assert "Traceback" not in run.output
    assert not list(run.root.glob("dev_full/m4/m4*"))
