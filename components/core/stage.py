"""The settings of one stage. They are read once and checked before the first resource is registered."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import attrs
import pulumi
from pulumi.runtime.config import CONFIG

from components.core.consistency import SETTING, build_image_hosts, find_contradictions
from components.core.errors import ConfigurationError
from components.core.limits.concurrency import UNRESERVED
from components.core.limits.edge_budget import compute_release_bytes
from components.core.placeholders import find_placeholders
from components.core.regions import find_region_problem
from components.core.scope import ResourceScope
from components.core.settings import SettingsError, find_similar, list_setting_paths, read_settings
from components.core.stage_names import find_name_problem
from components.core.stage_settings import KINDS, StageKind, StageSettings

REGION_KEY: Final = "aws:region"
_PROJECT: Final = SETTING.partition(":")[0]
ALLOW_PLACEHOLDERS: Final = f"{_PROJECT}:allowPlaceholders"
_KEYS: Final = (SETTING, f"{_PROJECT}:layers", ALLOW_PLACEHOLDERS)


@attrs.frozen(kw_only=True)
class StageConfig(StageSettings):
    """Name, kind, region and settings of a stage.

    Attributes:
        name: Name of the Pulumi stack.
        region: AWS region of the resources.
    """

    name: str
    region: str

    @property
    def edge_release_bytes(self) -> int:
        """The share of each release in the edge's KeyValueStore, in bytes."""
        return compute_release_bytes(sites=len(self.sites), kept_releases=self.kept_releases)

    @classmethod
    def parse(
        cls, name: str, region: str | None, settings: object, *, allow_placeholders: bool = False
    ) -> "StageConfig":
        """Check the settings of a stage and return them.

        Args:
            name: Name of the stack.
            region: Value of `aws:region`.
            settings: Value of `anchor-deploy:stage`, as read from YAML.
            allow_placeholders: Whether settings can contain placeholders, such as `example.com`. Such
                settings cannot be deployed to AWS.

        Raises:
            ConfigurationError: A setting is wrong, unknown or missing. The error lists all such settings.
        """
        config = {SETTING: settings, ALLOW_PLACEHOLDERS: allow_placeholders}
        return cls.parse_configuration(name, config if region is None else {REGION_KEY: region, **config})

    @classmethod
    def parse_configuration(cls, name: str, config: Mapping[str, object]) -> "StageConfig":
        """Check the configuration of a stack and return the settings of the stage.

        Args:
            name: Name of the stack.
            config: Values by key. Keys contain the namespace, such as `aws:region`.

        Raises:
            ConfigurationError: See `parse`.
        """
        settings, region = config.get(SETTING), config.get(REGION_KEY)
        unknown = list(_list_unknown_keys(config))
        meant = {key for _, key in unknown}
        found = (
            find_name_problem(name),
            None if REGION_KEY in meant else find_region_problem(region),
            *(problem for problem, _ in unknown),
            _find_placeholder_option_problem(config),
            _find_kind_problem(name, settings),
        )
        problems = [problem for problem in found if problem]
        if SETTING in meant and settings is None:
            raise ConfigurationError(name, tuple(problems))
        try:
            read = read_settings(StageSettings, settings, SETTING)
        except SettingsError as error:
            raise ConfigurationError(name, (*problems, *error.problems)) from None
        kind = read.kind or cast("StageKind", name)
        problems.extend(find_contradictions(name, kind, read))
        if config.get(ALLOW_PLACEHOLDERS) not in (True, "true"):
            problems.extend(find_placeholders(read))
        if problems:
            raise ConfigurationError(name, tuple(problems))
        values: dict[str, Any] = attrs.asdict(attrs.evolve(read, kind=kind), recurse=False)
        return cls(name=name, region=str(region), **values)

    @classmethod
    def load(cls) -> "StageConfig":
        """Read the settings of the stack that is being deployed.

        Raises:
            ConfigurationError: See `parse`.
        """
        config: dict[str, object] = dict(CONFIG.get())
        return cls.parse_configuration(
            pulumi.get_stack(), {**config, SETTING: _parse_json(pulumi.Config().get("stage"))}
        )

    @property
    def prefix(self) -> str:
        """Resource name prefix."""
        return f"anchor-{self.name}"

    @property
    def secrets_path(self) -> str:
        """Parent of the sites' paths in Parameter Store."""
        return f"/anchor/{self.name}/sites"

    @property
    def metric_namespace(self) -> str:
        """CloudWatch namespace of the metrics that are read from logs."""
        return f"Anchor/{self.name}"

    @property
    def retains_data(self) -> bool:
        """Whether data is kept after `pulumi destroy`. True only for the kind production."""
        return self.kind == "production"

    @property
    def image_hosts(self) -> tuple[str, str] | None:
        """Hosts of the image service's API and of its distribution; None if `images.zone` is not set."""
        return build_image_hosts(self.name, self.images.zone) if self.images.zone else None

    @property
    def tags(self) -> dict[str, str]:
        """Tags of every resource of the stage."""
        return {"Project": pulumi.get_project(), "Stage": self.name}

    @property
    def scope(self) -> ResourceScope:
        """Values that the stage's resources share."""
        return ResourceScope(
            prefix=self.prefix,
            retain=self.retains_data,
            tags=self.tags,
            region=self.region,
            log_retention_days=self.log_retention_days,
            architecture=self.architecture,
            python_runtime=self.python_runtime,
            reserves_concurrency=self.account_concurrency > UNRESERVED,
        )


