"""The GitHub workflows use pinned actions, contain no secrets and have minimal permissions."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from audit.deployed_packages import FILE
from components.core.stage import StageConfig
from tests.components.recorder import ROOT, read_configuration
from tests.components.stages import REGION, STAGES

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"uses: (?P<action>[\w./-]+)@(?P<sha>[0-9a-f]{40}) # v\d+\.\d+\.\d+$")
LOCAL = "./.github/workflows/"


def load_workflow(name: str) -> dict[str, Any]:
    # A YAML 1.1 parser reads the key `on` as True.
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text())
    return {"on" if key is True else key: value for key, value in workflow.items()}


def iterate_jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in WORKFLOWS:
        for name, job in load_workflow(file.name)["jobs"].items():
            yield f"{file.name}: {name}", job


def iterate_steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, job in iterate_jobs():
        for step in job.get("steps", []):
            yield name, step


def iterate_scripts() -> Iterator[tuple[str, str]]:
    for name, step in iterate_steps():
        if "run" in step:
            yield name, step["run"]


def find_step(workflow: str, job: str, text: str) -> dict[str, Any]:
    (found,) = [step for step in load_workflow(workflow)["jobs"][job]["steps"] if text in str(step)]
    return found


@pytest.mark.parametrize(("workflow", "job"), [("deploy.yml", "up"), ("preview.yml", "preview")])
def test_the_layers_contain_bytecode_of_the_functions_runtime(workflow: str, job: str) -> None:
    """Without the runtime's version of Python, `make package` builds layers without bytecode."""
    installed = find_step(workflow, job, "setup-python")["with"]["python-version"].split()
    assert find_step(workflow, job, "make package")["run"] == "make package"
    deployed = {
        read_configuration(stage)["anchor-deploy:stage"]["pythonRuntime"]
        for stage in STAGES
        if stage != "local"
    }
    assert {f"python{version}" for version in installed[:-1]} == deployed


