"""Parser of buildspecs in CodeBuild's version 0.2.

Reference: https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html. An unsupported key is
an error whose message names the key. The parser skips no key, because a build that works here must work in
CodeBuild.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias, cast

import yaml
from attrs import field, frozen

PhaseName = Literal["install", "pre_build", "build", "post_build"]
PHASE_NAMES: tuple[PhaseName, ...] = ("install", "pre_build", "build", "post_build")
SHELLS = {"bash": "bash", "/bin/sh": "/bin/sh"}

_Mapping: TypeAlias = Mapping[str, Any]


class BuildspecError(ValueError):
    """The buildspec is invalid or not supported. The message names the key and its allowed values."""


@frozen(kw_only=True)
class PhaseSpec:
    """A phase. Its commands run in order until one fails or all have succeeded.

    Attributes:
        cleanup: The commands of `finally`. They run after `commands`, even if a command failed, but not
            after a stop or a timeout.
        aborts: Whether a failure of the phase ends the build at once (`on-failure: ABORT`).
    """

    name: PhaseName
    commands: tuple[str, ...]
    cleanup: tuple[str, ...] = ()
    aborts: bool = False
    runtime_versions: Mapping[str, str] = field(factory=dict[str, str])


@frozen(kw_only=True)
class ArtifactsSpec:
    """The files to upload: patterns relative to `base_directory`, which is relative to the source folder."""

    files: tuple[str, ...]
    base_directory: str = "."
    discard_paths: bool = False
    exclude_paths: tuple[str, ...] = ()


@frozen(kw_only=True)
class Buildspec:
    """A buildspec.

    Attributes:
        phases: In the order in which they run.
        variables: The values of `env.variables`, by variable name.
        parameters: The names of SSM parameters (`env.parameter-store`), by variable name.
        artifacts: None if the buildspec has no artifacts.
        cache_paths: Read but not used, because all local builds share one npm cache.
    """

    phases: tuple[PhaseSpec, ...]
    shell: str = "/bin/sh"
    variables: Mapping[str, str] = field(factory=dict[str, str])
    parameters: Mapping[str, str] = field(factory=dict[str, str])
    artifacts: ArtifactsSpec | None = None
    cache_paths: tuple[str, ...] = ()


def parse_buildspec(text: str) -> Buildspec:
    """Parse a buildspec.

    Raises:
        BuildspecError: The text is not YAML, lacks a required key, or has an unsupported key or value.
    """
    try:
        document: object = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BuildspecError(f"the buildspec is not valid YAML: {error}") from error
    root = _parse_section(document, "the buildspec", {"version", "env", "phases", "artifacts", "cache"})
    if str(root.get("version")) != "0.2":
        raise BuildspecError(f"version is {root.get('version')!r}; only 0.2 is supported")
    env = _parse_section(root.get("env", {}), "env", {"shell", "variables", "parameter-store"})
    shell = str(env.get("shell", "/bin/sh"))
    if shell not in SHELLS:
        raise BuildspecError(f"env.shell is {shell!r}; it may be {' or '.join(SHELLS)}")
    phases = _parse_section(root.get("phases"), "phases", set(PHASE_NAMES))
    if not phases:
        raise BuildspecError("phases is empty; name at least one of " + ", ".join(PHASE_NAMES))
    cache = _parse_section(root.get("cache", {}), "cache", {"paths"})
    return Buildspec(
        phases=tuple(_parse_phase(name, phases[name]) for name in PHASE_NAMES if name in phases),
        shell=SHELLS[shell],
        variables=_parse_text_mapping(env.get("variables", {}), "env.variables"),
        parameters=_parse_text_mapping(env.get("parameter-store", {}), "env.parameter-store"),
        artifacts=_parse_artifacts(root["artifacts"]) if "artifacts" in root else None,
        cache_paths=_parse_text_list(cache.get("paths", []), "cache.paths"),
    )


def _parse_phase(name: PhaseName, value: object) -> PhaseSpec:
    where = f"phases.{name}"
    allowed = {"commands", "finally", "on-failure"} | ({"runtime-versions"} if name == "install" else set())
    phase = _parse_section(value, where, allowed)
    if "commands" not in phase and name != "install":
        raise BuildspecError(f"{where}.commands is missing")
    on_failure = phase.get("on-failure")
    if on_failure not in {None, "ABORT"}:
        raise BuildspecError(f"{where}.on-failure is {on_failure!r}; only ABORT is supported here")
    return PhaseSpec(
        name=name,
        commands=_parse_text_list(phase.get("commands", []), f"{where}.commands"),
        cleanup=_parse_text_list(phase.get("finally", []), f"{where}.finally"),
        aborts=on_failure == "ABORT",
        runtime_versions=_parse_text_mapping(phase.get("runtime-versions", {}), f"{where}.runtime-versions"),
    )


def _parse_artifacts(value: object) -> ArtifactsSpec:
    artifacts = _parse_section(
        value, "artifacts", {"files", "base-directory", "discard-paths", "exclude-paths"}
    )
    files = _parse_text_list(artifacts.get("files", []), "artifacts.files")
    if not files:
        raise BuildspecError("artifacts.files is missing or empty; name the files to upload")
    if absolute := [pattern for pattern in files if pattern.startswith("/")]:
        raise BuildspecError(
            f"artifacts.files has {absolute[0]}; name files relative to the source directory"
        )
    return ArtifactsSpec(
        files=files,
        base_directory=str(artifacts.get("base-directory", ".")),
        # YAML 1.1 reads an unquoted `yes` as a boolean, but a quoted `yes` as text. Accept both values.
        discard_paths=artifacts.get("discard-paths", False) in {True, "yes"},
        exclude_paths=_parse_text_list(artifacts.get("exclude-paths", []), "artifacts.exclude-paths"),
    )


def _parse_section(value: object, where: str, allowed_keys: Iterable[str]) -> _Mapping:
    if not isinstance(value, dict):
        raise BuildspecError(f"{where} is missing or not a mapping")
    section = cast("dict[Any, Any]", value)
    if unknown := sorted(str(key) for key in section.keys() - set(allowed_keys)):
        known = ", ".join(sorted(allowed_keys))
        raise BuildspecError(f"{where} has {', '.join(unknown)}, which is not supported here; known: {known}")
    return section


def _parse_text_mapping(value: object, where: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise BuildspecError(f"{where} is not a mapping")
    return {str(key): str(text) for key, text in cast("dict[Any, Any]", value).items()}


def _parse_text_list(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in cast("list[Any]", value)):
        raise BuildspecError(f"{where} is not a list of texts")
    return tuple(cast("list[str]", value))
