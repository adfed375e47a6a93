"""A release's functions: versions that never change, each behind an alias with a URL of its own (D1).

Every step can be repeated after a crash at any point: what exists already is taken as it is. An alias is made
last, from a version that was checked. Once it is there with the same code, its function is not changed again.
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
from runtime.deploy.releases.bundles import BundleStore, FunctionCode
from runtime.deploy.releases.release_clients import LambdaClient
from runtime.shared.aws_errors import error_code, is_retryable

LIVE_ALIAS: Final = "live"
"""The alias that names a function's version in production (D4)."""

_ALIAS_PREFIX: Final = "r-"

# Seconds. Small changes are done at once, large ones in seconds; and all who change an account's functions
# share 15 calls a second (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
_PAUSES: Final = (0.05, 0.1, 0.2, 0.4, *(0.5,) * 118)


class PublishError(Exception):
    """A function cannot be published, now or later. The message is for the user and has no secret in it."""


class FunctionBusyError(Exception):
    """A function is being changed by someone else, or takes too long to change. Worth another try later."""


def release_alias(deployment_id: str) -> str:
    """Return the alias of a release's functions."""
    return f"{_ALIAS_PREFIX}{deployment_id.lower()}"


def is_release_version(description: str) -> bool:
    """Return whether a version's description says that a release published it: it is the alias."""
    return description.startswith(_ALIAS_PREFIX)


def split_alias(alias: str, number: int) -> str:
    """Return the alias of a part of a release's split server, counted from 1: of the server function, too."""
    return f"{alias}-{number}"


def bundle_key(deployment: Deployment, function: str) -> str:
    """Return where a function's zip is kept: `server`, `server-1` of a split one, `image` or `revalidate`."""
    return f"artifacts/{deployment.site}/{deployment.deployment_id}/functions/{function}.zip"


@frozen(kw_only=True)
class FunctionRelease:
    """What one function becomes with a release.

    Attributes:
        function: The function's name.
        alias: The release's alias.
        code: Its zip.
        environment: Its variables, with the id of the deployment among them; None leaves them as they are.
    """

    function: str
    alias: str
    code: FunctionCode
    environment: Mapping[str, str] | None = field(repr=False)


