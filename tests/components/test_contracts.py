"""What holds for every resource of every stage (acceptance: `__main__.py` builds under each stage's file)."""

import re

import pytest

from components.aws.package import CHECKOUT
from components.core.stage import STAGES
from policies.wildcards import ACTIONS, RESOURCES, unexplained_actions, unexplained_resources
from tests.components.policies import statements
from tests.components.recorder import ACCOUNT, Recorded, record, recording
from tests.components.resources import arguments, custom

every_stage = pytest.mark.parametrize("stage", STAGES)

# What holds something that cannot be made again, and what that is.
KEPT = {
    "aws:dynamodb/table:Table": "rows",
    "aws:s3/bucket:Bucket": "objects",
    "aws:kms/key:Key": "what was encrypted or signed with it",
    "aws:cognito/userPool:UserPool": "users",
    "aws:cloudwatch/logGroup:LogGroup": "logs",
    "aws:cloudfront/keyValueStore:KeyValueStore": "which release each host leads to",
    "aws:cloudfront/distribution:Distribution": "the name that records point to",
    "aws:apigatewayv2/api:Api": "the address in the webhooks of every repository",
    "aws:lambda/alias:Alias": "which version is live",
    "aws:lambda/function:Function": "versions, which are releases (those of sites; the platform's have none)",
}
# What is made again from the program, and is then as good as before.
REMADE = {
    "aws:acm/certificate:Certificate",
    "aws:acm/certificateValidation:CertificateValidation",
    "aws:apigatewayv2/apiMapping:ApiMapping",
    "aws:apigatewayv2/authorizer:Authorizer",
    "aws:apigatewayv2/domainName:DomainName",
    "aws:apigatewayv2/integration:Integration",
    "aws:apigatewayv2/route:Route",
    "aws:apigatewayv2/stage:Stage",
    "aws:cloudfront/cachePolicy:CachePolicy",
    "aws:cloudfront/function:Function",
    "aws:cloudfront/originAccessControl:OriginAccessControl",
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy",
    "aws:cloudwatch/dashboard:Dashboard",
    "aws:cloudwatch/eventRule:EventRule",
    "aws:cloudwatch/eventTarget:EventTarget",
    "aws:cloudwatch/logMetricFilter:LogMetricFilter",
    "aws:cloudwatch/metricAlarm:MetricAlarm",
    "aws:codebuild/project:Project",
    "aws:cognito/userPoolClient:UserPoolClient",
    "aws:dynamodb/tableItem:TableItem",
    "aws:iam/policy:Policy",
    "aws:iam/role:Role",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:kms/alias:Alias",
    "aws:lambda/eventSourceMapping:EventSourceMapping",
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
    "aws:lambda/layerVersion:LayerVersion",
    "aws:lambda/permission:Permission",
    "aws:route53/record:Record",
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketNotification:BucketNotification",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:sns/topic:Topic",
    "aws:sns/topicSubscription:TopicSubscription",
    "aws:sqs/queue:Queue",
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy",
}


def kept(resource: Recorded) -> bool:
    if resource.type == "aws:lambda/function:Function":
        return resource.name.startswith("site-")
    return resource.type in KEPT


def test_of_every_type_it_was_decided_whether_production_keeps_it() -> None:
    """G3: a new type of resource has to be put into one of the two lists."""
    assert not REMADE & KEPT.keys()
    assert {resource.type for stage in STAGES for resource in custom(stage)} == REMADE | KEPT.keys()


@every_stage
def test_the_program_builds_under_every_stages_file(stage: str) -> None:
    """G1."""
    assert len(recording(stage).resources) > 100


def test_production_protects_and_retains_what_cannot_be_made_again() -> None:
    """G3."""
    resources = custom("production")
    wrong = [
        resource.urn
        for resource in resources
        if (resource.protect, resource.retain_on_delete) != (kept(resource), kept(resource))
    ]
    assert wrong == []
    assert {resource.type for resource in resources if resource.protect} == KEPT.keys()


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "production"])
def test_every_other_stage_can_be_destroyed_completely(stage: str) -> None:
    """G3."""
    for resource in recording(stage).resources:
        assert not resource.protect, resource.urn
        assert not resource.retain_on_delete, resource.urn
        assert not resource.inputs.get("skipDestroy"), resource.urn


