"""Every rule catches what it is there for, and nothing else (issue 3: each rule has a violation)."""

from typing import Any

import pytest

from policies.graph import UNKNOWN, Graph, Resource, ResourceRule, StackRule
from policies.rules import RULES
from policies.wildcards import ACTIONS, RESOURCES
from tests.policies.views import document, made, urn
from tests.policies.violations import BUCKET, VIOLATIONS, Violation

BY_NAME = {rule.name: rule for rule in RULES}


@pytest.mark.parametrize("violation", VIOLATIONS, ids=lambda violation: f"{violation.rule}: {violation.says}")
def test_a_violation_is_caught_and_told(violation: Violation) -> None:
    """What is told is a sentence that goes on from the resource's name."""
    told = [
        problem
        for resource, problem in BY_NAME[violation.rule].violations(Graph(violation.resources))
        if resource in violation.resources
    ]
    assert len(told) == 1
    assert violation.says in told[0]


def test_every_rule_is_seen_to_catch_something() -> None:
    assert {violation.rule for violation in VIOLATIONS} == BY_NAME.keys()


def test_names_are_unique_and_readable() -> None:
    assert len(BY_NAME) == len(RULES)
    assert all(rule.description.endswith(".") and rule.name.islower() for rule in RULES)


def _breaks(*resources: Resource) -> set[str]:
    graph = Graph(resources)
    return {rule.name for rule in RULES for _ in rule.violations(graph)}


@pytest.mark.parametrize(
    "resource",
    [
        made(
            "queue",
            {"sqsManagedSseEnabled": False, "kmsMasterKeyId": "alias/a"},
            refers={"redrivePolicy": "a"},
        ),
        made("key", {"keyUsage": "GENERATE_VERIFY_MAC", "customerMasterKeySpec": "HMAC_256"}),
        made("key", {"enableKeyRotation": True, "policy": document(Action="kms:*", Resource="*")}),
        made("route", {"routeKey": "POST /webhook/{projectId}", "authorizationType": "NONE"}),
        made("distribution", {"viewerCertificate": {"cloudfrontDefaultCertificate": True}}),
        made("role-policy", {"policy": document(Effect="Deny", Action="*", Resource="*")}),
        made("table", {"serverSideEncryption": {"enabled": True}}, stage="staging"),
        made("mapping", {"eventSourceArn": "arn:aws:sqs:::queue"}),
        made("parameter", {"type": "SecureString"}),
        made("permission", {"principal": "s3.amazonaws.com", "sourceArn": "arn:aws:s3:::bucket"}),
    ],
    ids=lambda resource: resource.type,
)
def test_what_is_right_is_left_alone(resource: Resource) -> None:
    assert _breaks(resource) == set()


def test_variables_may_say_where_a_secret_is() -> None:
    variables = {"SECRETS_KEY_ARN": "arn", "TOKEN_PARAMETER": "/a/b", "SIGNING_KEY_ARN": "arn"}
    function = made("function", {"environment": {"variables": variables}})
    assert "no-secret-variable" not in _breaks(function)


def test_a_build_may_take_a_secret_from_the_parameter_store() -> None:
    variable = {"name": "NPM_TOKEN", "type": "PARAMETER_STORE", "value": "/a/b"}
    build = made("build", {"environment": {"environmentVariables": [variable]}})
    assert "no-secret-variable" not in _breaks(build)


def test_what_dead_letters_are_sent_to_needs_none_itself() -> None:
    queue = made("queue", {"sqsManagedSseEnabled": True}, refers={"redrivePolicy": urn("queue", "dead")})
    dead = made("queue", {"sqsManagedSseEnabled": True}, name="dead")
    assert _breaks(queue, dead) == set()


@pytest.mark.parametrize(
    "policy",
    [
        {"maxTtl": 0},
        {"maxTtl": UNKNOWN},
        {"maxTtl": 60, "parametersInCacheKeyAndForwardedToOrigin": UNKNOWN},
        {
            "maxTtl": 60,
            "parametersInCacheKeyAndForwardedToOrigin": {
                "headersConfig": {"headers": {"items": ["x-anchor-cache"]}}
            },
        },
    ],
)
def test_a_cache_may_share_nothing_or_what_the_platform_released(policy: dict[str, Any]) -> None:
    made_policy = made("cache-policy", policy)
    server = {"origins": [{"originId": "server", "customOriginConfig": {}}]}
    distribution = made("distribution", server, refers={"defaultCacheBehavior": made_policy.urn})
    assert "servers-release-what-is-shared" not in _breaks(made_policy, distribution)


def test_a_distribution_without_a_server_may_keep_what_it_likes() -> None:
    policy = made("cache-policy", {"maxTtl": 60})
    images = made(
        "distribution",
        {"origins": [{"originId": "bucket"}]},
        refers={"defaultCacheBehavior": policy.urn},
    )
    assert "servers-release-what-is-shared" not in _breaks(policy, images)


class Nothing(dict[str, Any]):
    """Inputs none of which is known yet."""

    def get(self, _key: str, _default: object = None) -> Any:  # noqa: ANN401 - as a dict's
        return UNKNOWN


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if isinstance(rule, ResourceRule)], ids=lambda rule: rule.name
)
def test_what_is_not_known_yet_breaks_no_rule(rule: ResourceRule) -> None:
    """`pulumi preview` knows no ARN of what is still to be made."""
    (kind, *_) = rule.types or ("aws:sqs/queue:Queue",)
    resource = Resource(
        type=kind, name="it", urn=urn("queue", stage="production"), props=Nothing(), protect=True
    )
    assert list(rule.check(resource)) == []


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if isinstance(rule, StackRule)], ids=lambda rule: rule.name
)
def test_a_stack_rule_knows_by_references_what_belongs_together(rule: StackRule) -> None:
    """They are known in a preview, when names and ARNs are not."""
    log_group, role, dead = made("log-group"), made("role"), made("queue", name="dead")
    graph = Graph(
        (
            *(made(what) for what in ("bucket", "role", "log-group")),
            dead,
            *(
                Resource(type=made(what).type, name="it", urn=urn(what), props=Nothing(), refers=refers)
                for what, refers in {
                    "public-access-block": {"bucket": frozenset({BUCKET.urn})},
                    "ownership": {"bucket": frozenset({BUCKET.urn})},
                    "sse": {"bucket": frozenset({BUCKET.urn})},
                    "bucket-policy": {"bucket": frozenset({BUCKET.urn})},
                    "queue": {"redrivePolicy": frozenset({dead.urn})},
                    "function": {
                        "role": frozenset({role.urn}),
                        "loggingConfig": frozenset({log_group.urn}),
                    },
                }.items()
            ),
        )
    )
    assert list(rule.violations(graph)) == []


def test_every_wildcard_has_its_reason() -> None:
    for wildcard in (*ACTIONS, *RESOURCES):
        assert len(wildcard.reason.split()) > 3, wildcard.pattern
