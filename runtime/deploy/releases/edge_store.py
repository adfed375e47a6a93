"""What the edge knows: CloudFront's KeyValueStore, where a host leads to a release.

A release's own host is written once. A site's host is the one thing that moves, and several functions may
move it at once: `lead` makes the edge follow the project's pointer, whoever wrote that last.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from attrs import field, frozen
from botocore.exceptions import ClientError

from runtime.deploy.releases.release_clients import KeyValueStoreClient
from runtime.shared.aws_errors import error_code, error_message

_MAX_VALUE_BYTES = 1000  # bytes; the store allows 1,024
_MAX_KEYS_PER_UPDATE = 50
_ATTEMPTS = 30
_FIRST_PAUSE = 0.05
_MAX_PAUSE = 1.0
_SEPARATOR = "|"
_HAS_FILE_KEYS = "*"
_WRAPPER_DECIDES_CACHING = 1
"""The release's wrapper decides what the edge may share. Without this mark the edge shares nothing."""


class EdgeBusyError(Exception):
    """Other writers were quicker, again and again. Worth another try later."""


class ReleaseNotAtEdgeError(Exception):
    """The edge has no key of the release: it was never published there, or has been collected."""


@frozen(kw_only=True)
class SplitOrigin:
    """A server function that answers for some of a site's paths, and for which."""

    origin: str
    patterns: tuple[str, ...]


@frozen(kw_only=True)
class EdgeEntry:
    """What the edge needs to know of a release.

    Attributes:
        folder: Of the project's files in the assets bucket (`assets.project_folder`).
        entries: First path parts of its public files, below the base path; folders end with `/`.
        splits: The functions that the edge asks in place of the server, the first that matches.
        base_path: The path below which the whole site lies; empty for the root.
    """

    deployment_id: str
    folder: str
    server_origin: str
    image_origin: str
    origin_key: str = field(repr=False)
    entries: tuple[str, ...]
    split_origins: tuple[SplitOrigin, ...] = ()
    base_path: str = ""


def release_host(deployment_id: str, site_host: str) -> str:
    """Return the host of a release's own, immutable URL."""
    return f"{deployment_id.lower()}--{site_host}"


def build_edge_keys(entry: EdgeEntry, host: str) -> list[tuple[str, str]]:
    """Return the keys and values of a release; the last one makes it reachable.

    Public files are listed in the value. Where they are too many for it, or one's name has the separator in
    it, each has a key of its own, for which the edge makes a second read.
    """
    listed = f"{_SEPARATOR}{_SEPARATOR.join(entry.entries)}{_SEPARATOR}" if entry.entries else _SEPARATOR
    value = _build_value(entry, listed)
    if len(value.encode()) <= _MAX_VALUE_BYTES and not any(_SEPARATOR in name for name in entry.entries):
        return [(host, value)]
    return [*((f"{host}/{name}", "1") for name in entry.entries), (host, _build_value(entry, _HAS_FILE_KEYS))]