@frozen(kw_only=True)
class FunctionPublisher:
    """Publishes the functions of releases.

    Attributes:
        client: Lambda client.
        pause: Waits for that many seconds.
    """

    client: LambdaClient
    pause: Callable[[float], None] = field(repr=False)

    def ensure_version(self, release: FunctionRelease) -> str:
        """Return the version behind the release's alias; make both where the alias does not exist.

        An alias whose version has other code is moved to a new version: another version of the platform,
        with another wrapper, began this release.

        Raises:
            PublishError: Lambda refuses the variables, or cannot change the function.
            FunctionBusyError: The function changed, or lost the version, while it was being published.
        """
        aliased = self._find_version(release.function, release.alias)
        if aliased is not None and self._has_code(release, aliased):
            published = aliased
        else:
            published = self._publish(release)
            try:
                self._wait_until_changed(release.function, published)
                if aliased is None:
                    self._create_alias(release.function, release.alias, published)
                else:
                    self._move_alias(release.function, release.alias, published)
            except ClientError as error:
                # Another release published a newer one, so that a collection took this for left behind.
                if error_code(error) != "ResourceNotFoundException":
                    raise
                raise FunctionBusyError(f"version {published} of {release.function} was removed") from error
        return published

    def ensure_url(self, function: str, alias: str) -> str:
        """Return the host of the alias's URL; make the URL, open to the world, where it does not exist.

        The function's wrapper refuses whoever is not the edge. A URL that AWS guards could not take the POST
        of a browser, which sends no hash of its payload.
        """
        try:
            response = self.client.create_function_url_config(
                FunctionName=function, Qualifier=alias, AuthType="NONE", InvokeMode="RESPONSE_STREAM"
            )
        except ClientError as error:
            if error_code(error) != "ResourceConflictException":
                raise
            response = self.client.get_function_url_config(FunctionName=function, Qualifier=alias)
        # Since October 2025 an open URL needs both.
        permissions: tuple[dict[str, Any], ...] = (
            {"StatementId": "open-url", "Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"},
            {"StatementId": "by-url", "Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True},
        )
        for permission in permissions:
            self._add_permission(FunctionName=function, Qualifier=alias, Principal="*", **permission)
        return urlsplit(response["FunctionUrl"]).netloc

    def point_live_aliases(self, target: Callable[[], Mapping[str, str]]) -> None:
        """Let the `live` aliases of functions name the versions to be live, whoever moves them meanwhile.

        Args:
            target: Reads the function names and their versions, strongly consistent.
        """
        for _ in self._retry("the alias live"):
            versions = target()
            for function, version in versions.items():
                self._set_live(function, version)
            if target() == versions:
                break

    def _set_live(self, function: str, version: str) -> None:
        try:
            self._move_alias(function, LIVE_ALIAS, version)
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
            self._create_alias(function, LIVE_ALIAS, version)  # the function's first release

    def _find_version(self, function: str, alias: str) -> str | None:
        try:
            return self.client.get_alias(FunctionName=function, Name=alias)["FunctionVersion"]
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
            return None

    def _has_code(self, release: FunctionRelease, version: str) -> bool:
        found = self.client.get_function_configuration(FunctionName=release.function, Qualifier=version)
        return bool(found["CodeSha256"] == release.code.sha256)

    def _publish(self, release: FunctionRelease) -> str:
        function, zipped, variables = release.function, release.code, release.environment
        settled = self._wait_until_idle(function)  # after an earlier release that broke off
        # Lambda takes seconds even for what the function has already: the revalidation function's code seldom
        # changes, and the parts of a split server share their variables.
        if settled["CodeSha256"] != zipped.sha256 or _has_failed(settled):
            zipped.upload()
            self.client.update_function_code(FunctionName=function, S3Bucket=zipped.bucket, S3Key=zipped.key)
            settled = self._wait_until_changed(function)
        if variables is not None and _read_variables(settled) != variables:
            self._put_environment(function, variables)
            settled = self._wait_until_changed(function)
        if settled["CodeSha256"] != zipped.sha256 or variables not in (None, _read_variables(settled)):
            raise FunctionBusyError(f"{function} was changed by someone else while it was published")
        # Both conditions: between reading them and publishing, nobody may have changed anything.
        response = self.client.publish_version(
            FunctionName=function,
            CodeSha256=zipped.sha256,
            RevisionId=settled["RevisionId"],
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
            # Lambda's and botocore's words can repeat the variables, secrets included: only the code goes on.
            refusal = f"the variables of {function}: {error_code(error)}"
            if is_retryable(error):
                raise FunctionBusyError(f"Lambda does not take {refusal}") from None
            raise PublishError(f"Lambda refuses {refusal}") from None
        except BotoCoreError as error:
            raise FunctionBusyError(
                f"Lambda was not reached for {function}: {type(error).__name__}"
            ) from None

    def _wait_until_changed(self, function: str, version: str | None = None) -> Mapping[str, Any]:
        """Wait until Lambda has done with our change of the function; return its configuration."""
        found = self._wait_until_idle(function, version)
        if _has_failed(found):
            reason = (
                found.get("LastUpdateStatusReasonCode") or found.get("StateReasonCode") or "no reason given"
            )
            raise PublishError(f"Lambda could not change {function}: {reason}")
        return found

    def _wait_until_idle(self, function: str, version: str | None = None) -> Mapping[str, Any]:
        """Wait until Lambda changes nothing; return the configuration, which tells how the last change ended.

        One that failed is told of until the next change: it must not stand in the way of that.
        """
        qualifier = {"Qualifier": version} if version else {}
        for _ in self._retry(function):
            try:
                found = self.client.get_function_configuration(FunctionName=function, **qualifier)
            except ClientError as error:
                if error_code(error) != "TooManyRequestsException":
                    raise
                continue
            if found.get("State") != "Pending" and found.get("LastUpdateStatus") != "InProgress":
                return found
        raise AssertionError  # pragma: no cover - _tries raises when it ends

    def _create_alias(self, function: str, alias: str, version: str) -> None:
        try:
            self.client.create_alias(FunctionName=function, Name=alias, FunctionVersion=version)
        except ClientError as error:
            # Someone was quicker; what he made is looked at again.
            if error_code(error) != "ResourceConflictException":
                raise
            raise FunctionBusyError(f"alias {alias} of {function} appeared meanwhile") from error

    def _move_alias(self, function: str, alias: str, version: str) -> None:
        self.client.update_alias(FunctionName=function, Name=alias, FunctionVersion=version)

    def _add_permission(self, **permission: Any) -> None:  # noqa: ANN401 - AWS's own arguments
        try:
            self.client.add_permission(**permission)
        except ClientError as error:
            if error_code(error) != "ResourceConflictException":  # it is there already
                raise

    def _retry(self, what: str) -> Iterator[None]:
        """Let something be tried, with ever longer pauses in between; raise after a minute."""
        yield
        for pause in _PAUSES:
            self.pause(pause)
            yield
        raise FunctionBusyError(f"{what} is still changing")


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

    def publish(  # noqa: PLR0913 - what the functions of a release differ by
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
        with self.store.zip_function(self.artifact, bundle.folder, key=key, rules=rules) as zipped:
            return self.publisher.ensure_version(
                FunctionRelease(
                    function=function, alias=alias or self.alias, code=zipped, environment=variables
                )
            )

    def publish_with_url(  # noqa: PLR0913 - as `version`
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
        published = self.publish(name, function, bundle, variables, rules=rules, alias=alias)
        return published, self.publisher.ensure_url(function, alias or self.alias)

    def publish_servers(self, function: str, variables: Mapping[str, str]) -> Sequence[tuple[str, str]]:
        """Return version and host of the server, and of each part if it is split.

        All are versions of one function, whose code changes from one to the next: so one by one.
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
                alias=split_alias(self.alias, number),
            )
            for number, split in enumerate(manifest.split_functions, 1)
        )
        return (default, *splits)


def _has_failed(configuration: Mapping[str, Any]) -> bool:
    return "Failed" in (configuration.get("State"), configuration.get("LastUpdateStatus"))


def _read_variables(configuration: Mapping[str, Any]) -> Mapping[str, str]:
    found: Mapping[str, str] = configuration.get("Environment", {}).get("Variables", {})
    return found
