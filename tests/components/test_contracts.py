"""Requirements that every resource of every stage must meet."""

import re

import pytest

from components.aws.package import CHECKOUT
from components.core.regions import REGIONS
from policies.wildcards import ACTIONS, RESOURCES
from tests.components.policies import read_policy_statements
from tests.components.recorder import ACCOUNT, Recorded, get_recording, record_main_program
from tests.components.resources import list_argument_names, list_custom_resources
from tests.components.stages import STAGES

every_stage = pytest.mark.parametrize("stage", STAGES)

# Types that hold data which cannot be recreated, with a description of the data.
RETAINED = {
    "aws:dynamodb/table:Table": "rows",
    "aws:s3/bucket:Bucket": "objects",
    "aws:kms/key:Key": "data that was encrypted or signed with it",
    "aws:cognito/userPool:UserPool": "users",
    "aws:cloudwatch/logGroup:LogGroup": "logs",
    "aws:cloudfront/keyValueStore:KeyValueStore": "the live release of each host",
    "aws:cloudfront/distribution:Distribution": "the domain name that DNS records point to",
    "aws:apigatewayv2/api:Api": "the URL in the webhooks of all repositories",
    "aws:lambda/alias:Alias": "the live version",
    "aws:lambda/function:Function": "versions, which are releases (only functions of sites)",
}
# Types that the program can recreate without loss.
RECREATED = {
    "aws:acm/certificate:Certificate",
    "aws:acm/certificateValidation:CertificateValidation",
    "aws:apigatewayv2/apiMapping:ApiMapping",
    "aws:apigatewayv2/authorizer:Authorizer",
    "aws:apigatewayv2/domainName:DomainName",
    "aws:apigatewayv2/integration:Integration",
    "aws:apigatewayv2/route:Route",
    "aws:apigatewayv2/stage:Stage",
    "aws:budgets/budget:Budget",
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
    "aws:cognito/userGroup:UserGroup",
    "aws:cognito/userPoolClient:UserPoolClient",
    "aws:dynamodb/tableItem:TableItem",
    "aws:iam/policy:Policy",
    "aws:iam/role:Role",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:kms/alias:Alias",
    "aws:lambda/eventSourceMapping:EventSourceMapping",
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
    "aws:lambda/functionRecursionConfig:FunctionRecursionConfig",
    "aws:lambda/layerVersion:LayerVersion",
    "aws:lambda/permission:Permission",
    "aws:route53/record:Record",
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketNotification:BucketNotification",
    "aws:s3/bucketObjectv2:BucketObjectv2",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:sns/topic:Topic",
    "aws:sns/topicSubscription:TopicSubscription",
    "aws:sqs/queue:Queue",
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy",
}


# Types of which production keeps replaced resources. A protected resource could not be replaced.
KEPT = {"aws:s3/bucketObjectv2:BucketObjectv2"}


def is_retained(resource: Recorded) -> bool:
    if resource.type == "aws:lambda/function:Function":
        return resource.name.startswith("site-")
    return resource.type in RETAINED


def test_each_resource_type_is_listed_as_retained_or_recreated() -> None:
    """G3: a new resource type must be added to one of the two lists."""
    assert not RECREATED & RETAINED.keys()
    assert {
        resource.type for stage in STAGES for resource in list_custom_resources(stage)
    } == RECREATED | RETAINED.keys()


@every_stage
def test_the_program_runs_with_each_stage_file(stage: str) -> None:
    """Requirement G1."""
    assert len(get_recording(stage).resources) > 100


def test_production_protects_and_retains_data() -> None:
    """Requirement G3."""
    resources = list_custom_resources("production")
    wrong = [
        resource.urn
        for resource in resources
        if (resource.protect, resource.retain_on_delete)
        != (is_retained(resource), is_retained(resource) or resource.type in KEPT)
    ]
    assert wrong == []
    assert {resource.type for resource in resources if resource.protect} == RETAINED.keys()


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "production"])
def test_every_stage_except_production_can_be_destroyed_completely(stage: str) -> None:
    """Requirement G3."""
    for resource in get_recording(stage).resources:
        assert not resource.protect, resource.urn
        assert not resource.retain_on_delete, resource.urn
        assert not resource.inputs.get("skipDestroy"), resource.urn


