"""Publishing of a release's functions: immutable versions, each with an alias that has its own URL.

Every step can be repeated after a crash at any point, and keeps the resources that exist already. The alias
is created last, from a checked version. If the alias exists and its version has the same code, the function
is not changed again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import field, frozen
from botocore.exceptions import BotoCoreError, ClientError

from runtime.deploy.model import Deployment
from runtime.deploy.releases.build_output.artifact import Artifact
from runtime.deploy.releases.build_output.manifest import Bundle
from runtime.deploy.releases.build_output.shared_cache import SharedCacheRules
from runtime.deploy.releases.bundles import BundleStore, FunctionCode, build_artifacts_prefix
from runtime.deploy.releases.release_clients import LambdaClient
from runtime.shared.aws_errors import describe_error, is_retryable, read_error_code

LIVE_ALIAS: Final = "live"
"""Alias of the function version that belongs to the live release."""

_ALIAS_PREFIX: Final = "r-"

# Seconds. The first pauses are short, because small changes take effect at once. The others are longer,
# because all calls that change functions of an account share a quota of 15 per second
# (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
_PAUSES: Final = (0.05, 0.1, 0.2, 0.4, *(0.5,) * 118)


class PublishError(Exception):
    """A function cannot be published, now or later. The message is for users and contains no secret."""


class FunctionBusyError(Exception):
    """Another process changes the function, or a change takes too long. A later retry can succeed."""


def build_release_alias(deployment_id: str) -> str:
    """Return the alias of a release's functions."""
    return f"{_ALIAS_PREFIX}{deployment_id.lower()}"


def is_release_version(description: str) -> bool:
    """Return whether a version belongs to a release. The description of such a version is its alias."""
    return description.startswith(_ALIAS_PREFIX)


def build_split_alias(alias: str, number: int) -> str:
    """Return the alias of a split server function, which is a version of the server function.

    `number` is the position of the split server function, counted from 1.
    """
    return f"{alias}-{number}"


def build_bundle_key(deployment: Deployment, function: str) -> str:
    """Return the key of a function's zip.

    Args:
        deployment: The deployment to release.
        function: `server`, `image`, `revalidate`, or a split server function such as `server-1`.
    """
    return f"{build_artifacts_prefix(deployment)}/functions/{function}.zip"


@frozen(kw_only=True)
class FunctionRelease:
    """One function of a release.

    Attributes:
        function: Function name.
        alias: The release's alias.
        code: Zip of the function.
        environment: The function's variables, including the deployment id. None keeps the present variables.
    """

    function: str
    alias: str
    code: FunctionCode
    environment: Mapping[str, str] | None = field(repr=False)


