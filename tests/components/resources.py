"""Functions that list the resources of a stage, and the arguments of a resource type."""

import inspect
from typing import Any

import pulumi_aws

from tests.components.recorder import Recorded, get_recording


def list_custom_resources(stage: str) -> list[Recorded]:
    """Return all resources that a stage registers, except components."""
    return [resource for resource in get_recording(stage).resources if resource.custom]


def list_argument_names(token: str) -> frozenset[str]:
    """Return the argument names of a resource type, from the SDK's signature."""
    _, module, kind = token.split(":")
    package: Any = getattr(pulumi_aws, {"lambda": "lambda_"}.get(module.split("/")[0], module.split("/")[0]))
    return frozenset(inspect.signature(getattr(package, kind)._internal_init).parameters)
