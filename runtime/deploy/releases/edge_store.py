"""CloudFront's KeyValueStore, in which the edge function finds the release of each host.

The entry of a release's own host is written once. The entry of a site's host changes with each switch, and
several functions can change it at the same time. `point_host_to_release` ensures that the last write stores
the release that the project's live pointer names.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from attrs import evolve, field, frozen
from botocore.exceptions import ClientError

from runtime.deploy.releases.build_output.served_files import encode_path
from runtime.deploy.releases.release_clients import KeyValueStoreClient
from runtime.shared.aws import AwsResponse
from runtime.shared.aws_errors import read_error_code, read_error_message

_MAX_ENTRY_BYTES = 1020  # bytes; the store allows 1,024
_MAX_VALUE_BYTES = 1000  # bytes of a value with files
_MAX_KEYS_PER_UPDATE = 50
_ATTEMPTS = 30
_FIRST_PAUSE = 0.05
_MAX_PAUSE = 1.0
MAX_FILE_KEYS = 24
"""Maximum number of keys with the fingerprints of a release's files, at most 24 KB."""
_FILES_PER_KEY = 130
_MARK_LENGTH = 6
_NO_FILES = "-"
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_WRAPPER_DECIDES_CACHING = 1
"""Mark of a release whose wrapper decides which answers the edge shares.

Without this mark, the edge shares no answer of the release.
"""


class EdgeEntryTooLargeError(Exception):
    """The entry of a release does not fit into the share of a release. The message is for users."""


class EdgeBusyError(Exception):
    """Other writers changed the store at every attempt. A later retry can succeed."""


class ReleaseNotAtEdgeError(Exception):
    """The edge has no entry for a release's own host. The release was never published, or was collected."""


@frozen(kw_only=True)
class SplitOrigin:
    """The origin of a split server function, and the patterns of the paths that the function serves."""

    origin: str
    patterns: tuple[str, ...]


@frozen(kw_only=True)
class EdgeEntry:
    """The data with which the edge serves a release.

    Attributes:
        folder: Folder of the project's files in the assets bucket (`assets.build_project_folder`).
        direct_files: Names of the files that the bucket may answer (`ServedFiles.direct`).
        split_origins: Split server functions. The first function with a matching pattern serves a path.
        base_path: Base path of the site; empty if the site is served at the root.
        asset_prefix: Path in front of `/_next` in the site's pages; empty if the site sets no `assetPrefix`.
        images_ask_server: Whether the image function asks the server about each request.
    """

    deployment_id: str
    folder: str
    server_origin: str
    image_origin: str
    origin_key: str = field(repr=False)
    direct_files: tuple[str, ...]
    split_origins: tuple[SplitOrigin, ...] = ()
    base_path: str = ""
    asset_prefix: str = ""
    images_ask_server: bool = False


@frozen(kw_only=True)
class StoreSize:
    """The size of the store, with the entries of all sites.

    Attributes:
        keys: Number of keys.
        bytes: Bytes of all keys and values.
    """

    keys: int
    bytes: int


def build_release_host(deployment_id: str, site_host: str) -> str:
    """Return the host of a release's own URL, which never changes."""
    return f"{deployment_id.lower()}--{site_host}"


