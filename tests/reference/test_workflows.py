"""The workflows on GitHub: nothing in them can be changed under us, and they hold no key."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from components.core.stage import REGION, STAGES, StageConfig
from tests.components.recorder import ROOT, configuration

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"uses: (?P<action>[\w./-]+)@(?P<sha>[0-9a-f]{40}) # v\d+\.\d+\.\d+$")
LOCAL = "./.github/workflows/"


def parsed(name: str) -> dict[str, Any]:
    # YAML 1.1 reads the key `on` as True.
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text())
    return {"on" if key is True else key: value for key, value in workflow.items()}


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in WORKFLOWS:
        for name, job in parsed(file.name)["jobs"].items():
            yield f"{file.name}: {name}", job


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, job in jobs():
        for step in job.get("steps", []):
            yield name, step


def shell() -> Iterator[tuple[str, str]]:
    for name, step in steps():
        if "run" in step:
            yield name, step["run"]


def step_with(workflow: str, job: str, text: str) -> dict[str, Any]:
    (found,) = [step for step in parsed(workflow)["jobs"][job]["steps"] if text in str(step)]
    return found


def test_there_are_workflows_with_steps() -> None:
    assert [file.name for file in WORKFLOWS] == ["checks.yml", "deploy.yml", "preview.yml"]
    assert len(list(steps())) > 10


def test_every_action_is_pinned_by_its_commit_with_the_version_beside_it() -> None:
    """A tag can be moved to other code; a commit cannot."""
    versions: dict[str, set[str]] = {}
    for file in WORKFLOWS:
        for line in file.read_text().splitlines():
            if "uses:" not in line or LOCAL in line:
                continue
            pinned = PINNED.search(line)
            assert pinned, f"{file.name}: {line.strip()}"
            versions.setdefault(pinned["action"], set()).add(line.partition("@")[2])
    assert {action for action, pins in versions.items() if len(pins) > 1} == set()
    assert "actions/checkout" in versions


def test_local_workflows_that_are_called_exist() -> None:
    called = [job["uses"] for _, job in jobs() if "uses" in job]
    assert called == [f"{LOCAL}checks.yml"]
    assert "workflow_call" in parsed("checks.yml")["on"]


def test_there_are_no_secrets_and_no_keys() -> None:
    for file in WORKFLOWS:
        text = file.read_text()
        assert set(re.findall(r"secrets\.(\w+)", text)) <= {"GITHUB_TOKEN"}
        assert "aws-access-key-id" not in text
        assert "aws-secret-access-key" not in text
        assert "secrets: inherit" not in text


def test_every_job_has_the_permissions_it_needs_and_no_more() -> None:
    for file in WORKFLOWS:
        assert parsed(file.name)["permissions"] == {}
    granted = {name: job["permissions"] for name, job in jobs()}
    read, assume = {"contents": "read"}, {"contents": "read", "id-token": "write"}
    assert granted == {
        "checks.yml: check": read,
        "checks.yml: test": read,
        "checks.yml: conformance": read,
        "deploy.yml: checks": read,
        "deploy.yml: up": assume,
        "preview.yml: preview": assume,
        "preview.yml: comment": {"pull-requests": "write"},
    }


def test_code_of_a_pull_request_never_runs_with_rights_of_the_repository() -> None:
    """`pull_request_target` would run a fork's code with the repository's token."""
    triggers = {file.name: set(parsed(file.name)["on"]) for file in WORKFLOWS}
    assert triggers == {
        "checks.yml": {"pull_request", "workflow_call"},
        "deploy.yml": {"push", "release"},
        "preview.yml": {"pull_request"},
    }
    for name, step in steps():
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False, name


def test_forks_get_no_credentials() -> None:
    condition = parsed("preview.yml")["jobs"]["preview"]["if"]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in condition


def test_the_job_that_writes_the_comment_runs_nothing_of_the_pull_request() -> None:
    comment = parsed("preview.yml")["jobs"]["comment"]
    assert [step["uses"].partition("@")[0] for step in comment["steps"]] == [
        "actions/download-artifact",
        "actions/github-script",
    ]


def test_what_a_shell_runs_contains_no_expression() -> None:
    """A branch's name in a `run:` line would be executed."""
    lines = list(shell())
    assert lines
    for name, run in lines:
        assert "${{" not in run, name
    script = step_with("preview.yml", "comment", "github-script")["with"]["script"]
    assert "${{" not in script


