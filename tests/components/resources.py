"""Queries on resources of any type. They read the SDK and the recording."""

import inspect
from typing import Any

import pulumi_aws

from tests.components.recorder import Recorded, recording


def custom_resources(stage: str) -> list[Recorded]:
    """Return all resources that a stage registers, without components."""
    return [resource for resource in recording(stage).resources if resource.custom]


def argument_names(token: str) -> frozenset[str]:
    """Return the argument names of a resource type, from the SDK's signature."""
    _, module, kind = token.split(":")
    package: Any = getattr(pulumi_aws, {"lambda": "lambda_"}.get(module.split("/")[0], module.split("/")[0]))
    return frozenset(inspect.signature(getattr(package, kind)._internal_init).parameters)