def build_edge_keys(entry: EdgeEntry, host: str, *, max_bytes: int) -> list[tuple[str, str]]:
    """Return the keys and values that make a release reachable at a host. The host's own key is the last.

    The values contain a fingerprint of each file that the bucket may answer. If they fit into the host's
    value, they are there. Otherwise they are in at most `MAX_FILE_KEYS` further keys, and a number of the
    fingerprint selects the key. The edge then needs a second read. Files beyond the space of these keys are
    left out: the server answers requests for them.

    Args:
        entry: The data of the release.
        host: The release's own host.
        max_bytes: The release's share of the store, keys and values together.

    Raises:
        EdgeEntryTooLargeError: The entry does not fit even without files.
    """
    limit = min(_MAX_ENTRY_BYTES, max_bytes - len(host))
    if len(_build_value(entry, MAX_FILE_KEYS).encode()) > limit:
        # Without the prefix in the host's value, the server answers requests with this prefix.
        entry = evolve(entry, asset_prefix="")
    without_files = len(_build_value(entry, "").encode())
    if without_files > limit:
        raise EdgeEntryTooLargeError(
            f"the routing of this release has {without_files + len(host)} bytes, and the edge has space for "
            f"{max_bytes} bytes of each release: use fewer server functions or shorter patterns in "
            "open-next.config, or ask the operator for fewer sites or kept releases in this stage"
        )
    fingerprints = [compute_fingerprint(f"/{name}") for name in entry.direct_files]
    file_key_bytes = len(f"{host}/{MAX_FILE_KEYS}") + _MAX_VALUE_BYTES
    available = min((max_bytes - len(host) - limit) // file_key_bytes, MAX_FILE_KEYS)
    in_value = fingerprints if available else fingerprints[: (limit - without_files) // _MARK_LENGTH]
    value = _build_value(entry, "".join(mark for mark, _ in in_value))
    if len(value.encode()) <= limit:
        return [(host, value)]
    count = min(-(-len(fingerprints) // _FILES_PER_KEY), available)
    parts: list[list[str]] = [[] for _ in range(count)]
    for mark, number in fingerprints:
        if len(parts[number % count]) < _MAX_VALUE_BYTES // _MARK_LENGTH:
            parts[number % count].append(mark)
    keys = [(f"{host}/{number}", "".join(part) or _NO_FILES) for number, part in enumerate(parts)]
    return [*keys, (host, _build_value(entry, count))]


def count_files_left_out(entry: EdgeEntry, keys: Sequence[tuple[str, str]]) -> int:
    """Return the number of files that the bucket may answer, but that the keys do not contain."""
    *file_keys, (_, value) = keys
    marks = [part for _, part in file_keys if part != _NO_FILES] if file_keys else [json.loads(value)["h"]]
    return len(entry.direct_files) - sum(map(len, marks)) // _MARK_LENGTH


def compute_fingerprint(path: str) -> tuple[str, int]:
    """Return the mark of a file, with 36 bits, and the number that selects its key.

    Both come from the SHA-256 of the encoded path. `components/edge/viewer-request.js` computes the same
    values. A path that is no file has the mark of one of the 166 files of a key with a probability of 166 /
    2**36, or 1 in 400 million. Such a path would get an error of the bucket until the next release.

    Args:
        path: Decoded path, without the base path.
    """
    digest = base64.b64encode(hashlib.sha256(encode_path(path).encode()).digest()).decode()
    first, second = digest[_MARK_LENGTH : _MARK_LENGTH + 2]
    return digest[:_MARK_LENGTH], _BASE64.index(first) * len(_BASE64) + _BASE64.index(second)


def _build_value(entry: EdgeEntry, files: str | int) -> str:
    value: dict[str, str | int | list[list[str]]] = {
        "r": entry.deployment_id,
        "s": entry.server_origin,
        "i": entry.image_origin,
        "n": entry.folder,
        "k": entry.origin_key,
        "h": files,
        "c": _WRAPPER_DECIDES_CACHING,
    }
    if entry.base_path:
        value["b"] = entry.base_path
    if entry.asset_prefix:
        value["a"] = entry.asset_prefix
    if entry.images_ask_server:
        value["m"] = 1
    if entry.split_origins:
        value["f"] = [[split.origin, *split.patterns] for split in entry.split_origins]
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@frozen(kw_only=True)
class EdgeStore:
    """Entries of the KeyValueStore. Each write fails, and is repeated, if the store changed since the read.

    Attributes:
        client: KeyValueStore client.
        arn: ARN of the store.
        pause: Sleeps for the given number of seconds.
        jitter: Returns a random number in [0, 1).
    """

    client: KeyValueStoreClient
    arn: str
    pause: Callable[[float], None] = field(repr=False)
    jitter: Callable[[], float] = field(repr=False)

    def publish(self, keys: Sequence[tuple[str, str]]) -> StoreSize:
        """Write the keys of a release (`build_edge_keys`), and return the new size of the store. Idempotent.

        Raises:
            EdgeBusyError: Other writers changed the store at every attempt.
        """
        # One update writes all keys, so a failed release leaves no keys behind.
        return self._put([{"Key": key, "Value": value} for key, value in keys])

    def measure(self) -> StoreSize:
        """Return the size of the store. Makes one call."""
        return _read_size(self.client.describe_key_value_store(KvsARN=self.arn))

    def read(self, key: str) -> str | None:
        """Return the value of a key that is not a host, or None if there is no such key."""
        return self._get(key)

    def write(self, key: str, value: str) -> None:
        """Write a key that is not a host. Idempotent.

        Raises:
            EdgeBusyError: Other writers changed the store at every attempt.
        """
        self._put([{"Key": key, "Value": value}])

    def point_host_to_release(self, site_host: str, pointer: Callable[[], str]) -> str:
        """Make a site's host serve the release that the project's pointer names. Return its deployment id.

        The pointer is read after the store's version, and the write fails if the version has changed. So the
        last writer has read the pointer after every earlier write. The pointer is read again after the write,
        because a write of equal content perhaps does not change the store's version.

        Args:
            site_host: Host of the site.
            pointer: Returns the deployment id that the project's pointer names, by a strongly consistent
                read.

        Raises:
            EdgeBusyError: Other writers changed the store at every attempt.
            ReleaseNotAtEdgeError: The edge has no entry for the release's own host.
        """
        deployment_id = ""
        for _ in self._retry():
            version = self._read_version()
            deployment_id = pointer()
            value = self._get(build_release_host(deployment_id, site_host))
            if value is None:
                raise ReleaseNotAtEdgeError(f"the edge has no key of deployment {deployment_id}")
            write = partial(self.client.put_key, KvsARN=self.arn, Key=site_host, Value=value, IfMatch=version)
            if (
                _write_if_unchanged(write) is not None
                and pointer() == deployment_id
                and self._get(site_host) == value
            ):
                break
        return deployment_id

    def find_release_of_host(self, host: str) -> str | None:
        """Return the deployment id of the release that a host serves, or None."""
        value = self._get(host)
        return json.loads(value)["r"] if value is not None else None

    def remove_host(self, host: str) -> bool:
        """Remove the entry of a host. Idempotent.

        Returns:
            Whether the host had an entry.

        Raises:
            EdgeBusyError: Other writers changed the store at every attempt.
        """
        return self._delete([host])

    def remove_release(self, host: str) -> bool:
        """Remove the entry of a release's own host and its keys with fingerprints of files. Idempotent.

        One update removes all keys. The edge needs the keys only as long as the host has its entry.

        Returns:
            Whether the host had an entry.

        Raises:
            EdgeBusyError: Other writers changed the store at every attempt.
        """
        value = self._get(host)
        if value is None:
            return False
        files = json.loads(value).get("h")
        numbers = range(files) if isinstance(files, int) else ()
        return self._delete([host, *(f"{host}/{number}" for number in numbers)])

    def remove_file_keys(self, host: str, entries: Sequence[str]) -> None:
        """Remove the keys `<host>/<number>` with the fingerprints of a release's files. Idempotent.

        Releases of older versions of the platform have keys `<host>/<segment>` instead.

        Args:
            host: The host. Its own entry must have been removed before.
            entries: All first path segments of the release's public files below the base path. Folders end
            with
                `/`.
        """
        numbers = [str(number) for number in range(MAX_FILE_KEYS)]
        for names in (numbers, sorted(entries)):
            keys = [f"{host}/{name}" for name in names]
            # Keys are written together. The first key is removed last. So after a crash, the first key shows
            # whether there are keys to remove.
            if keys and self._get(keys[0]) is not None:
                keys.reverse()
                for start in range(0, len(keys), _MAX_KEYS_PER_UPDATE):
                    self._delete(keys[start : start + _MAX_KEYS_PER_UPDATE])

    def _put(self, puts: Sequence[Mapping[str, str]]) -> StoreSize:
        for _ in self._retry():
            write = partial(self.client.update_keys, KvsARN=self.arn, IfMatch=self._read_version(), Puts=puts)
            if (response := _write_if_unchanged(write)) is not None:
                return _read_size(response)
        raise AssertionError  # pragma: no cover - _retry raises when it ends

    def _delete(self, keys: Sequence[str]) -> bool:
        deleted = False
        for _ in self._retry():
            version = self._read_version()
            present = [{"Key": key} for key in keys if self._get(key) is not None]
            if not present:
                break
            write = partial(self.client.update_keys, KvsARN=self.arn, IfMatch=version, Deletes=present)
            if _write_if_unchanged(write) is not None:
                deleted = True
                break
        return deleted

    def _read_version(self) -> str:
        return self.client.describe_key_value_store(KvsARN=self.arn)["ETag"]

    def _get(self, key: str) -> str | None:
        try:
            return self.client.get_key(KvsARN=self.arn, Key=key)["Value"]
        except ClientError as error:
            if read_error_code(error) != "ResourceNotFoundException":
                raise
            return None

    def _retry(self) -> Iterator[int]:
        """Yield the attempt number, with exponential backoff and jitter between attempts.

        Raises:
            EdgeBusyError: The last attempt failed, so the caller did not leave its loop.
        """
        for attempt in range(_ATTEMPTS):
            if attempt:
                self.pause(min(_FIRST_PAUSE * 2**attempt, _MAX_PAUSE) * (0.25 + 0.75 * self.jitter()))
            yield attempt
        raise EdgeBusyError(f"other writers changed the edge's store {_ATTEMPTS} times: try again later")


def _read_size(response: AwsResponse) -> StoreSize:
    return StoreSize(keys=response["ItemCount"], bytes=response["TotalSizeInBytes"])


def _write_if_unchanged(write: Callable[[], AwsResponse]) -> AwsResponse | None:
    """Write, and return the response. None if the store no longer had the version of the write."""
    try:
        return write()
    except ClientError as error:
        # AWS documents ConflictException. In practice, the service also returns a ValidationException.
        if read_error_code(error) == "ConflictException" or (
            read_error_code(error) == "ValidationException"
            and "pre-condition failed" in read_error_message(error).lower()
        ):
            return None
        raise
