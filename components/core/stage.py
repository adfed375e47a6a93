"""The settings of one stage. They are read once and checked before the first resource is registered."""

import json
from collections.abc import Mapping
from typing import Any, cast

import attrs
import pulumi

from components.core.consistency import SETTING, build_image_hosts, find_contradictions
from components.core.errors import ConfigurationError
from components.core.regions import find_region_problem
from components.core.scope import ResourceScope
from components.core.settings import SettingsError, read_settings
from components.core.stage_names import find_name_problem
from components.core.stage_settings import KINDS, StageKind, StageSettings


@attrs.frozen(kw_only=True)
class StageConfig(StageSettings):
    """Name, kind, region and settings of a stage.

    Attributes:
        name: Name of the Pulumi stack.
        region: AWS region of the resources.
    """

    name: str
    region: str

    @classmethod
    def parse(cls, name: str, region: str | None, settings: object) -> "StageConfig":
        """Check the settings of a stage and return them.

        Args:
            name: Name of the stack.
            region: Value of `aws:region`.
            settings: Value of `anchor-deploy:stage`, as read from YAML.

        Raises:
            ConfigurationError: A setting is wrong, unknown or missing. The error lists all such settings.
        """
        found = (find_name_problem(name), find_region_problem(region), _find_kind_problem(name, settings))
        problems = [problem for problem in found if problem]
        try:
            read = read_settings(StageSettings, settings, SETTING)
        except SettingsError as error:
            raise ConfigurationError(name, (*problems, *error.problems)) from None
        kind = read.kind or cast("StageKind", name)
        problems.extend(find_contradictions(name, kind, read))
        if problems or region is None:
            raise ConfigurationError(name, tuple(problems))
        values: dict[str, Any] = attrs.asdict(attrs.evolve(read, kind=kind), recurse=False)
        return cls(name=name, region=region, **values)

    @classmethod
    def load(cls) -> "StageConfig":
        """Read the settings of the stack that is being deployed.

        Raises:
            ConfigurationError: See `parse`.
        """
        raw = pulumi.Config().get("stage")
        return cls.parse(pulumi.get_stack(), pulumi.Config("aws").get("region"), _parse_json(raw))

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
        )


def _find_kind_problem(name: str, settings: object) -> str | None:
    """Return one line if neither the settings nor the name of the stage decide the kind, or else None."""
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
