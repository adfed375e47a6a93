"""Every rule reports its violations, and reports nothing else."""

from typing import Any

import pytest

from policies.graph import UNKNOWN, Graph, Resource, ResourceRule, StackRule
from policies.rules import RULES
from policies.wildcards import ACTIONS, RESOURCES
from tests.policies.views import make_document, make_resource, make_urn
from tests.policies.violations import BUCKET, VIOLATIONS, Violation

BY_NAME = {rule.name: rule for rule in RULES}


@pytest.mark.parametrize(
    "violation", VIOLATIONS, ids=lambda violation: f"{violation.rule}: {violation.message}"
)
def test_a_violation_is_reported(violation: Violation) -> None:
    """A message is a sentence without a subject: the report puts the resource's name before the message."""
    messages = [
        problem
        for resource, problem in BY_NAME[violation.rule].find_violations(Graph(violation.resources))
        if resource in violation.resources
    ]
    assert len(messages) == 1
    assert violation.message in messages[0]


def test_every_rule_has_a_tested_violation() -> None:
    assert {violation.rule for violation in VIOLATIONS} == BY_NAME.keys()


def test_rule_names_are_unique_and_descriptions_are_sentences() -> None:
    assert len(BY_NAME) == len(RULES)
    assert all(rule.description.endswith(".") and rule.name.islower() for rule in RULES)


def find_violated_rules(*resources: Resource) -> set[str]:
    """Return the names of the violated rules.

    The rule `arguments-are-valid` is left out, because the resources of these tests have only the arguments
    that matter. `tests/policies/arguments` tests this rule.
    """
    graph = Graph(resources)
    rules = (rule for rule in RULES if rule.name != "arguments-are-valid")
    return {rule.name for rule in rules for _ in rule.find_violations(graph)}


@pytest.mark.parametrize(
    "resource",
    [
        make_resource("queue", {"kmsMasterKeyId": "alias/a"}, references={"redrivePolicy": "a"}),
        make_resource("key", {"keyUsage": "GENERATE_VERIFY_MAC", "customerMasterKeySpec": "HMAC_256"}),
        make_resource(
            "key", {"enableKeyRotation": True, "policy": make_document(Action="kms:*", Resource="*")}
        ),
        make_resource("route", {"routeKey": "POST /webhook/{projectId}", "authorizationType": "NONE"}),
        make_resource("distribution", {"viewerCertificate": {"cloudfrontDefaultCertificate": True}}),
        make_resource("role-policy", {"policy": make_document(Effect="Deny", Action="*", Resource="*")}),
        make_resource(
            "role", {"assumeRolePolicy": make_document(Principal={"Service": "lambda.amazonaws.com"})}
        ),
        make_resource("table", {"serverSideEncryption": {"enabled": True}}, stage="staging"),
        make_resource("mapping", {"eventSourceArn": "arn:aws:sqs:::queue"}),
        make_resource("parameter", {"type": "SecureString"}),
        make_resource(
            "permission",
            {"principal": "s3.amazonaws.com", "sourceArn": "arn:aws:s3:::b", "sourceAccount": "123456789012"},
        ),
    ],
    ids=lambda resource: resource.type,
)
def test_a_correct_resource_violates_no_rule(resource: Resource) -> None:
    assert find_violated_rules(resource) == set()


def test_a_variable_may_contain_the_name_of_a_secret() -> None:
    variables = {"SECRETS_KEY_ARN": "arn", "TOKEN_PARAMETER": "/a/b", "SIGNING_KEY_ARN": "arn"}
    function = make_resource("function", {"environment": {"variables": variables}})
    assert "no-secret-variable" not in find_violated_rules(function)


def test_a_build_may_read_a_secret_from_parameter_store() -> None:
    variable = {"name": "NPM_TOKEN", "type": "PARAMETER_STORE", "value": "/a/b"}
    build = make_resource("build", {"environment": {"environmentVariables": [variable]}})
    assert "no-secret-variable" not in find_violated_rules(build)


def test_a_dead_letter_queue_needs_no_dead_letter_queue() -> None:
    queue = make_resource(
        "queue", {"sqsManagedSseEnabled": True}, references={"redrivePolicy": make_urn("queue", "dead")}
    )
    dead = make_resource("queue", {"sqsManagedSseEnabled": True}, name="dead")
    assert find_violated_rules(queue, dead) == set()


