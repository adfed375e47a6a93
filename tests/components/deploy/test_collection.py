"""ReleaseCollection: its schedule, and its role, which alone may delete releases (D6)."""

from tests.components.policies import read_policy_statements
from tests.components.recorder import get_recording

DELETE_ACTIONS = {
    "lambda:DeleteAlias",
    "lambda:DeleteFunction",
    "lambda:DeleteFunctionUrlConfig",
    "s3:DeleteObject",
}


def read_collection_permissions() -> dict[str, list[str]]:
    """Return, for each action that the collection may perform, the resources on which it is allowed."""
    found: dict[str, list[str]] = {}
    for statement in read_policy_statements(get_recording("dev")):
        if statement.resource_urn.endswith("aws:iam/rolePolicy:RolePolicy::collect"):
            for action in statement.actions:
                found.setdefault(action, []).extend(statement.resources)
    return found


def test_the_collection_runs_hourly_and_gets_the_number_of_kept_releases() -> None:
    recorded = get_recording("dev")
    function = recorded.find_resource("aws:lambda/function:Function", "collect").inputs
    assert function["handler"] == "runtime.deploy.handlers.collect.handle"
    assert function["timeout"] == 900
    assert function["environment"]["variables"]["KEPT_RELEASES"] == "10"
    rules = [rule.inputs for rule in recorded.find_by_type("aws:cloudwatch/eventRule:EventRule")]
    (rule,) = [rule for rule in rules if rule["name"] == "anchor-dev-collect-hourly"]
    assert rule["scheduleExpression"] == "rate(1 hour)"


def test_the_collection_may_delete_only_what_sites_own() -> None:
    """D6, A6."""
    assert read_collection_permissions()["lambda:DeleteFunction"] == [
        "arn:aws:lambda:ap-southeast-1:123456789012:function:anchor-dev-site-*"
    ]
    assert read_collection_permissions()["s3:DeleteObject"] == [
        "arn:aws:s3:::anchor-dev-123456789012-artifacts/artifacts/*",
        "arn:aws:s3:::anchor-dev-123456789012-assets/assets/*",
        "arn:aws:s3:::anchor-dev-123456789012-assets/cache/*",
        "arn:aws:s3:::anchor-dev-123456789012-assets/secrets/*",
    ]
    assert read_collection_permissions()["dynamodb:Scan"] == [
        "arn:aws:dynamodb:ap-southeast-1:123456789012:table/anchor-dev-site-*-tags"
    ]
    assert read_collection_permissions()["sqs:PurgeQueue"] == [
        "arn:aws:sqs:ap-southeast-1:123456789012:anchor-dev-site-*-revalidate*.fifo"
    ]
    forbidden = {
        "kms:Decrypt",
        "lambda:AddPermission",
        "lambda:CreateAlias",
        "lambda:CreateFunctionUrlConfig",
        "lambda:PublishVersion",
        "s3:GetObject",
        "s3:PutObject",
    }
    assert not forbidden & read_collection_permissions().keys()


def test_the_collection_changes_no_projects_but_the_rows_of_sites() -> None:
    (statement,) = [
        each
        for each in read_policy_statements(get_recording("dev"))
        if each.resource_urn.endswith("aws:iam/rolePolicy:RolePolicy::collect")
        and "dynamodb:DeleteItem" in each.actions
    ]
    assert statement.document["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "SITE#*"}}


def test_no_other_platform_function_may_delete_releases() -> None:
    """An attacker who controls another function cannot delete a site.

    The functions of a site may delete objects of the site's own cache, so the test ignores their roles.
    """
    roles = {
        statement.resource_urn.rpartition("::")[2]
        for statement in read_policy_statements(get_recording("dev"))
        if DELETE_ACTIONS & set(statement.actions)
        and any("-site-" in each or "-assets/" in each for each in statement.resources)
    }
    assert {each for each in roles if not each.startswith("site-")} == {"collect"}
