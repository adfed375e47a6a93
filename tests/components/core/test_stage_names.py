"""Stages have free names. The resources of two stages in one account have different names."""

import re
from functools import cache
from typing import Any

import pytest

from components.core.stage_names import (
    MAX_STAGE_AND_SITE_LENGTH,
    MAX_STAGE_NAME_LENGTH,
    RESERVED_WORDS,
    find_name_problem,
)
from policies.rules import RULES
from tests.components.recorder import ACCOUNT, Recording, get_recording, record_main_program
from tests.components.stages import REGION, STAGES
from tests.policies.views import build_graph

# Names in policies, patterns and documents are found, too.
NAME = re.compile(r"anchor-(?P<stage>dev|local|staging|production)-(?P<word>[a-z0-9]+)")
LONGEST = "a" * MAX_STAGE_NAME_LENGTH


@cache
def record_alice() -> Recording:
    """Return the recording of a stage with a free name, in another region than the other stages."""
    return record_main_program("dev", {"kind": "dev"}, name="alice", region="eu-central-1")


@pytest.mark.parametrize("name", ["alice", "eu-production", "staging-2", "a", "x1", LONGEST, *STAGES])
def test_a_name_is_valid(name: str) -> None:
    """Requirement G1."""
    assert find_name_problem(name) is None


@pytest.mark.parametrize(
    "name",
    ["", "Alice", "1st", "-a", "a-", "a--b", "a_b", "a.b", "a b", "ä", "a\n", LONGEST + "a", "dev-api"],
)
def test_another_name_is_refused_with_the_allowed_names(name: str) -> None:
    """Requirement G1."""
    problem = find_name_problem(name)
    assert problem
    assert problem.startswith(f"the stack {name!r} has ")
    assert "; allowed: " in problem
    assert "\n" not in problem


def test_the_reserved_words_are_those_with_which_resource_names_begin() -> None:
    """G1: without them, `dev-images` and `dev` would both have the function `anchor-dev-images-api`."""
    words = {
        match["word"]
        for stage in STAGES
        for resource in get_recording(stage).resources
        for text in _list_texts(resource.inputs)
        for match in NAME.finditer(text)
        if match["stage"] == stage
    }
    assert words - {ACCOUNT} == RESERVED_WORDS


def _list_texts(value: Any) -> list[str]:  # noqa: ANN401 - any input of a resource
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in items for text in _list_texts(item)]


def test_a_stage_with_another_name_shares_no_name_with_its_neighbour() -> None:
    """Requirement G1."""
    alice = [text for resource in record_alice().resources for text in _list_texts(resource.inputs)]
    text = "\n".join(alice)
    assert "anchor-alice-" in text
    for pattern in (r"anchor-dev", r"anchor/dev", r"Anchor/dev", REGION):
        assert not re.search(pattern, text), pattern
    assert "/anchor/alice/sites/" in text
    assert "Anchor/alice" in text


def test_only_the_stage_named_production_leaves_out_its_name_in_the_hosts_of_images() -> None:
    """G1: a second stage of the kind production can have the same zone."""
    other = record_main_program("production", {"kind": "production"}, name="eu-production")
    hosts = {one.inputs["domainName"] for one in other.find_by_type("aws:apigatewayv2/domainName:DomainName")}
    assert hosts == {"images-eu-production.example.com"}


@pytest.mark.parametrize(
    ("stage", "name", "site"),
    [
        ("dev", "alice", "shop"),
        ("dev", "eu-dev-2", "shop"),
        ("production", LONGEST, "s" * (MAX_STAGE_AND_SITE_LENGTH - len(LONGEST))),
    ],
)
def test_names_of_any_stage_are_within_the_limits_of_aws(stage: str, name: str, site: str) -> None:
    """G1: the rules contain AWS's limit of each name, and the protection of the kind production."""
    recorded = record_main_program(
        stage, {"kind": stage, "sites": [{"name": site}]}, name=name, region="us-east-1"
    )
    graph = build_graph(recorded, stage)
    broken = [
        f"{rule.name}: {resource.urn} {problem}"
        for rule in RULES
        for resource, problem in rule.find_violations(graph)
    ]
    assert broken == []


def test_a_longer_name_of_a_site_would_exceed_a_limit() -> None:
    """The function and the role `anchor-<stage>-site-<site>-revalidate` have at most 64 characters."""
    longest = max(
        len(one.inputs["name"])
        for one in get_recording("dev").find_by_type("aws:lambda/function:Function")
        if one.name.startswith("site-next-site-")
    )
    assert longest - len("dev") - len("next-site") + MAX_STAGE_AND_SITE_LENGTH == 64


def test_cloudfront_alarms_of_a_stage_in_us_east_1_use_the_topic_of_the_stage() -> None:
    """G2: a region cannot have two topics with the same name."""
    recorded = record_main_program("staging", region="us-east-1")
    (topic,) = recorded.find_by_type("aws:sns/topic:Topic")
    assert topic.inputs["name"] == "anchor-staging-alarms"
    subscriptions = recorded.find_by_type("aws:sns/topicSubscription:TopicSubscription")
    assert [one.inputs["endpoint"] for one in subscriptions] == ["ops@example.com"]
