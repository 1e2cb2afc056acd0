"""Earlier levels of the ingress handler, as they were deployed on the day of the gates' history."""

from __future__ import annotations

import io
import zipfile

from infra.clients import Clients

FUNCTION = "fraud-platform-dev-full-ig-handler"

H0 = """
import json

def lambda_handler(event, context):
    path = event["requestContext"]["http"]["path"]
    if path.endswith("/ops/health"):
        return answer(200, {"status": "ok", "service": "ig-edge", "mode": "apigw_lambda_ddb"})
    if path.endswith("/ingest/push"):
        return answer(202, {"admitted": True, "ingress_mode": "managed_edge"})
    return answer(404, {"error": "route_not_found"})

def answer(status, body):
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}
"""
"""No auth, no echo, no log record: the levels before correlation was instrumented."""

TALKATIVE = """
import ig_handler_true

def lambda_handler(event, context):
    print("incoming", event["headers"], event.get("body"))
    return ig_handler_true.lambda_handler(event, context)
"""
"""The real handler behind one that prints every header, the key among them."""


def deploy(clients: Clients, source: str, **modules: str) -> None:
    """Puts other code behind the ingress."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("ig_handler.py", source)
        for name, text in modules.items():
            archive.writestr(f"{name}.py", text)
    clients.client("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=buffer.getvalue())
