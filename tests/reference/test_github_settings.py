"""The rules and environments in `.github/settings` are valid, and protect what deployments rely on (X5)."""

import json
import re
from typing import Any

import jsonschema_rs
import pytest

from tests.components.recorder import ROOT
from tests.reference.github_api import FILE, REQUESTS
from tests.reference.test_workflows import load_workflow

SETTINGS = ROOT / ".github" / "settings"
FILES = {
    "environment-dev.json": "PUT /repos/{owner}/{repo}/environments/{environment_name}",
    "environment-release.json": "PUT /repos/{owner}/{repo}/environments/{environment_name}",
    "ruleset-main.json": "POST /repos/{owner}/{repo}/rulesets",
    "ruleset-tags.json": "POST /repos/{owner}/{repo}/rulesets",
}
BRANCH_POLICIES = "POST /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies"
SCHEMAS = json.loads(FILE.read_text())
PAGE = (ROOT / "docs" / "continuous-deployment.md").read_text()
REVIEWERS = [{"type": "Team", "id": 1}, {"type": "User", "id": 2}]


def read_settings(name: str) -> dict[str, Any]:
    return json.loads((SETTINGS / name).read_text())


def find_error(request: str, body: object) -> str | None:
    """Return why GitHub's description of a request does not allow a body, or None if it does."""
    schema = {**SCHEMAS["requests"][request], "$defs": SCHEMAS["$defs"]}
    error = next(jsonschema_rs.validator_for(schema).iter_errors(body), None)
    return error and error.message


def read_rules(name: str) -> dict[str, dict[str, Any]]:
    return {rule["type"]: rule.get("parameters", {}) for rule in read_settings(name)["rules"]}


def test_every_file_of_the_settings_is_a_valid_request() -> None:
    assert {file.name for file in SETTINGS.iterdir()} == FILES.keys()
    errors = {name: find_error(request, read_settings(name)) for name, request in FILES.items()}
    assert errors == dict.fromkeys(FILES)
    with_reviewers = {**read_settings("environment-release.json"), "reviewers": REVIEWERS}
    assert find_error(FILES["environment-release.json"], with_reviewers) is None


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("ruleset-tags.json", {"target": "tags"}),
        ("ruleset-tags.json", {"enforcement": "on"}),
        ("ruleset-tags.json", {"rules": [{"type": "creations"}]}),
        ("ruleset-main.json", {"rules": [{"type": "pull_request", "parameters": {"approvals": 1}}]}),
        ("environment-release.json", {"reviewers": [{"type": "Person", "id": 1}]}),
        ("environment-release.json", {"deployment_branch_policy": {"custom_branch_policies": True}}),
        ("environment-dev.json", {"branches": ["main"]}),
    ],
    ids=str,
)
def test_the_description_of_github_finds_mistakes(name: str, change: dict[str, Any]) -> None:
    assert find_error(FILES[name], {**read_settings(name), **change}) is not None


def test_only_administrators_can_create_move_or_delete_a_tag_of_a_release() -> None:
    """A tag can point to any commit, and the workflow of this commit runs. So a tag is a deployment."""
    ruleset = read_settings("ruleset-tags.json")
    assert (ruleset["target"], ruleset["enforcement"]) == ("tag", "active")
    assert ruleset["conditions"] == {"ref_name": {"include": ["refs/tags/v*"], "exclude": []}}
    assert read_rules("ruleset-tags.json") == {"creation": {}, "update": {}, "deletion": {}}
    # 5 is the role Admin of a repository.
    assert ruleset["bypass_actors"] == [
        {"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}
    ]


def test_nobody_changes_main_without_a_review_of_the_last_push() -> None:
    ruleset = read_settings("ruleset-main.json")
    assert (ruleset["target"], ruleset["enforcement"], ruleset["bypass_actors"]) == ("branch", "active", [])
    assert ruleset["conditions"] == {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}}
    rules = read_rules("ruleset-main.json")
    assert rules.keys() == {"deletion", "non_fast_forward", "pull_request", "required_status_checks"}
    review = rules["pull_request"]
    assert review["required_approving_review_count"] >= 1
    assert review["dismiss_stale_reviews_on_push"]
    assert review["require_last_push_approval"]


def test_main_requires_every_check_of_a_pull_request() -> None:
    expected: set[str] = set()
    for job in load_workflow("checks.yml")["jobs"].values():
        versions = job.get("strategy", {}).get("matrix", {}).get("python", [""])
        expected |= {job["name"].replace("${{ matrix.python }}", version) for version in versions}
    required = read_rules("ruleset-main.json")["required_status_checks"]
    assert {check["context"] for check in required["required_status_checks"]} == expected
    assert required["strict_required_status_checks_policy"]


def test_a_release_needs_the_approval_of_somebody_else() -> None:
    """Before, a tag on an unreviewed commit was deployed to staging without an approval."""
    settings = read_settings("environment-release.json")
    assert settings["prevent_self_review"]
    assert settings["deployment_branch_policy"] == {
        "protected_branches": False,
        "custom_branch_policies": True,
    }
    assert "Run the following commands for `staging`, and again for `production`:" in PAGE
    assert "'. + {reviewers: $reviewers}' .github/settings/environment-release.json" in PAGE


def test_the_documented_commands_restrict_each_environment_to_branches_or_tags() -> None:
    policies = re.findall(
        r'environments/([\w"$]+)/deployment-branch-policies"? \\\n\s+-f name=\'?(.+?)\'? -f type=(\w+)', PAGE
    )
    assert policies == [("dev", "main", "branch"), ("$STAGE", "v*", "tag")]
    for _, name, kind in policies:
        assert find_error(BRANCH_POLICIES, {"name": name, "type": kind}) is None


def test_every_documented_call_of_githubs_api_is_checked() -> None:
    calls = re.findall(r"gh api --method (\w+) \"?repos/OWNER/REPOSITORY(/[\w/$-]+)", PAGE)
    known = {
        (method, path.replace("/repos/{owner}/{repo}", "").replace("{environment_name}", "STAGE"))
        for method, path in REQUESTS
    }
    assert len(calls) == 6
    assert {(method, re.sub("dev|[$]STAGE", "STAGE", path)) for method, path in calls} == known
