"""ReleaseCollection: called once an hour, and the only one that may remove releases (D6)."""

from tests.components.policies import statements
from tests.components.recorder import recording

REMOVING = {
    "lambda:DeleteAlias",
    "lambda:DeleteFunction",
    "lambda:DeleteFunctionUrlConfig",
    "s3:DeleteObject",
}


def allowed() -> dict[str, list[str]]:
    """What the function may do, and where."""
    found: dict[str, list[str]] = {}
    for statement in statements(recording("dev")):
        if statement.of.endswith("aws:iam/rolePolicy:RolePolicy::collect"):
            for action in statement.actions:
                found.setdefault(action, []).extend(statement.resources)
    return found


def test_it_runs_once_an_hour_and_knows_how_many_releases_are_kept() -> None:
    recorded = recording("dev")
    function = recorded.one("aws:lambda/function:Function", "collect").inputs
    assert function["handler"] == "runtime.deploy.handlers.collect.handle"
    assert function["timeout"] == 900
    assert function["environment"]["variables"]["KEPT_RELEASES"] == "10"
    rules = [rule.inputs for rule in recorded.of("aws:cloudwatch/eventRule:EventRule")]
    (rule,) = [rule for rule in rules if rule["name"] == "anchor-dev-collect-hourly"]
    assert rule["scheduleExpression"] == "rate(1 hour)"


def test_it_removes_versions_of_sites_and_files_of_releases_only() -> None:
    assert allowed()["lambda:DeleteFunction"] == [
        "arn:aws:lambda:ap-southeast-1:123456789012:function:anchor-dev-site-*"
    ]
    assert allowed()["s3:DeleteObject"] == [
        "arn:aws:s3:::anchor-dev-123456789012-assets/assets/*",
        "arn:aws:s3:::anchor-dev-123456789012-assets/cache/*",
    ]
    assert not {"lambda:UpdateAlias", "lambda:UpdateFunctionCode", "s3:PutObject"} & allowed().keys()


def test_no_other_function_of_the_platform_removes_releases() -> None:
    """Who takes one of them over cannot take a site away. A site's own function may empty its own cache."""
    removing = {
        statement.of.rpartition("::")[2]
        for statement in statements(recording("dev"))
        if REMOVING & set(statement.actions)
        and any("-site-" in each or "-assets/" in each for each in statement.resources)
    }
    assert {each for each in removing if not each.startswith("site-")} == {"collect"}
