"""Helpers for tests of collection (D6): run the collection, and list the resources of releases."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import frozen

from local.cloud import Cloud


@frozen(kw_only=True)
class ReleaseResources:
    """The resources of a site's releases. Deployments are listed by their ids in lower case.

    Attributes:
        keys: Deployments with a key in the KeyValueStore, for their host or for a file.
        aliases: Deployments with an alias of the server function.
        urls: Number of URLs of the server function. The emulator does not return which alias a URL has.
        objects: Deployments with public or cached files, or with secrets.
        versions: Number of versions of the server function, without `$LATEST`.
    """

    keys: frozenset[str]
    aliases: frozenset[str]
    urls: int
    objects: frozenset[str]
    versions: int


def run_collection(cloud: Cloud) -> None:
    """Run the collection function for the current time, and then for an hour later.

    The first run takes releases offline. The second run removes their resources.

    Raises:
        AssertionError: A run failed.
    """
    now = datetime.now(UTC)
    # The time in an event has no fraction of a second. With the extra second, the second event is at least an
    # hour after `now`.
    for at in (now, now + timedelta(hours=1, seconds=1)):
        collect_at(cloud, at)


def collect_at(cloud: Cloud, at: datetime) -> None:
    """Run the collection function for a time.

    Raises:
        AssertionError: The run failed.
    """
    # The function reads the time from the EventBridge event, so that a test can choose the time.
    event = {"id": "by-hand", "time": at.isoformat(timespec="seconds").replace("+00:00", "Z")}
    answer = cloud.emulator.client("lambda").invoke(
        FunctionName=f"anchor-{cloud.stage}-collect", Payload=json.dumps(event).encode()
    )
    assert "FunctionError" not in answer, answer["Payload"].read().decode()


def list_release_resources(cloud: Cloud, site: str) -> ReleaseResources:
    """Return the resources of all releases of a site."""
    server = f"anchor-{cloud.stage}-site-{site}-server"
    outputs = cloud.deployed.outputs
    functions, store = cloud.emulator.client("lambda"), cloud.emulator.client("cloudfront-keyvaluestore")
    keys = store.get_paginator("list_keys").paginate(KvsARN=outputs["keyValueStoreArn"])
    names_at_edge = [item["Key"] for page in keys for item in page["Items"]]
    objects = cloud.emulator.client("s3").get_paginator("list_objects_v2")
    names = [
        item["Key"].split("/")[3]
        for folder in ("assets", "cache", "secrets")
        for page in objects.paginate(Bucket=outputs["buckets"]["assets"], Prefix=f"{folder}/{site}/")
        for item in page.get("Contents", ())
    ]
    aliases = _list_all(functions, "list_aliases", "Aliases", server)
    urls = functions.list_function_url_configs(FunctionName=server)["FunctionUrlConfigs"]
    return ReleaseResources(
        keys=frozenset(key.partition("--")[0] for key in names_at_edge if f"--{site}." in key),
        aliases=_read_deployment_ids(each["Name"] for each in aliases),
        urls=len(urls),
        objects=frozenset(name.lower() for name in names if name != "_next"),
        versions=len(_list_all(functions, "list_versions_by_function", "Versions", server)) - 1,
    )


def _read_deployment_ids(aliases: Iterable[str]) -> frozenset[str]:
    return frozenset(name.split("-")[1] for name in aliases if name.startswith("r-"))


def _list_all(client: Any, operation: str, key: str, function: str) -> list[Any]:  # noqa: ANN401 - no types
    pages = client.get_paginator(operation).paginate(FunctionName=function)
    return [each for page in pages for each in page[key]]
