"""Pulumi's own engine stops a deployment that violates a policy."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import frozen

from local.providers.core.registry import CREATORS
from local.pulumi_engine.cli import PulumiFailedError
from policies.rules import RULES
from tests.engine.stacks import POLICIES, Stack, StackFactory
from tests.policies.violations import VIOLATIONS, Violation

PROGRAM: Final = Path(__file__).with_name("violating_program.py")
# A line such as `- [mandatory] [severity: high]  buckets-are-private  (aws:s3:Bucket: it)`.
_REPORTED: Final = re.compile(r"\[mandatory\] \[severity: \w+\]  ([a-z0-9-]+)  \(")


@frozen
class StoppedPreview:
    """The output of a preview that the policies stopped."""

    output: str


@pytest.fixture(scope="module")
def stopped_preview(
    stacks: StackFactory, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StoppedPreview]:
    with pytest.MonkeyPatch.context() as patch:
        for violation in VIOLATIONS:
            for resource in violation.resources:
                # Previews call no creator, but the provider refuses types that it does not know. So each
                # unknown type gets the creator of queues.
                patch.setitem(
                    CREATORS, resource.type, CREATORS.get(resource.type, CREATORS["aws:sqs/queue:Queue"])
                )
        with stacks.create("production", tmp_path_factory.mktemp("policies")) as stack:
            write_program(stack)
            with pytest.raises(PulumiFailedError) as failure:
                stack.preview(*POLICIES)
            yield StoppedPreview(failure.value.output)


def write_program(stack: Stack) -> None:
    folder = stack.project.folder
    shutil.copy2(PROGRAM, folder / "__main__.py")
    described = [describe_resources(violation) for violation in VIOLATIONS]
    (folder / "violations.json").write_text(json.dumps(described), encoding="utf-8")


def describe_resources(violation: Violation) -> list[dict[str, Any]]:
    return [
        {
            "urn": resource.urn,
            "properties": dict(resource.props),
            "references": {name: next(iter(urns)) for name, urns in resource.references.items()},
        }
        for resource in violation.resources
    ]


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_a_violation_of_each_policy_stops_the_preview(stopped_preview: StoppedPreview, rule: str) -> None:
    """Requirement Q1."""
    assert rule in _REPORTED.findall(stopped_preview.output)


def test_each_violation_is_reported_with_its_message(stopped_preview: StoppedPreview) -> None:
    missing = [
        (violation.rule, violation.message)
        for violation in VIOLATIONS
        if violation.message not in stopped_preview.output
    ]
    assert missing == []