def test_make_targets_that_are_called_exist() -> None:
    targets = re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    called = {target for _, run in shell() for target in re.findall(r"^make (\w+)", run, re.MULTILINE)}
    assert called == {"check", "test", "conformance", "package"}
    assert called <= set(targets)


@pytest.mark.parametrize(
    ("workflow", "job", "command"), [("preview.yml", "preview", "preview"), ("deploy.yml", "up", "up")]
)
def test_pulumi_runs_with_the_policies_and_never_shows_where_the_state_is(
    workflow: str, job: str, command: str
) -> None:
    """For a state in S3 the permalink is a signed URL: whoever reads the log or the comment could open it."""
    run = step_with(workflow, job, f"pulumi {command} --stack")["run"]
    for option in (
        "--policy-pack policies",
        "--suppress-permalink=true",
        "--suppress-outputs",
        "--non-interactive",
    ):
        assert option in run


def test_a_failed_preview_fails_the_job_and_still_reaches_the_comment() -> None:
    assert step_with("preview.yml", "preview", "pulumi preview --stack")["run"].startswith(
        "set -o pipefail\n"
    )
    assert step_with("preview.yml", "preview", "upload-artifact")["if"] == "${{ !cancelled() }}"
    assert "!cancelled()" in parsed("preview.yml")["jobs"]["comment"]["if"]


def test_each_stage_is_deployed_in_its_own_environment_one_at_a_time() -> None:
    up = parsed("deploy.yml")["jobs"]["up"]
    assert up["needs"] == "checks"
    assert up["environment"] == up["env"]["STAGE"]
    assert set(re.findall(r"'(\w+)'", up["environment"])) - {"push"} == set(STAGES) - {"local"}
    assert up["concurrency"] == {"group": f"deploy-{up['environment']}", "cancel-in-progress": False}


def test_only_commits_of_main_are_deployed() -> None:
    step = step_with("deploy.yml", "up", "merge-base --is-ancestor")
    assert step["run"] == 'git merge-base --is-ancestor "$GITHUB_SHA" origin/main'
    assert step_with("deploy.yml", "up", "actions/checkout")["with"]["fetch-depth"] == 0


def test_the_workflows_use_the_versions_and_the_region_of_the_project() -> None:
    (locked,) = re.findall(
        r"^pulumi==([\d.]+)", (ROOT / "requirements" / "dev.txt").read_text(), re.MULTILINE
    )
    given = [step["with"] for _, step in steps() if "with" in step]
    assert {with_["pulumi-version"] for with_ in given if "pulumi-version" in with_} == {locked}
    assert {with_["aws-region"] for with_ in given if "aws-region" in with_} == {REGION}


def test_the_layers_that_are_built_are_those_of_the_stages() -> None:
    """`make package` builds for one runtime and CPU; a stage with others would not find its layers."""
    makefile = (ROOT / "Makefile").read_text()
    built = re.findall(r"^(?:RUNTIME|ARCHITECTURE) \?= (.+)$", makefile, re.MULTILINE)
    for name in ("dev", "staging", "production"):
        stage = StageConfig.parse(name, REGION, configuration(name)["anchor-deploy:stage"])
        assert [stage.python_runtime, stage.architecture] == built


def test_the_documented_variables_are_those_that_the_workflows_read() -> None:
    text = (ROOT / "docs" / "continuous-deployment.md").read_text()
    read = {name for file in WORKFLOWS for name in re.findall(r"vars\.(\w+)", file.read_text())}
    assert read == {"PULUMI_BACKEND_URL", "PREVIEWS", "DEPLOY_ROLE"}
    for name in read:
        assert f"`{name}`" in text
