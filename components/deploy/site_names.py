"""Names of the resources of one site, and ARN patterns for all sites."""

import attrs

from components.core.outputs import JoinedText
from components.core.scope import ResourceScope
from runtime.deploy.model import SERVER_ACTIONS_KEY


@attrs.frozen
class SiteNames:
    """Names of one site's resources, without the scope's prefix.

    Attributes:
        site: Site name.
    """

    site: str

    @property
    def server(self) -> str:
        """Name of the function that renders pages."""
        return f"site-{self.site}-server"

    @property
    def image(self) -> str:
        """Name of the function that optimizes images."""
        return f"site-{self.site}-image"

    @property
    def revalidate(self) -> str:
        """Name of the function that revalidates cached pages, and of the queue of this function."""
        return f"site-{self.site}-revalidate"

    @property
    def build(self) -> str:
        """Name of the CodeBuild project."""
        return f"site-{self.site}-build"

    @property
    def tags(self) -> str:
        """Name of the table that maps cache tags to pages."""
        return f"site-{self.site}-tags"


@attrs.frozen(kw_only=True)
class SiteArnPatterns:
    """ARN patterns of the resources of all sites, for the policies of the platform's functions.

    The patterns contain the common prefix of all site resources instead of a list of sites, because a policy
    has at most 10,240 characters. The names of the platform's own resources never start with this prefix.

    Attributes:
        scope: Values that the resources share, such as the name prefix.
        secrets_path: Parent of the sites' paths in Parameter Store.
        deploy_keys_path: Path of the deploy keys of all projects in Parameter Store.
    """

    scope: ResourceScope
    secrets_path: str
    deploy_keys_path: str

    @property
    def functions(self) -> JoinedText:
        """ARN pattern of the functions, with their versions and aliases."""
        return self._build_arn("lambda", f"function:{self._prefix}*")

    @property
    def build_project_arns(self) -> JoinedText:
        """ARN pattern of the CodeBuild projects."""
        return self._build_arn("codebuild", f"project/{self._prefix}*-build")

    @property
    def build_log_arns(self) -> JoinedText:
        """ARN pattern of the log streams of the builds."""
        return self._build_arn("logs", f"log-group:/aws/codebuild/{self._prefix}*-build:log-stream:*")

    @property
    def function_log_arns(self) -> JoinedText:
        """ARN pattern of the log groups of the functions, with their streams."""
        return self._build_arn("logs", f"log-group:/aws/lambda/{self._prefix}*")

    @property
    def cache_tag_tables(self) -> JoinedText:
        """ARN pattern of the tables of cache tags."""
        return self._build_arn("dynamodb", f"table/{self._prefix}*-tags")

    @property
    def revalidation_queues(self) -> JoinedText:
        """ARN pattern of the revalidation queues and of their dead-letter queues."""
        return self._build_arn("sqs", f"{self._prefix}*-revalidate*.fifo")

    @property
    def secret_folders(self) -> JoinedText:
        """ARN pattern of the sites' folders in Parameter Store, with everything in them."""
        return build_parameters_arn(self.scope, self.secrets_path)

    @property
    def secrets(self) -> JoinedText:
        """ARN pattern of the secret variables in Parameter Store."""
        return build_parameters_arn(self.scope, f"{self.secrets_path}/*")

    @property
    def deploy_keys(self) -> JoinedText:
        """ARN pattern of the deploy keys of all projects in Parameter Store. No role of a site has access."""
        return build_parameters_arn(self.scope, self.deploy_keys_path)

    @property
    def server_actions_keys(self) -> JoinedText:
        """ARN pattern of the sites' keys for server actions, stored next to the secret variables."""
        return JoinedText(self.secrets, f"/{SERVER_ACTIONS_KEY}")

    @property
    def _prefix(self) -> str:
        return f"{self.scope.prefix}-site-"

    def _build_arn(self, service: str, resource: str) -> JoinedText:
        return JoinedText(f"arn:aws:{service}:", self.scope.region, ":", self.scope.account, f":{resource}")


def build_parameters_arn(scope: ResourceScope, path: str) -> JoinedText:
    """Return the ARN pattern of the parameters below a path in Parameter Store."""
    return JoinedText("arn:aws:ssm:", scope.region, ":", scope.account, f":parameter{path}/*")
