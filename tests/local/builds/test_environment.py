"""A build's environment has only CodeBuild's variables, the build's variables and the network settings."""

import subprocess
from pathlib import Path

import pytest

from local.builds.aws import create_client_factory
from local.builds.environment import prepare_node_folder, read_network_settings
from local.emulator.build_request import EnvironmentVariable
from local.node import NodeInstallation
from tests.local.builds.build_harness import (
    CREDENTIALS,
    BuildHarness,
    find_failed_phase,
    make_secret_variable,
)


def read_printed_variables(harness: BuildHarness) -> dict[str, str]:
    return dict(line.split("=", 1) for line in harness.aws.read_output() if "=" in line)


def test_no_variable_of_this_machine_reaches_a_build(harness: BuildHarness) -> None:
    """P6: the only exceptions are network settings, such as proxies, and folders of tools in the PATH."""
    harness.run_commands("env")

    environment = read_printed_variables(harness)
    assert not {"GITHUB_TOKEN", "SOMETHING_ELSE", "npm_config__auth"} & environment.keys()
    assert not [value for value in environment.values() if value.startswith("host-")]


def test_a_build_has_the_variables_of_codebuild(harness: BuildHarness) -> None:
    harness.run_commands("env", initiator="orchestrator", build_number=7)

    environment = read_printed_variables(harness)
    assert {name: value for name, value in environment.items() if name.startswith("CODEBUILD_")} == {
        "CODEBUILD_BUILD_ARN": f"arn:aws:codebuild:ap-southeast-1:000000000000:build/{harness.build_id}",
        "CODEBUILD_BUILD_ID": harness.build_id,
        "CODEBUILD_BUILD_IMAGE": "aws/codebuild/amazonlinux-x86_64-standard:5.0",
        "CODEBUILD_BUILD_NUMBER": "7",
        "CODEBUILD_BUILD_SUCCEEDING": "1",
        "CODEBUILD_CI": "true",
        "CODEBUILD_INITIATOR": "orchestrator",
        "CODEBUILD_LOG_PATH": harness.build_uuid,
        "CODEBUILD_SRC_DIR": environment["PWD"],
        "CODEBUILD_START_TIME": "1769860800000",
    }
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "ap-southeast-1"
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert ":" not in environment["PWD"]  # a colon would break PATH
    assert Path(environment["HOME"]).parent == Path(environment["PWD"]).parent


def test_a_build_has_its_roles_credentials_and_its_log_hides_them(harness: BuildHarness) -> None:
    harness.run_commands(
        f'[ "$AWS_SECRET_ACCESS_KEY" = {CREDENTIALS["AWS_SECRET_ACCESS_KEY"]} ] && echo its own',
        "env",
    )

    assert "its own" in harness.aws.read_output()
    environment = read_printed_variables(harness)
    assert {environment[name] for name in CREDENTIALS} == {"***"}


def test_the_selected_node_is_first_in_the_path(harness: BuildHarness) -> None:
    harness.run_commands("node")

    assert harness.aws.read_output() == ["the chosen node"]


def test_the_builds_variables_override_the_variables_of_the_buildspec(harness: BuildHarness) -> None:
    """If two variables of the build have the same name, the last one is used. The shell expands no value."""
    harness.run(
        """
version: 0.2
env:
  variables: {COLOUR: red, SIZE: large}
phases:
  build:
    commands: ['echo $COLOUR $SIZE']
""",
        environment_variables=(
            EnvironmentVariable(name="COLOUR", value="green"),
            EnvironmentVariable(name="COLOUR", value="blue $HOME 'x'"),
        ),
    )

    assert harness.aws.read_output() == ["blue $HOME 'x' large"]


def test_variables_cannot_change_the_identity_of_a_build(harness: BuildHarness) -> None:
    harness.run_commands(
        "echo $CODEBUILD_BUILD_ID",
        environment_variables=(EnvironmentVariable(name="CODEBUILD_BUILD_ID", value="another"),),
    )

    assert harness.aws.read_output() == [harness.build_id]


def test_secrets_come_from_the_parameter_store_and_never_show_in_the_log(harness: BuildHarness) -> None:
    """A4: builds can read secrets. The log masks each secret, even if a command or an error contains it."""
    harness.aws.parameters = {
        "/anchor/local/sites/next-site/P/TOKEN": "s3cret-value",
        "/anchor/local/sites/next-site/P/KEY": "-----BEGIN KEY-----\nmultiline-secret\n-----END KEY-----\n",
    }
    result = harness.run_commands(
        'test "$TOKEN" = s3cret-value',
        'echo "token: $TOKEN"',
        'printf "%s" "$KEY"',
        "echo s3cret-value; exit 1",
        environment_variables=(
            make_secret_variable("TOKEN", "/anchor/local/sites/next-site/P/TOKEN"),
            make_secret_variable("KEY", "/anchor/local/sites/next-site/P/KEY"),
        ),
    )

    assert find_failed_phase(result).contexts[0].message == (
        "Error while executing command: echo ***; exit 1. Reason: exit status 1"
    )
    everything = "\n".join([*harness.aws.log, *harness.shown])
    assert "token: ***" in harness.aws.read_output()
    assert "s3cret-value" not in everything
    assert "multiline-secret" not in everything


