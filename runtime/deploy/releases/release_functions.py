"""The functions of one release: cut out of its artifact, published, and where they answer."""

from collections.abc import Mapping, Sequence

from attrs import field, frozen

from runtime.deploy.model import Deployment
from runtime.deploy.releases.artifact import Artifact
from runtime.deploy.releases.bundles import BundleStore
from runtime.deploy.releases.manifest import Bundle
from runtime.deploy.releases.publishing import FunctionPublisher, FunctionRelease, release_alias, split_alias
from runtime.deploy.releases.shared_cache import SharedCacheRules


def bundle_key(deployment: Deployment, function: str) -> str:
    """Return where a function's zip is kept: `server`, `server-1` of a split one, `image` or `revalidate`."""
    return f"artifacts/{deployment.site}/{deployment.deployment_id}/functions/{function}.zip"


@frozen(kw_only=True)
class ReleaseFunctions:
    """Publishes what an artifact has for each of a site's functions."""

    publisher: FunctionPublisher
    store: BundleStore
    artifact: Artifact = field(repr=False)
    deployment: Deployment

    @property
    def alias(self) -> str:
        """The alias of the release's functions."""
        return release_alias(self.deployment.deployment_id)

    def version(  # noqa: PLR0913 - what the functions of a release differ by
        self,
        name: str,
        function: str,
        bundle: Bundle,
        variables: Mapping[str, str] | None,
        *,
        rules: SharedCacheRules | None = None,
        alias: str | None = None,
    ) -> str:
        """Return the version that a function's bundle became.

        Args:
            name: Of its zip.
            function: The function's name.
            bundle: Its code in the artifact.
            variables: Its variables; None leaves them as they are.
            rules: For the wrapper; None for a function that answers no requests.
            alias: Instead of the release's.
        """
        key = bundle_key(self.deployment, name)
        with self.store.zipped(self.artifact, bundle.folder, key=key, rules=rules) as zipped:
            return self.publisher.version(
                FunctionRelease(
                    function=function, alias=alias or self.alias, code=zipped, environment=variables
                )
            )

    def reachable(  # noqa: PLR0913 - as `version`
        self,
        name: str,
        function: str,
        bundle: Bundle,
        variables: Mapping[str, str],
        *,
        rules: SharedCacheRules,
        alias: str | None = None,
    ) -> tuple[str, str]:
        """Return the version, as `version` does, and the host of its URL."""
        published = self.version(name, function, bundle, variables, rules=rules, alias=alias)
        return published, self.publisher.origin(function, alias or self.alias)

    def servers(self, function: str, variables: Mapping[str, str]) -> Sequence[tuple[str, str]]:
        """Return version and host of the server, and of each part if it is split.

        All are versions of one function, whose code changes from one to the next: so one by one.
        """
        manifest, rules = self.artifact.manifest, self.artifact.cache_rules
        default = self.reachable("server", function, manifest.server, variables, rules=rules)
        splits = (
            self.reachable(
                f"server-{number}",
                function,
                split.bundle,
                variables,
                rules=rules,
                alias=split_alias(self.alias, number),
            )
            for number, split in enumerate(manifest.splits, 1)
        )
        return (default, *splits)
