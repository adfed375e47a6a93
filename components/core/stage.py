"""The settings of one stage, read once and checked before the first resource (G4)."""

import json
from typing import Final, Literal, cast

import attrs
import pulumi

from components.core.consistency import SETTING, contradictions, image_hosts
from components.core.errors import ConfigurationError
from components.core.outputs import composed
from components.core.settings import SettingsError, read_settings
from components.core.stage_settings import StageSettings

StageName = Literal["local", "dev", "staging", "production"]

STAGES: Final = ("local", "dev", "staging", "production")
REGION: Final = "ap-southeast-1"
# From where CloudFront takes certificates, and where it keeps its metrics, wherever else a stage is.
CLOUDFRONT_REGION: Final = "us-east-1"


@attrs.frozen(kw_only=True)
class StageConfig(StageSettings):
    """A stage: its name, its region and its settings.

    Attributes:
        name: The Pulumi stack's name.
        region: Where everything is but the certificate of CloudFront.
    """

    name: StageName
    region: str

    @classmethod
    def parse(cls, name: str, region: str | None, settings: object) -> "StageConfig":
        """Check everything that a stage's file says.

        Args:
            name: The stack's name.
            region: The value of `aws:region`.
            settings: The value of `anchor-deploy:stage`, as YAML gives it.

        Raises:
            ConfigurationError: Something is wrong, unknown or missing; it names every such setting.
        """
        problems: list[str] = []
        if name not in STAGES:
            problems.append(f"the stack {name!r} is no stage; allowed: {', '.join(STAGES)}")
        if region != REGION:
            problems.append(f"aws:region is {repr(region) if region else 'missing'}; allowed: {REGION}")
        try:
            read = read_settings(StageSettings, settings, SETTING)
        except SettingsError as error:
            raise ConfigurationError(name, (*problems, *error.problems)) from None
        problems.extend(contradictions(name, read))
        if problems:
            raise ConfigurationError(name, tuple(problems))
        return cls(name=cast("StageName", name), region=REGION, **attrs.asdict(read, recurse=False))

    @classmethod
    def load(cls) -> "StageConfig":
        """Read the settings of the stack that is being deployed.

        Raises:
            ConfigurationError: See `parse`.
        """
        raw = pulumi.Config().get("stage")
        return cls.parse(pulumi.get_stack(), pulumi.Config("aws").get("region"), _from_json(raw))

    @property
    def prefix(self) -> str:
        """With what the name of every resource of the stage begins."""
        return f"anchor-{self.name}"

    @property
    def keeps_data(self) -> bool:
        """Whether data outlives `pulumi destroy` (G3): production keeps it, the others keep nothing."""
        return self.name == "production"

    @property
    def image_hosts(self) -> tuple[str, str] | None:
        """The hosts of the image service's API and of its delivery, in this order, where it has a zone."""
        return image_hosts(self.name, self.images.zone) if self.images.zone else None

    def url_of(self, host: pulumi.Input[str]) -> pulumi.Input[str]:
        """The URL of a site by its host."""
        before, after = self.site_url.split("{host}")
        return composed(before, host, after)


def _from_json(raw: str | None) -> object:
    """A structured setting reaches the program as JSON; a plain one as it is, which is then refused."""
    if raw is None:
        return None
    try:
        return cast("object", json.loads(raw))
    except ValueError:
        return raw
