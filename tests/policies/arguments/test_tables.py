"""The tables of valid arguments cover every argument of every stage, and name only existing ones (G9)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from attrs import evolve

from policies.arguments.resource_type import ResourceType
from policies.arguments.schema import find_schema_violations
from policies.arguments.validation import TYPES, find_argument_violations
from policies.graph import UNKNOWN
from tests.components.recorder import get_recording, record_main_program
from tests.components.stages import STAGES
from tests.policies.arguments.paths import list_nodes, replace_value
from tests.policies.views import build_graph

# Settings with the longest values that the program accepts.
LONGEST: Mapping[str, Any] = {
    "domain": f"{'a' * 60}.com",
    "hostedZoneId": f"Z{'A' * 31}",
    "sites": [{"name": "s" * 28, "memory": 10_240}, {"name": "t" * 28, "memory": 128}],
    "images": {
        "corsOrigins": [f"https://{number:02}{'a' * 61}.{'b' * 63}.{'c' * 63}.com" for number in range(20)],
        "zone": f"{'a' * 49}.com",
        "hostedZoneId": f"Z{'A' * 31}",
        "maximumMegabytes": 100,
    },
    "alertEmails": [f"{'o' * 64}@{'a' * 60}.{'b' * 60}.{'c' * 60}.com"],
    "logRetentionDays": 3653,
    "keptReleases": 100,
    "concurrentBuilds": 500,
    "accountConcurrency": 10_000,
}


def build_arguments(path: str) -> dict[str, Any]:
    """Return arguments with an unknown value at a path of the tables, such as `origins[].originId`."""
    value: Any = UNKNOWN
    for step in reversed(path.split(".")):
        name = step.removesuffix("[]")
        value = {name: [value] if step != name else value}
    return value


def list_paths(rules: ResourceType) -> Iterator[str]:
    """Yield the paths of all arguments that the rules of a type name."""
    yield from rules.arguments
    for relation in rules.relations:
        for name in relation.names:
            yield f"{relation.scope}.{name}" if relation.scope else name


@pytest.mark.parametrize("stage", STAGES)
def test_every_argument_of_a_stage_has_an_entry(stage: str) -> None:
    """An entry without rules says that neither the provider nor AWS's models have a rule for the argument."""
    resources = [each for each in get_recording(stage).resources if each.type.startswith("aws:")]
    assert {each.type for each in resources} - TYPES.keys() == set()
    missing = {
        f"{each.type} {path}"
        for each in resources
        for path in TYPES[each.type].list_arguments_without_entry(each.inputs)
    }
    assert missing == set()


@pytest.mark.parametrize("rules", TYPES.values(), ids=lambda rules: rules.type)
def test_the_rules_of_a_type_name_arguments_that_exist(rules: ResourceType) -> None:
    wrong = [
        problem
        for path in list_paths(rules)
        for problem in find_schema_violations(rules.type, build_arguments(path))
        if not problem.endswith(" is required")
    ]
    assert wrong == []
    assert rules.name is None or rules.name in rules.arguments
    assert re.fullmatch(r"[a-z0-9]+/[a-z0-9_]+\.go", rules.source)


def test_the_longest_settings_lead_to_valid_arguments() -> None:
    """Names, texts and lists that grow with the settings stay within their limits."""
    graph = build_graph(record_main_program("production", LONGEST))
    problems = [
        f"{resource.urn} {problem}"
        for resource in graph.find_by_type(*TYPES)
        for problem in find_argument_violations(resource)
    ]
    assert problems == []


def test_values_that_are_not_known_yet_violate_nothing() -> None:
    """The test makes each argument of production unknown, one at a time.

    In a preview, values such as the ARNs of new resources are unknown.
    """
    problems: list[str] = []
    seen: set[tuple[object, ...]] = set()
    for resource in build_graph(get_recording("production")).find_by_type(*TYPES):
        for steps, path, value in list_nodes(resource.props):
            # The rules of other arguments can depend on a boolean or a number. So the test makes such an
            # argument unknown once for each of its values.
            case = (resource.type, path, value if isinstance(value, bool | float) else None)
            if case not in seen:
                seen.add(case)
                unknown = evolve(resource, props=replace_value(resource.props, steps, UNKNOWN))
                problems.extend(
                    f"{resource.type} {path}: {each}" for each in find_argument_violations(unknown)
                )
    assert problems == []
    assert len(seen) > 400
