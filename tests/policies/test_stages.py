"""All rules are applied to all resources of all stages."""

import re
from typing import Any

import pulumi_aws
import pytest

from components.aws.package import CHECKOUT
from policies.documents import GRANTING, read_statements
from policies.rules import RULES
from tests.components.recorder import get_recording
from tests.components.stages import STAGES
from tests.policies.views import build_graph

TOKEN = re.compile(r'"(aws:(\w+)/\w+:(\w+))"')


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_violates_a_rule(stage: str) -> None:
    """A1, B1, D8, G3, G9, P4, P6, T3, X15: the rules in `policies` check these requirements."""
    graph = build_graph(get_recording(stage))
    broken = [
        f"{rule.name}: {resource.urn} {problem}"
        for rule in RULES
        for resource, problem in rule.find_violations(graph)
    ]
    assert broken == []


@pytest.mark.parametrize("stage", STAGES)
def test_no_role_may_give_its_permissions_or_others_to_a_function(stage: str) -> None:
    """X15: trust policies of functions name no source. So nothing but the deployment may pass a role."""
    graph = build_graph(get_recording(stage))
    actions = {
        action
        for resource in graph.find_by_type(*GRANTING)
        for statement in read_statements(resource)
        for action in statement.actions
    }
    assert len(actions) > 20
    assert {action for action in actions if action.startswith(("iam:", "sts:"))} == set()


def test_every_resource_type_in_a_rule_exists() -> None:
    """A rule with a misspelled type token would check no resource."""
    tokens = {
        match.groups()
        for path in (CHECKOUT / "policies").rglob("*.py")
        for match in TOKEN.finditer(path.read_text(encoding="utf-8"))
    }
    assert len(tokens) > 25
    for token, module, kind in tokens:
        package: Any = getattr(pulumi_aws, {"lambda": "lambda_"}.get(module, module))
        assert getattr(package, kind).pulumi_type == token