def test_the_unit_tests_run_with_every_supported_version_of_python() -> None:
    """Requirement L8."""
    job = load_workflow("checks.yml")["jobs"]["check"]
    versions = job["strategy"]["matrix"]["python"]
    assert (
        find_step("checks.yml", "check", "setup-python")["with"]["python-version"] == "${{ matrix.python }}"
    )
    assert find_step("checks.yml", "check", "make check")["run"] == "make check"
    assert (
        re.search(r"^PYTHONS := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split() == versions
    )
    oldest, newest = versions[0], versions[-1]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={oldest},<3.{int(newest.partition('.')[2]) + 1}"
    assert f"Python {oldest} to {newest}" in (ROOT / "README.md").read_text()


def test_there_are_workflows_with_steps() -> None:
    assert [file.name for file in WORKFLOWS] == [
        "audit.yml",
        "checks.yml",
        "deploy.yml",
        "drift.yml",
        "preview.yml",
    ]
    assert len(list(iterate_steps())) > 10


def test_every_action_is_pinned_to_a_commit_with_its_version_as_comment() -> None:
    """A tag is not sufficient, because it can be moved to another commit."""
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


def test_called_local_workflows_exist() -> None:
    called = [job["uses"] for _, job in iterate_jobs() if "uses" in job]
    assert called == [f"{LOCAL}checks.yml"]
    assert "workflow_call" in load_workflow("checks.yml")["on"]


def test_workflows_use_no_secrets_and_no_access_keys() -> None:
    for file in WORKFLOWS:
        text = file.read_text()
        assert set(re.findall(r"secrets\.(\w+)", text)) <= {"GITHUB_TOKEN"}
        assert "aws-access-key-id" not in text
        assert "aws-secret-access-key" not in text
        assert "secrets: inherit" not in text


def test_every_job_has_only_the_permissions_it_needs() -> None:
    for file in WORKFLOWS:
        assert load_workflow(file.name)["permissions"] == {}
    granted = {name: job["permissions"] for name, job in iterate_jobs()}
    read, assume = {"contents": "read"}, {"contents": "read", "id-token": "write"}
    assert granted == {
        "audit.yml: audit": read,
        "checks.yml: check": read,
        "checks.yml: test": read,
        "checks.yml: conformance": read,
        "checks.yml: engine": read,
        "deploy.yml: checks": read,
        "deploy.yml: up": assume,
        "drift.yml: refresh": assume,
        "drift.yml: report": {"issues": "write"},
        "preview.yml: preview": assume,
        "preview.yml: comment": {"pull-requests": "write"},
    }


def test_code_of_a_pull_request_never_runs_with_write_permissions() -> None:
    """`pull_request_target` would run a fork's code with the repository's token."""
    triggers = {file.name: set(load_workflow(file.name)["on"]) for file in WORKFLOWS}
    assert triggers == {
        "audit.yml": {"schedule", "workflow_dispatch"},
        "checks.yml": {"pull_request", "workflow_call"},
        "deploy.yml": {"push", "release"},
        "drift.yml": {"schedule", "workflow_dispatch"},
        "preview.yml": {"pull_request"},
    }
    for name, step in iterate_steps():
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False, name


def test_forks_get_no_credentials() -> None:
    condition = load_workflow("preview.yml")["jobs"]["preview"]["if"]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in condition


@pytest.mark.parametrize(("workflow", "job"), [("preview.yml", "comment"), ("drift.yml", "report")])
def test_a_job_that_writes_to_github_runs_no_code_of_the_repository(workflow: str, job: str) -> None:
    writing = load_workflow(workflow)["jobs"][job]
    assert [step["uses"].partition("@")[0] for step in writing["steps"]] == [
        "actions/download-artifact",
        "actions/github-script",
    ]


def test_the_comment_shows_first_what_is_replaced_or_deleted() -> None:
    """The summary and the plan are in Markdown fences, because the code of a pull request can change both."""
    summarize = find_step("preview.yml", "preview", "reference.plan_summary")
    assert summarize["if"] == "${{ !cancelled() }}"
    upload = find_step("preview.yml", "preview", "upload-artifact")["with"]["path"]
    assert upload.split() == ["${{", "matrix.stage", "}}.txt", "${{", "matrix.stage", "}}.summary.txt"]
    script = find_step("preview.yml", "comment", "github-script")["with"]["script"]
    assert "${fence}\\n${summary.slice(0, 5000)}\\n${fence}" in script
    assert "${first}<details>" in script
    assert script.count("readFileSync") == script.count(".replaceAll(fence, '')") == 1


@pytest.mark.parametrize(("workflow", "job"), [("preview.yml", "preview"), ("drift.yml", "refresh")])
def test_the_event_log_is_never_uploaded(workflow: str, job: str) -> None:
    """The event log contains values of properties."""
    run = find_step(workflow, job, "--event-log")["run"]
    assert '--event-log "$RUNNER_TEMP/events.json"' in run
    assert "RUNNER_TEMP" not in str(find_step(workflow, job, "upload-artifact"))


def test_drift_is_detected_daily_with_a_role_that_only_main_can_assume() -> None:
    workflow = load_workflow("drift.yml")
    refresh = workflow["jobs"]["refresh"]
    assert re.fullmatch(r"\d+ \d+ \* \* \*", workflow["on"]["schedule"][0]["cron"])
    assert "github.ref == 'refs/heads/main'" in refresh["if"]
    run = find_step("drift.yml", "refresh", "pulumi refresh")["run"]
    for option in (
        "--preview-only",
        "--expect-no-changes",
        "--suppress-permalink=true",
        "--suppress-outputs",
    ):
        assert option in run
    assert not [step for step in refresh["steps"] if step.get("uses", "").startswith("actions/cache@")]
    text = (ROOT / "docs" / "continuous-deployment.md").read_text()
    assert "`repo:OWNER/REPOSITORY:ref:refs/heads/main`" in text


def test_the_audit_runs_every_week_and_keeps_the_bill_of_materials() -> None:
    """A new vulnerability becomes known without a change of this repository."""
    assert re.fullmatch(r"\d+ \d+ \* \* \d", load_workflow("audit.yml")["on"]["schedule"][0]["cron"])
    upload = find_step("audit.yml", "audit", "upload-artifact")
    assert upload["with"]["path"] == f"dist/{FILE}"
    assert upload["if"] == "${{ !cancelled() }}"


def test_run_steps_contain_no_expressions() -> None:
    """GitHub inserts the value into the script, so the shell would run commands in the name of a branch."""
    lines = list(iterate_scripts())
    assert lines
    for name, run in lines:
        assert "${{" not in run, name
    for workflow, job in (("preview.yml", "comment"), ("drift.yml", "report")):
        assert "${{" not in find_step(workflow, job, "github-script")["with"]["script"]


def test_no_other_make_target_depends_on_engine() -> None:
    """`make engine` needs Pulumi or Go. A target that depends on `engine` would need them, too."""
    rules = re.findall(
        r"^([a-z0-9-]+):([^\n]*)\n((?:\t[^\n]*\n)*)", (ROOT / "Makefile").read_text(), re.MULTILINE
    )
    calls = {
        name: "engine"
        in f"{prerequisites.partition('##')[0]} {' '.join(re.findall('MAKE.*', recipe))}".split()
        for name, prerequisites, recipe in rules
    }
    assert len(calls) > 20
    assert set(calls.values()) == {False}


def test_called_make_targets_exist() -> None:
    targets = re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    called = {
        target for _, run in iterate_scripts() for target in re.findall(r"^make (\w+)", run, re.MULTILINE)
    }
    assert called == {"audit", "check", "conformance", "engine", "package", "test"}
    assert called <= set(targets)


@pytest.mark.parametrize(
    ("workflow", "job", "command"), [("preview.yml", "preview", "preview"), ("deploy.yml", "up", "up")]
)
def test_pulumi_runs_with_the_policy_pack_and_prints_no_permalink(
    workflow: str, job: str, command: str
) -> None:
    """With state in S3, the permalink is a signed URL that every reader of the log could open."""
    run = find_step(workflow, job, f"pulumi {command} --stack")["run"]
    for option in (
        "--policy-pack policies",
        "--suppress-permalink=true",
        "--suppress-outputs",
        "--non-interactive",
    ):
        assert option in run


def test_a_failed_preview_fails_its_job_and_is_still_shown_in_the_comment() -> None:
    assert find_step("preview.yml", "preview", "pulumi preview --stack")["run"].startswith(
        "set -o pipefail\n"
    )
    assert find_step("preview.yml", "preview", "upload-artifact")["if"] == "${{ !cancelled() }}"
    assert "!cancelled()" in load_workflow("preview.yml")["jobs"]["comment"]["if"]


def test_each_stage_has_its_own_environment_and_one_deployment_at_a_time() -> None:
    up = load_workflow("deploy.yml")["jobs"]["up"]
    assert up["needs"] == "checks"
    assert up["environment"] == up["env"]["STAGE"]
    assert set(re.findall(r"'(\w+)'", up["environment"])) - {"push"} == set(STAGES) - {"local"}
    assert up["concurrency"] == {"group": f"deploy-{up['environment']}", "cancel-in-progress": False}


def test_only_commits_of_main_are_deployed() -> None:
    step = find_step("deploy.yml", "up", "merge-base --is-ancestor")
    assert step["run"] == 'git merge-base --is-ancestor "$GITHUB_SHA" origin/main'
    assert find_step("deploy.yml", "up", "actions/checkout")["with"]["fetch-depth"] == 0


def test_the_workflows_use_the_projects_pulumi_version_and_region() -> None:
    (locked,) = re.findall(
        r"^pulumi==([\d.]+)", (ROOT / "requirements" / "dev.txt").read_text(), re.MULTILINE
    )
    inputs = [step["with"] for _, step in iterate_steps() if "with" in step]
    assert {each["pulumi-version"] for each in inputs if "pulumi-version" in each} == {locked}
    assert {each["aws-region"] for each in inputs if "aws-region" in each} == {
        f"${{{{ {source} || '{REGION}' }}}}" for source in ("vars.AWS_REGION", "matrix.region")
    }


def test_make_package_builds_the_layers_of_the_stages() -> None:
    """`make package` builds for one runtime and one CPU architecture. The stages must use both."""
    makefile = (ROOT / "Makefile").read_text()
    built = re.findall(r"^(?:RUNTIME|ARCHITECTURE) \?= (.+)$", makefile, re.MULTILINE)
    for name in ("dev", "staging", "production"):
        stage = StageConfig.parse(
            name, REGION, read_configuration(name)["anchor-deploy:stage"], allow_placeholders=True
        )
        assert [stage.python_runtime, stage.architecture] == built


def test_every_variable_of_the_workflows_is_documented() -> None:
    text = (ROOT / "docs" / "continuous-deployment.md").read_text()
    read = {name for file in WORKFLOWS for name in re.findall(r"vars\.(\w+)", file.read_text())}
    assert read == {"STATE_BUCKETS", "PREVIEWS", "DEPLOY_ROLE", "DRIFT", "AWS_REGION"}
    for name in read:
        assert f"`{name}`" in text