@every_stage
def test_aws_itself_protects_what_production_keeps_and_nothing_else(stage: str) -> None:
    """G3."""
    production = stage == "production"
    recorded = recording(stage)
    tables = recorded.of("aws:dynamodb/table:Table")
    assert {table.inputs["deletionProtectionEnabled"] for table in tables} == {production}
    always = {f"anchor-{stage}-{name}" for name in ("shops", "jobs", "import-history")}
    recovered = {table.inputs["name"] for table in tables if table.inputs["pointInTimeRecovery"]["enabled"]}
    assert recovered == ({table.inputs["name"] for table in tables} if production else always)
    assert {bucket.inputs["forceDestroy"] for bucket in recorded.of("aws:s3/bucket:Bucket")} == {
        not production
    }
    (pool,) = recorded.of("aws:cognito/userPool:UserPool")
    assert pool.inputs["deletionProtection"] == ("ACTIVE" if production else "INACTIVE")


@every_stage
def test_everything_that_takes_tags_has_the_three(stage: str) -> None:
    """G6."""
    untagged = [
        resource.urn
        for resource in custom(stage)
        if "tags" in arguments(resource.type)
        and not {"Project", "Stage", "Component"} <= resource.inputs.get("tags", {}).keys()
    ]
    assert untagged == []


def test_tags_say_project_stage_and_the_component_of_the_table_of_contents() -> None:
    """G6."""
    recorded = recording("staging")
    components = {resource.type.rsplit(":", 1)[1] for resource in recorded.resources if not resource.parent}
    for resource in recorded.resources:
        if tags := resource.inputs.get("tags"):
            assert (tags["Project"], tags["Stage"]) == ("anchor-deploy", "staging")
            assert tags["Component"] in components


def test_what_belongs_to_a_site_is_tagged_with_it() -> None:
    recorded = recording("staging")
    assert recorded.one("aws:sqs/queue:Queue", "site-docs-revalidate").inputs["tags"]["Site"] == "docs"


@every_stage
def test_no_policy_has_a_wildcard_without_a_reason(stage: str) -> None:
    """T3, P6: the reasons are in `policies/wildcards.py`, beside each wildcard."""
    wild = {
        statement.of: found
        for statement in statements(recording(stage))
        if statement.allows
        and (
            found := [
                *unexplained_actions(statement, statement.kind),
                *unexplained_resources(statement, statement.kind),
                *statement.inverted,
            ]
        )
    }
    assert wild == {}


def test_no_wildcard_is_allowed_that_nothing_needs() -> None:
    """The list of reasons stays as short as the policies let it."""
    every = [statement for stage in STAGES for statement in statements(recording(stage)) if statement.allows]
    for reasons, said in ((ACTIONS, "actions"), (RESOURCES, "resources")):
        for one in reasons:
            assert any(
                re.fullmatch(one.pattern, value)
                for statement in every
                if statement.kind in one.types
                for value in getattr(statement, said)
            ), one.pattern


@every_stage
def test_everything_that_runs_code_has_a_role_of_its_own(stage: str) -> None:
    """P6."""
    recorded = recording(stage)
    roles = [function.inputs["role"] for function in recorded.of("aws:lambda/function:Function")]
    roles += [project.inputs["serviceRole"] for project in recorded.of("aws:codebuild/project:Project")]
    assert len(roles) == len(set(roles)) == len(recorded.of("aws:iam/role:Role"))


@every_stage
def test_every_function_logs_to_a_group_of_its_own_for_as_long_as_the_stage_says(stage: str) -> None:
    recorded = recording(stage)
    names = {function.inputs["name"] for function in recorded.of("aws:lambda/function:Function")}
    groups = {
        group.inputs["name"]: group.inputs["retentionInDays"]
        for group in recorded.of("aws:cloudwatch/logGroup:LogGroup")
    }
    assert {f"/aws/lambda/{name}" for name in names} <= groups.keys()
    days = {"local": 1, "dev": 14, "staging": 30, "production": 365}
    assert set(groups.values()) == {days[stage]}


@every_stage
def test_no_role_has_more_policy_than_iam_takes(stage: str) -> None:
    for policy in recording(stage).of("aws:iam/rolePolicy:RolePolicy"):
        assert len(policy.inputs["policy"]) <= 10_240, policy.urn


def test_a_site_reaches_nothing_of_another_site() -> None:
    """P6, A5."""
    others = {"next-site": "docs", "docs": "next-site"}
    checked = 0
    for policy in recording("staging").of("aws:iam/rolePolicy:RolePolicy"):
        for site, other in others.items():
            if policy.name.startswith(f"site-{site}-"):
                assert f"site-{other}" not in policy.inputs["policy"]
                assert f"/{other}/" not in policy.inputs["policy"]
                checked += 1
    assert checked == 8


