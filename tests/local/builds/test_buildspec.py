"""The parser refuses buildspecs that are invalid or that the embedded CodeBuild does not support."""

import pytest

from local.builds.buildspec import ArtifactsSpec, BuildspecError, parse_buildspec

PHASES = "phases:\n  build:\n    commands: [echo]\n"


def test_a_complete_buildspec_is_parsed() -> None:
    buildspec = parse_buildspec("""
version: 0.2
env:
  shell: bash
  variables: {A: "1", B: 2}
  parameter-store: {C: /p/c}
phases:
  post_build:
    commands: [echo 3]
  install:
    runtime-versions: {nodejs: 22}
  build:
    on-failure: ABORT
    commands: [echo 1]
    finally: [echo 2]
artifacts:
  files: ['**/*']
  base-directory: out
  discard-paths: yes
cache:
  paths: ['/root/.npm/**/*']
""")

    assert [phase.name for phase in buildspec.phases] == ["install", "build", "post_build"]
    assert buildspec.phases[0].runtime_versions == {"nodejs": "22"}
    assert (buildspec.phases[1].aborts, buildspec.phases[1].cleanup) == (True, ("echo 2",))
    assert (buildspec.variables, buildspec.parameters) == ({"A": "1", "B": "2"}, {"C": "/p/c"})
    assert buildspec.artifacts == ArtifactsSpec(files=("**/*",), base_directory="out", discard_paths=True)
    assert buildspec.cache_paths == ("/root/.npm/**/*",)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "not valid YAML"),
        ("just text", "the buildspec is missing or not a mapping"),
        (f"version: 0.1\n{PHASES}", "version is 0.1; only 0.2"),
        (PHASES, "version is None"),
        ("version: 0.2\n", "phases is missing"),
        ("version: 0.2\nphases: {}\n", "phases is empty"),
        ("version: 0.2\nphases:\n  biuld: {}\n", "biuld"),
        ("version: 0.2\nphases:\n  build: {}\n", "phases.build.commands is missing"),
        ("version: 0.2\nphases:\n  build: {commands: echo}\n", "not a list of texts"),
        ("version: 0.2\nphases:\n  build: {commands: [true]}\n", "not a list of texts"),
        ("version: 0.2\nphases:\n  build: {commands: [a], on-failure: RETRY}\n", "on-failure is 'RETRY'"),
        ("version: 0.2\nphases:\n  build: {commands: [a], run-as: root}\n", "run-as"),
        (f"version: 0.2\nenv: {{shell: zsh}}\n{PHASES}", "env.shell is 'zsh'"),
        (f"version: 0.2\nenv: {{variables: [A]}}\n{PHASES}", "env.variables is not a mapping"),
        (f"version: 0.2\nenv: {{secrets-manager: {{A: b}}}}\n{PHASES}", "secrets-manager"),
        (f"version: 0.2\nreports: {{}}\n{PHASES}", "reports"),
        (f"version: 0.2\nartifacts: {{}}\n{PHASES}", "artifacts.files is missing"),
        (f"version: 0.2\nartifacts: {{files: [/etc/passwd]}}\n{PHASES}", "relative to the source directory"),
    ],
)
def test_an_invalid_or_unsupported_buildspec_is_refused_with_the_problem(text: str, problem: str) -> None:
    with pytest.raises(BuildspecError, match=problem):
        parse_buildspec(text)