def _build_value(entry: EdgeEntry, public: str) -> str:
    value: dict[str, str | int | list[list[str]]] = {
        "r": entry.deployment_id,
        "s": entry.server_origin,
        "i": entry.image_origin,
        "n": entry.folder,
        "k": entry.origin_key,
        "p": public,
        "c": _WRAPPER_DECIDES_CACHING,
    }
    if entry.base_path:
        value["b"] = entry.base_path
    if entry.split_origins:
        value["f"] = [[split.origin, *split.patterns] for split in entry.split_origins]
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@frozen(kw_only=True)
class EdgeStore:
    """Writes keys. The store has one version for all of them: every write says which one it was made from.

    Attributes:
        client: KeyValueStore client.
        arn: The store's.
        pause: Waits for that many seconds.
        jitter: Returns a random number in [0, 1).
    """

    client: KeyValueStoreClient
    arn: str
    pause: Callable[[float], None] = field(repr=False)
    jitter: Callable[[], float] = field(repr=False)

    def publish(self, entry: EdgeEntry, host: str) -> None:
        """Make a release reachable at its own host. Repeatable.

        Raises:
            EdgeBusyError: The store was too busy.
        """
        keys = build_edge_keys(entry, host)
        for start in range(0, len(keys), _MAX_KEYS_PER_UPDATE):
            puts = [{"Key": key, "Value": value} for key, value in keys[start : start + _MAX_KEYS_PER_UPDATE]]
            self._put(puts)

    def read(self, key: str) -> str | None:
        """Return the value of a key that is no host's, or None."""
        return self._get(key)

    def write(self, key: str, value: str) -> None:
        """Put a key that is no host's. Repeatable.

        Raises:
            EdgeBusyError: The store was too busy.
        """
        self._put([{"Key": key, "Value": value}])

    def point_host_to_release(self, site_host: str, pointer: Callable[[], str]) -> str:
        """Let a site's host lead to the release that the project's pointer names, and return that deployment.

        The pointer is read after the store's version, and the write fails when the version has changed:
        whoever writes last has read the pointer after every earlier write. It is read once more after the
        write, so that nothing depends on the store giving equal content a new version.

        Args:
            site_host: The site's host.
            pointer: Reads the deployment that the project's pointer names, strongly consistent.

        Raises:
            EdgeBusyError: The store was too busy.
            ReleaseNotAtEdgeError: The release was never published.
        """
        deployment_id = ""
        for _ in self._retry():
            version = self._version()
            deployment_id = pointer()
            value = self._get(release_host(deployment_id, site_host))
            if value is None:
                raise ReleaseNotAtEdgeError(f"the edge has no key of deployment {deployment_id}")
            write = partial(self.client.put_key, KvsARN=self.arn, Key=site_host, Value=value, IfMatch=version)
            if _write_if_unchanged(write) and pointer() == deployment_id and self._get(site_host) == value:
                break
        return deployment_id

    def find_release_of_host(self, host: str) -> str | None:
        """Return the deployment that a host leads to, or None."""
        value = self._get(host)
        return json.loads(value)["r"] if value is not None else None

    def remove_host(self, host: str) -> bool:
        """Let a host lead nowhere. Repeatable.

        Returns:
            Whether it led somewhere.

        Raises:
            EdgeBusyError: The store was too busy.
        """
        return self._delete([host])

    def remove_file_keys(self, host: str, entries: Sequence[str]) -> None:
        """Remove the keys of public files that a host had beside its own. Repeatable.

        Args:
            host: A host that leads nowhere any more.
            entries: All of its first path parts, as an `EdgeEntry` names them.

        Raises:
            EdgeBusyError: The store was too busy.
        """
        keys = [f"{host}/{name}" for name in sorted(entries)]
        # Each has a key or none has. The first goes last, so that it tells whether there is more to do.
        if keys and self._get(keys[0]) is not None:
            keys.reverse()
            for start in range(0, len(keys), _MAX_KEYS_PER_UPDATE):
                self._delete(keys[start : start + _MAX_KEYS_PER_UPDATE])

    def _put(self, puts: Sequence[Mapping[str, str]]) -> None:
        for _ in self._retry():
            write = partial(self.client.update_keys, KvsARN=self.arn, IfMatch=self._version(), Puts=puts)
            if _write_if_unchanged(write):
                break

    def _delete(self, keys: Sequence[str]) -> bool:
        deleted = False
        for _ in self._retry():
            version = self._version()
            present = [{"Key": key} for key in keys if self._get(key) is not None]
            if not present:
                break
            write = partial(self.client.update_keys, KvsARN=self.arn, IfMatch=version, Deletes=present)
            if _write_if_unchanged(write):
                deleted = True
                break
        return deleted

    def _version(self) -> str:
        return self.client.describe_key_value_store(KvsARN=self.arn)["ETag"]

    def _get(self, key: str) -> str | None:
        try:
            return self.client.get_key(KvsARN=self.arn, Key=key)["Value"]
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
            return None

    def _retry(self) -> Iterator[int]:
        """Count tries, with a growing, jittered pause before each but the first; raise when they run out."""
        for attempt in range(_ATTEMPTS):
            if attempt:
                self.pause(min(_FIRST_PAUSE * 2**attempt, _MAX_PAUSE) * (0.25 + 0.75 * self.jitter()))
            yield attempt
        raise EdgeBusyError(f"the edge's store was changed by others {_ATTEMPTS} times in a row")


def _write_if_unchanged(write: Callable[[], object]) -> bool:
    """Write, and return whether the store still had the version that the write was made from."""
    try:
        write()
    except ClientError as error:
        # AWS documents ConflictException, and answers with the second form, as others measured.
        if error_code(error) == "ConflictException" or (
            error_code(error) == "ValidationException" and "pre-condition failed" in error_message(error).lower()
        ):
            return False
        raise
    return True