def test_more_sites_change_neither_the_platforms_rights_nor_what_is_watched() -> None:
    """A policy that lists sites would outgrow IAM's limit; an alarm for each, the operator's patience."""
    many = record("staging", {"sites": [{"name": f"site{number}"} for number in range(5)]})
    few = recording("staging")
    for name in PLATFORM:
        kind = "aws:iam/rolePolicy:RolePolicy"
        assert many.one(kind, name).inputs == few.one(kind, name).inputs
    for kind in ("aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/dashboard:Dashboard"):
        assert {one.urn: one.inputs for one in many.of(kind)} == {one.urn: one.inputs for one in few.of(kind)}


PLATFORM = (
    "webhook",
    "orchestrator",
    "build-events",
    "release",
    "promote",
    "api",
    "images-api",
    "images-uploaded",
)


@every_stage
def test_every_name_says_its_stage_and_fits(stage: str) -> None:
    names = {
        resource.inputs["name"]
        .removeprefix("/aws/lambda/")
        .removeprefix("/aws/codebuild/")
        .removeprefix("/aws/apigateway/")
        .removeprefix("alias/")
        for resource in recording(stage).resources
        if isinstance(resource.inputs.get("name"), str) and resource.type not in UNNAMED
    }
    assert [name for name in names if not name.startswith(f"anchor-{stage}-")] == []


UNNAMED = {
    "aws:lambda/alias:Alias": "live",
    "aws:iam/rolePolicy:RolePolicy": "inline, named within its role",
    "aws:apigatewayv2/authorizer:Authorizer": "named within its API",
    "aws:apigatewayv2/stage:Stage": "$default",
    "aws:route53/record:Record": "a host",
}


def test_only_components_stand_at_the_top() -> None:
    """`__main__.py` is a table of contents."""
    assert {
        resource.type.split(":")[0] for resource in recording("dev").resources if not resource.parent
    } == {"anchor"}
    assert len((CHECKOUT / "__main__.py").read_text().splitlines()) < 100


def test_no_region_or_account_is_written_in_code() -> None:
    """G2: Singapore is checked against the stage's file, us-east-1 is where CloudFront wants certificates."""
    found = {
        (path.name, match.group())
        for path in [*(CHECKOUT / "components").rglob("*.py"), CHECKOUT / "__main__.py"]
        for match in re.finditer(r"\b[a-z]{2}-[a-z]+-\d\b|\b\d{12}\b", path.read_text())
    }
    assert found == {("stage.py", "ap-southeast-1"), ("stage.py", "us-east-1")}


@every_stage
def test_the_stack_exports_what_clients_and_tools_need(stage: str) -> None:
    """G5."""
    outputs = recording(stage).outputs
    assert set(outputs) == {
        "apiEndpoint",
        "apiId",
        "userPoolId",
        "userPoolClientId",
        "distributionId",
        "distributionDomain",
        "keyValueStoreArn",
        "tables",
        "buckets",
        "sites",
        "queues",
        "images",
        "shopStorePolicyArn",
    }
    tables = {table.inputs["name"] for table in recording(stage).of("aws:dynamodb/table:Table")}
    assert {table["name"] for table in outputs["tables"].values()} == tables
    assert outputs["tables"]["projects"]["name"] == f"anchor-{stage}-projects"
    assert outputs["tables"]["deployments"]["arn"].endswith(f":table/anchor-{stage}-deployments")
    assert outputs["buckets"] == {
        name: f"anchor-{stage}-{ACCOUNT}-{name}" for name in ("artifacts", "logs", "assets", "images")
    }
    assert set(outputs["images"]) == {
        "apiEndpoint",
        "apiId",
        "distributionId",
        "distributionDomain",
        "deliveryUrl",
    }
    assert outputs["shopStorePolicyArn"].endswith(f":policy/anchor-{stage}-shop-store")
    assert outputs["queues"]["releases"].endswith(f"/anchor-{stage}-releases.fifo")


@pytest.mark.parametrize(
    ("stage", "url"),
    [
        ("local", "http://next-site.localhost:8080"),
        ("dev", "https://d111111abcdef8.cloudfront.net"),
        ("production", "https://next-site.sites.example.com"),
    ],
)
def test_a_sites_url_follows_the_stages_domain(stage: str, url: str) -> None:
    """G5."""
    assert recording(stage).outputs["sites"]["next-site"] == url
