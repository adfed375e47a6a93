"""The embedded cloud replaces a resource for the same changes as the AWS provider (L6)."""

from functools import lru_cache
from typing import Any

import pytest

from local.providers.core.registry import CREATORS, UPDATERS
from local.providers.core.replacement_rules import RULES
from local.providers.core.replacements import find_replacement_causes, is_deleted_before_replacement
from tests.components.resources import list_argument_names, list_custom_resources
from tests.components.stages import STAGES

REGION = "ap-southeast-1"
# Parameters of each class that are not arguments of the resource.
SIGNATURE = {"__self__", "__props__", "opts", "resource_name"}
BUCKET = "aws:s3/bucket:Bucket"
LAYER = "aws:lambda/layerVersion:LayerVersion"
PERMISSION = "aws:lambda/permission:Permission"
QUEUE = "aws:sqs/queue:Queue"


@lru_cache
def list_used_arguments() -> dict[str, set[str]]:
    """Return the arguments of each type that a stage uses."""
    used: dict[str, set[str]] = {}
    for stage in STAGES:
        for resource in list_custom_resources(stage):
            used.setdefault(resource.type, set()).update(resource.inputs)
    return used


def list_arguments(token: str) -> set[str]:
    """Return the arguments of a type, with the names in the state of Pulumi."""
    return {to_camel_case(name) for name in list_argument_names(token) - SIGNATURE}


def to_camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def test_every_type_has_a_rule() -> None:
    assert RULES.keys() == CREATORS.keys()


@pytest.mark.parametrize("token", RULES)
def test_every_property_of_a_rule_is_an_argument_of_the_type(token: str) -> None:
    rule = RULES[token]
    assert (rule.properties | rule.conditional) - list_arguments(token) == set()


@pytest.mark.parametrize("token", RULES)
def test_a_type_has_an_updater_unless_every_change_replaces_the_resource(token: str) -> None:
    """Without an updater, every argument that the program uses forces a replacement, except `region`."""
    arguments = list_used_arguments().get(token) or list_arguments(token)
    assert (token in UPDATERS) == bool(arguments - RULES[token].properties - {"region"})


def test_the_program_uses_no_argument_that_only_sometimes_forces_a_replacement() -> None:
    """`find_replacement_causes` does not compare the values of such an argument."""
    used = list_used_arguments()
    assert {kind for kind, arguments in used.items() if arguments & RULES[kind].conditional} == set()


@pytest.mark.parametrize(
    ("kind", "old", "new", "replaced"),
    [
        (QUEUE, {"name": "a", "tags": {}}, {"name": "b", "tags": {"Owner": "ada"}}, ["name"]),
        (QUEUE, {"name": "a"}, {"name": "a", "visibilityTimeoutSeconds": 9}, []),
        (QUEUE, {"namePrefix": "a"}, {"name": "a"}, ["name", "namePrefix"]),
        (LAYER, {"layerName": "base"}, {"layerName": "base", "description": "new"}, ["description"]),
        (QUEUE, {}, {"region": REGION}, []),
        (QUEUE, {"region": REGION}, {}, []),
        (QUEUE, {}, {"region": "us-east-1"}, ["region"]),
        (QUEUE, {"region": "us-east-1"}, {"region": "eu-west-1"}, ["region"]),
    ],
)
def test_a_changed_property_of_the_rule_forces_a_replacement(
    kind: str, old: dict[str, Any], new: dict[str, Any], replaced: list[str]
) -> None:
    assert find_replacement_causes(kind, old, new, default_region=REGION) == replaced


@pytest.mark.parametrize(
    ("kind", "old", "new", "is_first"),
    [
        (PERMISSION, {"statementId": "a", "action": "x"}, {"statementId": "a", "action": "y"}, True),
        (PERMISSION, {"statementId": "a"}, {"statementId": "b"}, False),
        (PERMISSION, {"action": "x"}, {"action": "y"}, False),
        (BUCKET, {"bucket": "a"}, {"bucket": "a", "objectLockEnabled": True}, True),
        (LAYER, {"layerName": "base"}, {"layerName": "base", "description": "new"}, False),
        ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", {"role": "a"}, {"role": "b"}, True),
    ],
)
def test_the_old_resource_is_deleted_first_if_both_would_have_the_same_name(
    kind: str, old: dict[str, Any], new: dict[str, Any], *, is_first: bool
) -> None:
    assert is_deleted_before_replacement(kind, old, new) is is_first