@every_stage
def test_deletion_protection_and_recovery_are_enabled_only_in_production(stage: str) -> None:
    """Requirement G3."""
    production = stage == "production"
    recorded = get_recording(stage)
    tables = recorded.find_by_type("aws:dynamodb/table:Table")
    assert {table.inputs["deletionProtectionEnabled"] for table in tables} == {production}
    always = {f"anchor-{stage}-{name}" for name in ("shops", "jobs", "import-history")}
    recovered = {table.inputs["name"] for table in tables if table.inputs["pointInTimeRecovery"]["enabled"]}
    assert recovered == ({table.inputs["name"] for table in tables} if production else always)
    assert {bucket.inputs["forceDestroy"] for bucket in recorded.find_by_type("aws:s3/bucket:Bucket")} == {
        not production
    }
    (pool,) = recorded.find_by_type("aws:cognito/userPool:UserPool")
    assert pool.inputs["deletionProtection"] == ("ACTIVE" if production else "INACTIVE")


@every_stage
def test_every_taggable_resource_has_the_three_tags(stage: str) -> None:
    """Requirement G6."""
    untagged = [
        resource.urn
        for resource in list_custom_resources(stage)
        if "tags" in list_argument_names(resource.type)
        and not {"Project", "Stage", "Component"} <= resource.inputs.get("tags", {}).keys()
    ]
    assert untagged == []


def test_the_component_tag_names_a_component_of_the_main_program() -> None:
    """Requirement G6."""
    recorded = get_recording("staging")
    components = {resource.type.rsplit(":", 1)[1] for resource in recorded.resources if not resource.parent}
    for resource in recorded.resources:
        if tags := resource.inputs.get("tags"):
            assert (tags["Project"], tags["Stage"]) == ("anchor-deploy", "staging")
            assert tags["Component"] in components


def test_resources_of_a_site_have_a_site_tag() -> None:
    recorded = get_recording("staging")
    assert (
        recorded.find_resource("aws:sqs/queue:Queue", "site-docs-revalidate").inputs["tags"]["Site"] == "docs"
    )


def test_every_allowed_wildcard_is_used() -> None:
    """Each entry of `policies/wildcards.py` matches at least one policy of the program."""
    every = [
        statement
        for stage in STAGES
        for statement in read_policy_statements(get_recording(stage))
        if statement.allows
    ]
    for wildcards, attribute in ((ACTIONS, "actions"), (RESOURCES, "resources")):
        for one in wildcards:
            assert any(
                re.fullmatch(one.pattern, value)
                for statement in every
                if statement.resource_type in one.types
                for value in getattr(statement, attribute)
            ), one.pattern


@every_stage
def test_every_function_has_a_log_group_with_the_retention_of_the_stage(stage: str) -> None:
    recorded = get_recording(stage)
    names = {function.inputs["name"] for function in recorded.find_by_type("aws:lambda/function:Function")}
    groups = {
        group.inputs["name"]: group.inputs["retentionInDays"]
        for group in recorded.find_by_type("aws:cloudwatch/logGroup:LogGroup")
    }
    assert {f"/aws/lambda/{name}" for name in names} <= groups.keys()
    days = {"local": 1, "dev": 14, "staging": 30, "production": 365}
    assert set(groups.values()) == {days[stage]}


@every_stage
def test_no_policy_exceeds_the_size_limit_of_iam(stage: str) -> None:
    for policy in get_recording(stage).find_by_type("aws:iam/rolePolicy:RolePolicy"):
        assert len(policy.inputs["policy"]) <= 10_240, policy.urn