@frozen(kw_only=True)
class FunctionPublisher:
    """The service that publishes the functions of releases.

    Attributes:
        client: Lambda client.
        pause: Sleeps for the given number of seconds.
    """

    client: LambdaClient
    pause: Callable[[float], None] = field(repr=False)

    def ensure_version(self, release: FunctionRelease) -> str:
        """Return the version of the release's alias. Publish the version and create the alias if needed.

        If the alias points to a version with other code, it is moved to a new version. This happens if an
        update of the platform has changed the wrapper since this release began.

        Raises:
            PublishError: Lambda refuses the variables, or cannot change the function.
            FunctionBusyError: The function changed, or its version was removed, during publishing.
        """
        aliased = self._find_version(release.function, release.alias)
        if aliased is not None and self._has_same_code(release, aliased):
            published = aliased
        else:
            published = self._publish(release)
            try:
                self.wait_until_changed(release.function, published)
                if aliased is None:
                    self._create_alias(release.function, release.alias, published)
                else:
                    self._move_alias(release.function, release.alias, published)
            except ClientError as error:
                if read_error_code(error) != "ResourceNotFoundException":
                    raise
                # Lambda did not find the version. The collector removed it, because the version had no alias
                # yet and was not the newest version.
                raise FunctionBusyError(
                    f"version {published} of {release.function} was removed during the release: try again"
                ) from error
        return published

    def ensure_url(self, function: str, alias: str) -> str:
        """Return the host of the alias's URL. Create the URL, open to the internet, if needed.

        The function's wrapper refuses every request that does not come from the edge. A URL with IAM
        authentication cannot be used: it requires a hash of a POST's payload, and browsers send none.
        """
        try:
            response = self.client.create_function_url_config(
                FunctionName=function, Qualifier=alias, AuthType="NONE", InvokeMode="RESPONSE_STREAM"
            )
        except ClientError as error:
            if read_error_code(error) != "ResourceConflictException":
                raise
            response = self.client.get_function_url_config(FunctionName=function, Qualifier=alias)
        # Since October 2025, a public URL needs both permissions.
        permissions: tuple[dict[str, Any], ...] = (
            {"StatementId": "open-url", "Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"},
            {"StatementId": "by-url", "Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True},
        )
        for permission in permissions:
            self._add_permission(FunctionName=function, Qualifier=alias, Principal="*", **permission)
        return urlsplit(response["FunctionUrl"]).netloc

    def point_live_aliases(self, read_live_versions: Callable[[], Mapping[str, str]]) -> None:
        """Point the `live` aliases of functions to the versions of the live release.

        Repeats until the live release is the same before and after the change, because another switch can
        run at the same time.

        Args:
            read_live_versions: Returns the live release's version of each function, by a strongly consistent
                read.
        """
        for _ in self._retry("the alias live"):
            versions = read_live_versions()
            for function, version in versions.items():
                self._point_live_alias(function, version)
            if read_live_versions() == versions:
                break

    def wait_until_changed(self, function: str, version: str | None = None) -> Mapping[str, Any]:
        """Wait until Lambda has applied a change of the function, and return the configuration.

        Raises:
            PublishError: The change failed.
        """
        found = self.wait_until_idle(function, version)
        if _has_failed(found):
            reason = (
                found.get("LastUpdateStatusReasonCode") or found.get("StateReasonCode") or "no reason given"
            )
            raise PublishError(f"Lambda could not change {function}: {reason}")
        return found

    def wait_until_idle(self, function: str, version: str | None = None) -> Mapping[str, Any]:
        """Wait until Lambda applies no change to the function, and return the configuration.

        The configuration shows how the last change ended. If that change failed, this method raises no error,
        because a failed change must not prevent the next one.
        """
        qualifier = {"Qualifier": version} if version else {}
        for _ in self._retry(function):
            try:
                found = self.client.get_function_configuration(FunctionName=function, **qualifier)
            except ClientError as error:
                if read_error_code(error) != "TooManyRequestsException":
                    raise
                continue
            if found.get("State") != "Pending" and found.get("LastUpdateStatus") != "InProgress":
                return found
        raise AssertionError  # pragma: no cover - _retry raises when it ends

    def _point_live_alias(self, function: str, version: str) -> None:
        try:
            self._move_alias(function, LIVE_ALIAS, version)
        except ClientError as error:
            if read_error_code(error) != "ResourceNotFoundException":
                raise
            self._create_alias(function, LIVE_ALIAS, version)  # the function's first release

    def _find_version(self, function: str, alias: str) -> str | None:
        try:
            return self.client.get_alias(FunctionName=function, Name=alias)["FunctionVersion"]
        except ClientError as error:
            if read_error_code(error) != "ResourceNotFoundException":
                raise
            return None

    def _has_same_code(self, release: FunctionRelease, version: str) -> bool:
        found = self.client.get_function_configuration(FunctionName=release.function, Qualifier=version)
        return bool(found["CodeSha256"] == release.code.sha256)

    def _publish(self, release: FunctionRelease) -> str:
        function, zipped, variables = release.function, release.code, release.environment
        current = self.wait_until_idle(function)  # an interrupted release can leave an update in progress
        # Only send differences, because Lambda needs seconds even for an equal value. The revalidation
        # function's code seldom changes, and split server functions share their variables.
        if current["CodeSha256"] != zipped.sha256 or _has_failed(current):
            zipped.upload()
            self.client.update_function_code(FunctionName=function, S3Bucket=zipped.bucket, S3Key=zipped.key)
            current = self.wait_until_changed(function)
        if variables is not None and _read_variables(current) != variables:
            self._put_environment(function, variables)
            current = self.wait_until_changed(function)
        if current["CodeSha256"] != zipped.sha256 or variables not in (None, _read_variables(current)):
            raise FunctionBusyError(
                f"{function} was changed by another process during the release: try again"
            )
        # `CodeSha256` and `RevisionId` are conditions: Lambda refuses the call if the function has changed
        # since the read.
        response = self.client.publish_version(
            FunctionName=function,
            CodeSha256=zipped.sha256,
            RevisionId=current["RevisionId"],
            Description=release.alias,
        )
        version: str = response["Version"]
        return version

    def _put_environment(self, function: str, variables: Mapping[str, str]) -> None:
        try:
            self.client.update_function_configuration(
                FunctionName=function, Environment={"Variables": variables}
            )
        except ClientError as error:
            # Messages of Lambda and botocore can repeat the variables and their secrets, so use only the
            # code.
            refusal = f"the variables of {function}: {read_error_code(error)}"
            if is_retryable(error):
                raise FunctionBusyError(f"Lambda does not accept {refusal}; try again later") from None
            raise PublishError(f"Lambda refuses {refusal}") from None
        except BotoCoreError as error:
            if is_retryable(error):
                raise FunctionBusyError(
                    f"Lambda cannot be reached for {function}: {type(error).__name__}"
                ) from None
            raise PublishError(f"the variables of {function}: {describe_error(error)}") from None

    def _create_alias(self, function: str, alias: str, version: str) -> None:
        try:
            self.client.create_alias(FunctionName=function, Name=alias, FunctionVersion=version)
        except ClientError as error:
            # Another process created the alias first. A retry reads it.
            if read_error_code(error) != "ResourceConflictException":
                raise
            raise FunctionBusyError(
                f"another process created alias {alias} of {function}: try again"
            ) from error

    def _move_alias(self, function: str, alias: str, version: str) -> None:
        self.client.update_alias(FunctionName=function, Name=alias, FunctionVersion=version)

    def _add_permission(self, **permission: Any) -> None:  # noqa: ANN401 - AWS's own arguments
        try:
            self.client.add_permission(**permission)
        except ClientError as error:
            if read_error_code(error) != "ResourceConflictException":  # the permission exists already
                raise

    def _retry(self, what: str) -> Iterator[None]:
        """Yield once per attempt, with growing pauses, for about a minute.

        Raises:
            FunctionBusyError: The last attempt failed, so the caller did not leave its loop.
        """
        yield
        for pause in _PAUSES:
            self.pause(pause)
            yield
        raise FunctionBusyError(f"{what} is still changing after a minute: try again later")


@frozen(kw_only=True)
class ReleaseFunctions:
    """The service that publishes the functions of one artifact."""

    publisher: FunctionPublisher
    store: BundleStore
    artifact: Artifact = field(repr=False)
    deployment: Deployment

    @property
    def alias(self) -> str:
        """The alias of the release's functions."""
        return build_release_alias(self.deployment.deployment_id)

    def publish(  # noqa: PLR0913 - the differences between the functions of a release
        self,
        name: str,
        function: str,
        bundle: Bundle,
        variables: Mapping[str, str] | None,
        *,
        rules: SharedCacheRules | None = None,
        alias: str | None = None,
    ) -> str:
        """Publish a function, and return its version.

        Args:
            name: Name of the function's zip.
            function: Function name.
            bundle: The function's code in the artifact.
            variables: The function's environment variables. None keeps the present ones.
            rules: Cache rules for the wrapper; None for a function that handles no HTTP requests.
            alias: Alias of the version. Default: the release's alias.
        """
        key = build_bundle_key(self.deployment, name)
        with self.store.zip_function(self.artifact, bundle.folder, key=key, rules=rules) as zipped:
            return self.publisher.ensure_version(
                FunctionRelease(
                    function=function, alias=alias or self.alias, code=zipped, environment=variables
                )
            )

    def publish_with_url(  # noqa: PLR0913 - the same parameters as `publish`
        self,
        name: str,
        function: str,
        bundle: Bundle,
        variables: Mapping[str, str],
        *,
        rules: SharedCacheRules,
        alias: str | None = None,
    ) -> tuple[str, str]:
        """Publish a function, and return its version and the host of its URL."""
        published = self.publish(name, function, bundle, variables, rules=rules, alias=alias)
        return published, self.publisher.ensure_url(function, alias or self.alias)

    def publish_servers(self, function: str, variables: Mapping[str, str]) -> Sequence[tuple[str, str]]:
        """Publish the server and its split functions, and return the version and URL host of each.

        All of them are versions of one Lambda function. The function's code changes for each version, so the
        versions are published one after the other.
        """
        manifest, rules = self.artifact.manifest, self.artifact.cache_rules
        default = self.publish_with_url("server", function, manifest.server, variables, rules=rules)
        splits = (
            self.publish_with_url(
                f"server-{number}",
                function,
                split.bundle,
                variables,
                rules=rules,
                alias=build_split_alias(self.alias, number),
            )
            for number, split in enumerate(manifest.split_functions, 1)
        )
        return (default, *splits)


def _has_failed(configuration: Mapping[str, Any]) -> bool:
    return "Failed" in (configuration.get("State"), configuration.get("LastUpdateStatus"))


def _read_variables(configuration: Mapping[str, Any]) -> Mapping[str, str]:
    found: Mapping[str, str] = configuration.get("Environment", {}).get("Variables", {})
    return found
