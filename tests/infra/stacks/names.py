"""What the resources of dev_full are called, and the parameters that stand in an account."""

from __future__ import annotations

NAME = "fraud-platform-dev-full"
ROOT = "/fraud-platform/dev_full"
ACCOUNT = "000000000000"


def parameters(clients) -> dict[str, str]:
    pages = clients.client("ssm").get_paginator("describe_parameters").paginate()
    return {item["Name"].removeprefix(f"{ROOT}/"): item["Type"] for page in pages for item in page["Parameters"]}


def value_of(clients, name: str) -> str:
    answer = clients.client("ssm").get_parameter(Name=f"{ROOT}/{name}", WithDecryption=True)
    return answer["Parameter"]["Value"]
