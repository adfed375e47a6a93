"""The names of what belongs to sites: of one site, and the patterns that cover every site of a stage."""

import attrs
import pulumi

from components.core.outputs import Joined
from components.core.stage import StageConfig
from runtime.deploy.model import SERVER_ACTIONS_KEY


@attrs.frozen
class SiteNames:
    """What one site's resources are called after the stage's prefix.

    Attributes:
        site: The site's name.
    """

    site: str

    @property
    def server(self) -> str:
        """The function that renders pages."""
        return f"site-{self.site}-server"

    @property
    def image(self) -> str:
        """The function that optimises images."""
        return f"site-{self.site}-image"

    @property
    def revalidate(self) -> str:
        """The function that renders pages again before anyone asks for them, and its queue."""
        return f"site-{self.site}-revalidate"

    @property
    def build(self) -> str:
        """The CodeBuild project."""
        return f"site-{self.site}-build"

    @property
    def tags(self) -> str:
        """The table that says which pages depend on which cache tags."""
        return f"site-{self.site}-tags"


@attrs.frozen(kw_only=True)
class EverySite:
    """ARN patterns for the platform's functions, which serve every site of a stage.

    They are scoped by the prefix of all sites' names, not by listing the sites: a policy has at most 10,240
    characters, and a stage has thousands of sites. What belongs to the platform itself never has that prefix.

    Attributes:
        stage: The stage.
        account: The AWS account's id.
    """

    stage: StageConfig
    account: pulumi.Input[str]

    @property
    def functions(self) -> Joined:
        """Their functions, with versions and aliases."""
        return self._arn("lambda", f"function:{self._prefix}*")

    @property
    def builds(self) -> Joined:
        """Their CodeBuild projects."""
        return self._arn("codebuild", f"project/{self._prefix}*-build")

    @property
    def build_logs(self) -> Joined:
        """The log streams of their builds."""
        return self._arn("logs", f"log-group:/aws/codebuild/{self._prefix}*-build:log-stream:*")

    @property
    def tag_tables(self) -> Joined:
        """Their tables of cache tags."""
        return self._arn("dynamodb", f"table/{self._prefix}*-tags")

    @property
    def secrets(self) -> Joined:
        """Their secret variables."""
        return secrets_arn(self.stage, self.account)

    @property
    def server_actions_keys(self) -> Joined:
        """The keys of their server actions, which lie beside their secret variables."""
        return Joined(self.secrets, f"/{SERVER_ACTIONS_KEY}")

    @property
    def _prefix(self) -> str:
        return f"{self.stage.prefix}-site-"

    def _arn(self, service: str, resource: str) -> Joined:
        return Joined(f"arn:aws:{service}:{self.stage.region}:", self.account, f":{resource}")


def secrets_path(stage: StageConfig, site: str) -> str:
    """Under which path of the parameter store the secret variables of a site are."""
    return f"/anchor/{stage.name}/sites/{site}"


def secrets_arn(stage: StageConfig, account: pulumi.Input[str], site: str = "*") -> Joined:
    """The ARN of the secret variables of one site, or of every site."""
    path = secrets_path(stage, site)
    return Joined(f"arn:aws:ssm:{stage.region}:", account, f":parameter{path}/*")