def test_a_queue_with_five_receives_and_a_limited_consumer_violates_no_rule() -> None:
    policy = '{"deadLetterTargetArn": "arn:aws:sqs:::dead", "maxReceiveCount": 5}'
    queue = make_resource(
        "queue",
        {"sqsManagedSseEnabled": True, "redrivePolicy": policy},
        references={"redrivePolicy": make_urn("queue", "dead")},
    )
    dead = make_resource("queue", {"sqsManagedSseEnabled": True}, name="dead")
    mapping = make_resource(
        "mapping", {"scalingConfig": {"maximumConcurrency": 2}}, references={"eventSourceArn": queue.urn}
    )
    alarm = make_resource("alarm", {"treatMissingData": "ignore"}, references={"dimensions": dead.urn})
    assert find_violated_rules(queue, dead, mapping, alarm) == set()


def test_the_alarm_of_a_source_queue_may_treat_missing_data_as_not_breaching() -> None:
    """A queue that a function consumes always reports its metrics."""
    queue = make_resource(
        "queue", {"sqsManagedSseEnabled": True}, references={"redrivePolicy": make_urn("queue", "dead")}
    )
    dead = make_resource("queue", {"sqsManagedSseEnabled": True}, name="dead")
    alarm = make_resource("alarm", {"treatMissingData": "notBreaching"}, references={"dimensions": queue.urn})
    assert find_violated_rules(queue, dead, alarm) == set()


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
def test_a_cache_policy_without_caching_or_with_the_cache_header_is_accepted(policy: dict[str, Any]) -> None:
    cache_policy = make_resource("cache-policy", policy)
    server = {"origins": [{"originId": "server", "customOriginConfig": {}}]}
    distribution = make_resource(
        "distribution", server, references={"defaultCacheBehavior": cache_policy.urn}
    )
    assert "servers-release-what-is-shared" not in find_violated_rules(cache_policy, distribution)


def test_a_distribution_without_a_server_may_cache_everything() -> None:
    policy = make_resource("cache-policy", {"maxTtl": 60})
    images = make_resource(
        "distribution",
        {"origins": [{"originId": "bucket"}]},
        references={"defaultCacheBehavior": policy.urn},
    )
    assert "servers-release-what-is-shared" not in find_violated_rules(policy, images)


class UnknownInputs(dict[str, Any]):
    """Inputs that are all unknown."""

    def get(self, _key: str, _default: object = None) -> Any:  # noqa: ANN401 - as a dict's
        return UNKNOWN


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if isinstance(rule, ResourceRule)], ids=lambda rule: rule.name
)
def test_unknown_inputs_violate_no_resource_rule(rule: ResourceRule) -> None:
    """In a preview, the ARNs of resources that do not exist yet are unknown."""
    (kind, *_) = rule.types or ("aws:sqs/queue:Queue",)
    resource = Resource(
        type=kind, name="it", urn=make_urn("queue", stage="production"), props=UnknownInputs(), protect=True
    )
    assert list(rule.check(resource)) == []


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if isinstance(rule, StackRule)], ids=lambda rule: rule.name
)
def test_unknown_inputs_with_references_violate_no_stack_rule(rule: StackRule) -> None:
    """In a preview, references between resources are known, even if names and ARNs are unknown."""
    log_group, role, dead = (
        make_resource("log-group"),
        make_resource("role"),
        make_resource("queue", name="dead"),
    )
    graph = Graph(
        (
            *(make_resource(kind) for kind in ("bucket", "role", "log-group")),
            dead,
            *(
                Resource(
                    type=make_resource(kind).type,
                    name="it",
                    urn=make_urn(kind),
                    props=UnknownInputs(),
                    references=references,
                )
                for kind, references in {
                    "public-access-block": {"bucket": frozenset({BUCKET.urn})},
                    "ownership": {"bucket": frozenset({BUCKET.urn})},
                    "sse": {"bucket": frozenset({BUCKET.urn})},
                    "bucket-policy": {"bucket": frozenset({BUCKET.urn})},
                    "queue": {"redrivePolicy": frozenset({dead.urn})},
                    "mapping": {"eventSourceArn": frozenset({make_urn("queue")})},
                    "alarm": {"dimensions": frozenset({dead.urn})},
                    "function": {
                        "role": frozenset({role.urn}),
                        "loggingConfig": frozenset({log_group.urn}),
                    },
                }.items()
            ),
        )
    )
    assert list(rule.find_violations(graph)) == []


def test_every_wildcard_has_a_reason() -> None:
    for wildcard in (*ACTIONS, *RESOURCES):
        assert len(wildcard.reason.split()) > 3, wildcard.pattern
