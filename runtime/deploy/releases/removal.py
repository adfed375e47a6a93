"""Removal of releases: their function versions, aliases, URLs and files.

Every step can be repeated: a resource that is already gone is not an error.
"""

from collections.abc import Callable, Iterator
from typing import Any

from attrs import frozen
from botocore.exceptions import ClientError

from runtime.deploy.releases.publishing import is_release_version
from runtime.deploy.releases.release_clients import RemovingLambdaClient, RemovingS3Client
from runtime.shared.aws import AwsResponse
from runtime.shared.aws_errors import read_error_code


class ObjectsKeptError(Exception):
    """S3 did not delete some objects. A later retry can succeed."""


@frozen(kw_only=True)
class FunctionRemover:
    """The service that removes versions, aliases and URLs of releases. The functions themselves stay.

    Attributes:
        client: Lambda client.
    """

    client: RemovingLambdaClient

    def remove(self, function: str, alias: str, *, has_url: bool) -> None:
        """Remove a release's aliases with their URLs, and the versions that then have no alias.

        The newest version always stays, even without an alias: another release can have started, and can
        soon create an alias for this version. The other release can even share the version with an older
        release, because Lambda publishes no new version if code and variables are unchanged. Versions that
        no release published stay, too.

        Args:
            function: Function name. If the function does not exist, nothing is removed.
            alias: The release's alias. The names of the aliases of split functions begin with it.
            has_url: Whether the release's aliases have URLs.
        """
        try:
            # List the versions before the aliases. In the other order, a version that gets its alias between
            # the two calls would seem to have no alias, and would be removed.
            versions = self._list_versions(function)
            aliases = {
                each["Name"]: each["FunctionVersion"]
                for each in _list_items(self.client.list_aliases, "Aliases", FunctionName=function)
            }
        except ClientError as error:
            if read_error_code(error) != "ResourceNotFoundException":
                raise
            return
        own = {name for name in aliases if _belongs_to_release(alias, name)}
        named = {version for name, version in aliases.items() if name not in own}
        for name in sorted(own):
            self._delete_alias(function, name, has_url=has_url)
        for number, description in versions[:-1]:
            if is_release_version(description) and number not in named:
                self._delete_version(function, number)

    def remove_aliases(self, function: str, *, kept: str | None) -> None:
        """Remove all aliases of a function with their URLs, except the alias `kept`."""
        for each in tuple(_list_items(self.client.list_aliases, "Aliases", FunctionName=function)):
            if each["Name"] != kept:
                self._delete_alias(function, each["Name"], has_url=True)

    def remove_versions(self, function: str) -> None:
        """Remove all versions of a function, even the newest one. `$LATEST` stays. No alias may name one."""
        for number, _ in self._list_versions(function):
            self._delete_version(function, number)

    def _list_versions(self, function: str) -> list[tuple[str, str]]:
        """Return the numbers and descriptions of a function's versions, the newest one last."""
        found = [
            (each["Version"], each.get("Description", ""))
            for each in _list_items(self.client.list_versions_by_function, "Versions", FunctionName=function)
            # `$LATEST` has a description too, but it is not a version. It is only deleted with the function.
            if each["Version"].isdigit()
        ]
        return sorted(found, key=lambda each: int(each[0]))

    def _delete_alias(self, function: str, name: str, *, has_url: bool) -> None:
        if has_url:
            _ignore_missing(
                lambda: self.client.delete_function_url_config(FunctionName=function, Qualifier=name)
            )
        _ignore_missing(lambda: self.client.delete_alias(FunctionName=function, Name=name))

    def _delete_version(self, function: str, number: str) -> None:
        _ignore_missing(lambda: self.client.delete_function(FunctionName=function, Qualifier=number))


@frozen(kw_only=True)
class ObjectRemover:
    """The service that removes the files of releases.

    Attributes:
        client: S3 client.
        bucket: Bucket name.
    """

    client: RemovingS3Client
    bucket: str

    def list_entries(self, folder: str) -> tuple[str, ...]:
        """Return the names of the objects and subfolders in a folder. Names of subfolders end with `/`.

        Makes one call per 1,000 names.
        """
        prefix = f"{folder}/"
        found: list[str] = []
        for page in self._list_pages(Prefix=prefix, Delimiter="/"):
            found += [each["Key"] for each in page.get("Contents", ())]
            found += [each["Prefix"] for each in page.get("CommonPrefixes", ())]
        return tuple(sorted(key.removeprefix(prefix) for key in found))

    def remove(self, folder: str) -> int:
        """Delete all objects in a folder, and return their number. Makes two calls per 1,000 objects.

        Raises:
            ObjectsKeptError: S3 did not delete all objects.
        """
        return sum(self.remove_pages(folder))

    def remove_pages(self, folder: str) -> Iterator[int]:
        """Delete all objects in a folder. Yield the number of objects after each 1,000 of them.

        Raises:
            ObjectsKeptError: S3 did not delete all objects.
        """
        for page in self._list_pages(Prefix=f"{folder}/"):
            keys = [{"Key": each["Key"]} for each in page.get("Contents", ())]
            if keys:
                response = self.client.delete_objects(
                    Bucket=self.bucket, Delete={"Objects": keys, "Quiet": True}
                )
                errors = response.get("Errors", ())
                if errors:
                    raise ObjectsKeptError(
                        f"S3 did not delete {len(errors)} objects below {folder}: {errors[0]['Code']}"
                    )
                yield len(keys)

    def _list_pages(self, **arguments: str) -> Iterator[AwsResponse]:
        more: dict[str, str] = {}
        while True:
            response = self.client.list_objects_v2(Bucket=self.bucket, **arguments, **more)
            yield response
            if not response.get("IsTruncated"):
                return
            more = {"ContinuationToken": response["NextContinuationToken"]}


def _list_items(call: Callable[..., AwsResponse], member: str, **arguments: str) -> Iterator[AwsResponse]:
    more: dict[str, str] = {}
    while True:
        response = call(**arguments, **more)
        yield from response[member]
        if not response.get("NextMarker"):
            return
        more = {"Marker": response["NextMarker"]}


def _belongs_to_release(alias: str, name: str) -> bool:
    """Return whether an alias belongs to a release or to one of its split functions."""
    return name == alias or name.startswith(f"{alias}-")


def _ignore_missing(call: Callable[[], Any]) -> None:
    try:
        call()
    except ClientError as error:
        if read_error_code(error) != "ResourceNotFoundException":
            raise
