"""Reading a buildspec: what CodeBuild accepts in version 0.2, as typed values.

Reference: https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html. Keys outside what the
embedded runner carries out are refused by name, never skipped: a build that works here must work there.
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
    """The buildspec is not one that CodeBuild would run; the message names the key and what it may be."""


@frozen(kw_only=True)
class PhaseSpec:
    """A phase: commands run in order until one fails, then those of `cleanup` (`finally`) in any case.

    `aborts` is `on-failure: ABORT`: the phase's failure ends the build at once.
    """

    name: PhaseName
    commands: tuple[str, ...]
    cleanup: tuple[str, ...] = ()
    aborts: bool = False
    runtime_versions: Mapping[str, str] = field(factory=dict[str, str])


@frozen(kw_only=True)
class ArtifactsSpec:
    """Files to upload: patterns relative to `base_directory`, itself relative to the source directory."""

    files: tuple[str, ...]
    base_directory: str = "."
    discard_paths: bool = False
    exclude_paths: tuple[str, ...] = ()


@frozen(kw_only=True)
class Buildspec:
    """A whole buildspec. Phases come in the order in which they run."""

    phases: tuple[PhaseSpec, ...]
    shell: str = "/bin/sh"
    variables: Mapping[str, str] = field(factory=dict[str, str])
    parameters: Mapping[str, str] = field(factory=dict[str, str])
    artifacts: ArtifactsSpec | None = None
    cache_paths: tuple[str, ...] = ()


def parse_buildspec(text: str) -> Buildspec:
    """Read a buildspec.

    Raises:
        BuildspecError: It is no YAML, misses something required, or uses a key or value that is unknown here.
    """
    try:
        document: object = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BuildspecError(f"the buildspec is not valid YAML: {error}") from error
    root = _section(document, "the buildspec", {"version", "env", "phases", "artifacts", "cache"})
    if str(root.get("version")) != "0.2":
        raise BuildspecError(f"version is {root.get('version')!r}; only 0.2 is supported")
    env = _section(root.get("env", {}), "env", {"shell", "variables", "parameter-store"})
    shell = str(env.get("shell", "/bin/sh"))
    if shell not in SHELLS:
        raise BuildspecError(f"env.shell is {shell!r}; it may be {' or '.join(SHELLS)}")
    phases = _section(root.get("phases"), "phases", set(PHASE_NAMES))
    if not phases:
        raise BuildspecError("phases is empty; name at least one of " + ", ".join(PHASE_NAMES))
    cache = _section(root.get("cache", {}), "cache", {"paths"})
    return Buildspec(
        phases=tuple(_phase(name, phases[name]) for name in PHASE_NAMES if name in phases),
        shell=SHELLS[shell],
        variables=_texts(env.get("variables", {}), "env.variables"),
        parameters=_texts(env.get("parameter-store", {}), "env.parameter-store"),
        artifacts=_artifacts(root["artifacts"]) if "artifacts" in root else None,
        cache_paths=_list(cache.get("paths", []), "cache.paths"),
    )


def _phase(name: PhaseName, value: object) -> PhaseSpec:
    where = f"phases.{name}"
    allowed = {"commands", "finally", "on-failure"} | ({"runtime-versions"} if name == "install" else set())
    phase = _section(value, where, allowed)
    if "commands" not in phase and name != "install":
        raise BuildspecError(f"{where}.commands is missing")
    on_failure = phase.get("on-failure")
    if on_failure not in {None, "ABORT"}:
        raise BuildspecError(f"{where}.on-failure is {on_failure!r}; only ABORT is supported here")
    return PhaseSpec(
        name=name,
        commands=_list(phase.get("commands", []), f"{where}.commands"),
        cleanup=_list(phase.get("finally", []), f"{where}.finally"),
        aborts=on_failure == "ABORT",
        runtime_versions=_texts(phase.get("runtime-versions", {}), f"{where}.runtime-versions"),
    )


def _artifacts(value: object) -> ArtifactsSpec:
    artifacts = _section(value, "artifacts", {"files", "base-directory", "discard-paths", "exclude-paths"})
    files = _list(artifacts.get("files", []), "artifacts.files")
    if not files:
        raise BuildspecError("artifacts.files is missing or empty; name the files to upload")
    if absolute := [pattern for pattern in files if pattern.startswith("/")]:
        raise BuildspecError(
            f"artifacts.files has {absolute[0]}; name files relative to the source directory"
        )
    return ArtifactsSpec(
        files=files,
        base_directory=str(artifacts.get("base-directory", ".")),
        # YAML 1.1 reads an unquoted yes or no as a boolean; quoted they stay text.
        discard_paths=artifacts.get("discard-paths", False) in {True, "yes"},
        exclude_paths=_list(artifacts.get("exclude-paths", []), "artifacts.exclude-paths"),
    )


def _section(value: object, where: str, allowed: Iterable[str]) -> _Mapping:
    if not isinstance(value, dict):
        raise BuildspecError(f"{where} is missing or not a mapping")
    section = cast("dict[Any, Any]", value)
    if unknown := sorted(str(key) for key in section.keys() - set(allowed)):
        known = ", ".join(sorted(allowed))
        raise BuildspecError(f"{where} has {', '.join(unknown)}, which is not supported here; known: {known}")
    return section


def _texts(value: object, where: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise BuildspecError(f"{where} is not a mapping")
    return {str(key): str(text) for key, text in cast("dict[Any, Any]", value).items()}


def _list(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in cast("list[Any]", value)):
        raise BuildspecError(f"{where} is not a list of texts")
    return tuple(cast("list[str]", value))
