"""Every rule over everything that every stage registers (issue 3)."""

import re
from typing import Any

import pulumi_aws
import pytest

from components.aws.package import CHECKOUT
from components.core.stage import STAGES
from policies.rules import RULES
from tests.components.recorder import recording
from tests.policies.views import graph_of

TOKEN = re.compile(r'"(aws:(\w+)/\w+:(\w+))"')


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_breaks_a_rule(stage: str) -> None:
    graph = graph_of(recording(stage))
    broken = [
        f"{rule.name}: {resource.urn} {problem}"
        for rule in RULES
        for resource, problem in rule.violations(graph)
    ]
    assert broken == []


def test_every_type_that_a_rule_names_exists() -> None:
    """With a slip in a type token a rule would look at nothing, and let everything pass."""
    tokens = {
        match.groups()
        for path in (CHECKOUT / "policies").glob("*.py")
        for match in TOKEN.finditer(path.read_text(encoding="utf-8"))
    }
    assert len(tokens) > 25
    for token, module, kind in tokens:
        package: Any = getattr(pulumi_aws, {"lambda": "lambda_"}.get(module, module))
        assert getattr(package, kind).pulumi_type == token
