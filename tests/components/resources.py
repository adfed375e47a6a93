"""What the SDK and the recording say of resources, whatever their type."""

import inspect
from typing import Any

import pulumi_aws

from tests.components.recorder import Recorded, recording


def custom(stage: str) -> list[Recorded]:
    """Everything a stage registers but the components."""
    return [resource for resource in recording(stage).resources if resource.custom]


def arguments(token: str) -> frozenset[str]:
    """What a resource of a type token can be given, by the SDK's own signature."""
    _, module, kind = token.split(":")
    package: Any = getattr(pulumi_aws, {"lambda": "lambda_"}.get(module.split("/")[0], module.split("/")[0]))
    return frozenset(inspect.signature(getattr(package, kind)._internal_init).parameters)
