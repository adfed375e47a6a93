"""All rules are applied to all resources of all stages."""

import re
from typing import Any

import pulumi_aws
import pytest

from components.aws.package import CHECKOUT
from policies.rules import RULES
from tests.components.recorder import get_recording
from tests.components.stages import STAGES
from tests.policies.views import build_graph

TOKEN = re.compile(r'"(aws:(\w+)/\w+:(\w+))"')


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_violates_a_rule(stage: str) -> None:
    """A1, B1, D8, G3, G9, P4, P6, T3: the rules in `policies` check these requirements."""
    graph = build_graph(get_recording(stage))
    broken = [
        f"{rule.name}: {resource.urn} {problem}"
        for rule in RULES
        for resource, problem in rule.find_violations(graph)
    ]
    assert broken == []


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