def test_secrets_are_read_in_batches_of_ten(harness: BuildHarness) -> None:
    """`GetParameters` accepts at most ten names."""
    names = [f"/p/{number}" for number in range(23)]
    harness.aws.parameters = {name: f"value {name}" for name in names}
    result = harness.run_commands(
        'test "$V22" = "value /p/22"',
        environment_variables=tuple(
            make_secret_variable(f"V{number}", name) for number, name in enumerate(names)
        ),
    )

    assert result.status == "SUCCEEDED"
    assert [len(batch) for batch in harness.aws.parameter_requests] == [10, 10, 3]


def test_a_secret_that_is_missing_or_refused_fails_the_build_before_any_command(
    harness: BuildHarness,
) -> None:
    """Q3: the failure message names the missing parameter, or the permission that the build's role lacks."""
    missing = harness.run_commands(
        "echo never", environment_variables=(make_secret_variable("TOKEN", "/p/missing"),)
    )
    harness.aws.refused = {"GetParameters"}
    refused = harness.run_commands(
        "echo never", environment_variables=(make_secret_variable("TOKEN", "/p/token"),)
    )

    assert [find_failed_phase(result).type for result in (missing, refused)] == ["DOWNLOAD_SOURCE"] * 2
    assert find_failed_phase(missing).contexts[0].message == "parameter does not exist: /p/missing"
    assert "not authorized to perform: GetParameters" in find_failed_phase(refused).contexts[0].message
    assert harness.aws.read_output() == []


def test_a_build_uses_the_proxy_the_certificates_and_the_npm_registry_of_the_host(
    harness: BuildHarness,
) -> None:
    harness.run_commands("env")

    environment = read_printed_variables(harness)
    assert environment["HTTPS_PROXY"] == "http://proxy.example.com:3128"
    assert environment["NO_PROXY"] == "127.0.0.1,localhost"
    assert environment["NODE_EXTRA_CA_CERTS"] == "/etc/ssl/company.pem"
    assert environment["npm_config_registry"] == "https://registry.example.com/"
    assert environment["npm_config_cache"] == str(harness.runner.machine.npm_cache)


def test_the_users_npmrc_is_referenced_at_its_original_path(tmp_path: Path) -> None:
    without = read_network_settings({"HOME": str(tmp_path)})
    (tmp_path / ".npmrc").write_text("registry=https://registry.example.com/\n")

    assert without == {}
    assert read_network_settings({"HOME": str(tmp_path)}) == {
        "npm_config_userconfig": str(tmp_path / ".npmrc")
    }
    assert read_network_settings({"HOME": str(tmp_path), "NPM_CONFIG_USERCONFIG": "/etc/npmrc"}) == {
        "NPM_CONFIG_USERCONFIG": "/etc/npmrc"
    }


def test_node_npm_and_npx_are_in_one_folder_for_every_installation(tmp_path: Path) -> None:
    """L1: the file `bin/npm` of the locked Node.js package does not run. Scripts in `shims` replace it."""
    for name in ("bin/node", "bin/npm", "bin/npx", "lib/npm-cli.js", "lib/npx-cli.js"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f'#!/bin/sh\necho {name} "$@"\n')
        (tmp_path / name).chmod(0o755)
    node = tmp_path / "bin" / "node"

    def prepare_folder(*npm: str) -> Path:
        installation = NodeInstallation(node=node, npm=npm, version="22.1.0", origin="")
        return prepare_node_folder(installation, tmp_path / "shims")

    def run_command(command: Path) -> str:
        done = subprocess.run([command, "a b"], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    assert prepare_folder(str(tmp_path / "bin" / "npm")) == tmp_path / "bin"
    shims = prepare_folder(str(node), str(tmp_path / "lib" / "npm-cli.js"))
    assert shims == tmp_path / "shims"
    assert run_command(shims / "node") == "bin/node a b"
    assert run_command(shims / "npm") == f"bin/node {tmp_path}/lib/npm-cli.js a b"
    assert run_command(shims / "npx") == f"bin/node {tmp_path}/lib/npx-cli.js a b"


def test_a_build_ignores_the_users_aws_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """L1: the AWS clients of a build ignore the user's profile, endpoint and proxy.

    Otherwise, the clients would not send the log and the artifact to the emulator.
    """
    monkeypatch.setenv("AWS_PROFILE", "of-somebody-else")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://elsewhere.example")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    made = create_client_factory("http://127.0.0.1:4566")(CREDENTIALS, "ap-southeast-1")
    for client in (made.logs, made.parameters, made.objects):
        assert client.meta.endpoint_url == "http://127.0.0.1:4566"
        assert client.meta.config.proxies == {}
        assert client._request_signer._credentials.access_key == CREDENTIALS["AWS_ACCESS_KEY_ID"]