def _list_unknown_keys(config: Mapping[str, object]) -> Iterator[tuple[str, str | None]]:
    """Yield one line for each unknown key, with the key that was probably meant.

    Other providers and Pulumi itself also have configuration keys. So this function checks only keys of this
    project. If `aws:region` is missing, it also checks for similar keys of the AWS provider.
    """
    settings = {name for name, _ in list_setting_paths(StageSettings, SETTING)}
    for key in config:
        namespace, _, name = key.partition(":")
        if namespace == _PROJECT and key not in _KEYS:
            if name in settings:
                yield f"{key} is unknown (it belongs to {SETTING}); allowed: {', '.join(_KEYS)}", SETTING
                continue
            similar = find_similar(name, ("region", *(known.partition(":")[2] for known in _KEYS)))
            meant = {"region": REGION_KEY, None: None}.get(similar, f"{_PROJECT}:{similar}")
            hint = f" (did you mean {meant!r}?)" if meant else ""
            yield f"{key} is unknown{hint}; allowed: {', '.join(_KEYS)}", meant
        elif REGION_KEY not in config and namespace == "aws" and find_similar(name, ["region"]):
            yield f"{key} is unknown (did you mean {REGION_KEY!r}?); allowed: {REGION_KEY}", REGION_KEY


def _find_placeholder_option_problem(config: Mapping[str, object]) -> str | None:
    value = config.get(ALLOW_PLACEHOLDERS, False)
    if value in (True, False, "true", "false"):
        return None
    return f"{ALLOW_PLACEHOLDERS}: {value!r} is not valid; allowed: true, false"


def _find_kind_problem(name: str, settings: object) -> str | None:
    """Return one line if neither the settings nor the name of the stage decide the kind, otherwise None."""
    if name in KINDS or not isinstance(settings, Mapping) or "kind" in settings:
        return None
    return (
        f"{SETTING}.kind is missing, and the name of the stack, {name!r}, is not a kind; allowed: "
        f"{', '.join(KINDS)}"
    )


def _parse_json(raw: str | None) -> object:
    """Return the parsed value, the text itself if it is not JSON, or None for a missing setting.

    Pulumi passes a structured setting as JSON. A plain string is returned unchanged. The later check of the
    settings refuses it, and the error names the path of the setting.
    """
    if raw is None:
        return None
    try:
        return cast("object", json.loads(raw))
    except ValueError:
        return raw