def test_a_site_has_no_access_to_another_site() -> None:
    """Requirements P6 and A5."""
    others = {"next-site": "docs", "docs": "next-site"}
    checked = 0
    for policy in get_recording("staging").find_by_type("aws:iam/rolePolicy:RolePolicy"):
        for site, other in others.items():
            if policy.name.startswith(f"site-{site}-"):
                assert f"site-{other}" not in policy.inputs["policy"]
                assert f"/{other}/" not in policy.inputs["policy"]
                checked += 1
    assert checked == 8


def test_more_sites_do_not_change_platform_policies_alarms_or_dashboard() -> None:
    """A policy that lists sites would exceed IAM's limit, and one alarm per site would be too many."""
    many = record_main_program("staging", {"sites": [{"name": f"site{number}"} for number in range(5)]})
    few = get_recording("staging")
    for name in PLATFORM_FUNCTIONS:
        kind = "aws:iam/rolePolicy:RolePolicy"
        assert many.find_resource(kind, name).inputs == few.find_resource(kind, name).inputs
    for kind in ("aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/dashboard:Dashboard"):
        assert {one.urn: one.inputs for one in many.find_by_type(kind)} == {
            one.urn: one.inputs for one in few.find_by_type(kind)
        }


PLATFORM_FUNCTIONS = (
    "webhook",
    "orchestrator",
    "build-events",
    "release",
    "promote",
    "api",
    "sweep",
    "collect",
    "images-api",
    "images-uploaded",
)


@every_stage
def test_every_resource_name_starts_with_the_prefix(stage: str) -> None:
    names = {
        resource.inputs["name"]
        .removeprefix("/aws/lambda/")
        .removeprefix("/aws/codebuild/")
        .removeprefix("/aws/apigateway/")
        .removeprefix("alias/")
        for resource in get_recording(stage).resources
        if isinstance(resource.inputs.get("name"), str) and resource.type not in NAMED_OTHERWISE
    }
    assert [name for name in names if not name.startswith(f"anchor-{stage}-")] == []


NAMED_OTHERWISE = {
    "aws:lambda/alias:Alias": "live",
    "aws:iam/rolePolicy:RolePolicy": "inline, named within its role",
    "aws:apigatewayv2/authorizer:Authorizer": "named within its API",
    "aws:apigatewayv2/stage:Stage": "$default",
    "aws:cognito/userGroup:UserGroup": "named within its user pool",
    "aws:route53/record:Record": "a host",
}


def test_only_components_are_at_the_top_level() -> None:
    """`__main__.py` creates only components and stays short, so that it shows the structure of a stage."""
    assert {
        resource.type.split(":")[0] for resource in get_recording("dev").resources if not resource.parent
    } == {"anchor"}
    assert len((CHECKOUT / "__main__.py").read_text().splitlines()) < 155


def test_no_region_or_account_is_hard_coded() -> None:
    """G2: only the list of allowed regions, with CloudFront's region us-east-1, contains regions."""
    found = {
        (path.name, match.group())
        for path in [*(CHECKOUT / "components").rglob("*.py"), CHECKOUT / "__main__.py"]
        for match in re.finditer(r"\b[a-z]{2}-[a-z]+-\d\b|\b\d{12}\b", path.read_text())
    }
    assert {name for name, _ in found} == {"regions.py", "scope.py"}
    assert {region for _, region in found} == set(REGIONS)


@every_stage
def test_the_stack_has_all_outputs(stage: str) -> None:
    """Requirement G5."""
    outputs = get_recording(stage).outputs
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
        "shopStore",
        "shopStorePolicyArn",
    }
    tables = {table.inputs["name"] for table in get_recording(stage).find_by_type("aws:dynamodb/table:Table")}
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
def test_the_url_of_a_site_uses_the_domain_of_the_stage(stage: str, url: str) -> None:
    """Requirement G5."""
    assert get_recording(stage).outputs["sites"]["next-site"] == url
