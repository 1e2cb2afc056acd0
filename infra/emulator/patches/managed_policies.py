"""AWS-managed policies exist when somebody names one.

Reason: moto starts accounts without them unless told to load all of them, which parses five megabytes of JSON and
builds more than a thousand objects per account. The stacks attach a handful (the EKS node and cluster policies,
the Lambda execution policy), so one policy is cut out of moto's own data when its ARN is first used.
"""

# ruff: noqa: PLC0415 - the emulator is imported when the patch is applied

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from infra.emulator.patches import contract

MANAGED_PREFIX = "arn:aws:iam::aws:policy/"


def apply() -> None:
    """Make the calls that take a policy ARN find an AWS-managed policy."""
    from moto.iam import models

    contract.require(models.AWSManagedPolicy, "from_data", ("name", "account_id", "region_name", "data"))
    contract.require_that(
        _entry(models.aws_managed_policies_data, "AmazonEKSClusterPolicy") is not None,
        models,
        "the data of AWS-managed policies has one entry per policy, by name, indented by one space",
    )
    for name, parameters in {
        "attach_role_policy": ("self", "policy_arn", "role_name"),
        "attach_user_policy": ("self", "policy_arn", "user_name"),
        "attach_group_policy": ("self", "policy_arn", "group_name"),
        "get_policy": ("self", "policy_arn"),
    }.items():
        original = contract.require(models.IAMBackend, name, parameters)
        setattr(models.IAMBackend, name, _finding_managed(models, original))


def _finding_managed(models: Any, original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def wrapper(self: Any, policy_arn: str, *args: Any, **kwargs: Any) -> Any:
        if policy_arn.startswith(MANAGED_PREFIX) and policy_arn not in self.managed_policies:
            _materialise(models, self, policy_arn)
        return original(self, policy_arn, *args, **kwargs)

    return wrapper


def _materialise(models: Any, backend: Any, policy_arn: str) -> None:
    name = policy_arn.rsplit("/", 1)[-1]
    data = _entry(models.aws_managed_policies_data, name)
    if data is None:
        return
    policy = models.AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, data)
    if policy.arn == policy_arn:
        backend.managed_policies[policy_arn] = policy
        backend.aws_managed_policies.append(policy)


def _entry(text: str, name: str) -> Any:
    opening = f'\n "{name}":'
    at = text.find(opening)
    return None if at < 0 else json.JSONDecoder().raw_decode(text, at + len(opening))[0]
