"""The incremental cache of a release in S3 (D7, F1)."""

from datetime import UTC, datetime
from typing import Final

import boto3
import pytest

from runtime.deploy.releases.build_output.artifact import open_artifact
from runtime.deploy.releases.cache_seed import list_cache_uploads
from tests.runtime.placed_rows import make_deployment
from tests.runtime.releases.open_next import BUILD_ID, FETCH, PAGE, make_artifact
from tests.runtime.site_overrides.override_host import BUCKET, BUILD, DEPLOYMENT, PREFIX, REGION, OverrideHost

NOW: Final = 1_769_851_800_123
TAGS: Final = "_N_T_/layout,_N_T_/news,news"


def list_keys() -> list[str]:
    listed = boto3.client("s3", region_name=REGION).list_objects_v2(Bucket=BUCKET)
    return [each["Key"] for each in listed.get("Contents", [])]


def test_an_entry_keeps_its_time_to_the_millisecond(host: OverrideHost) -> None:
    """F1: S3 has whole seconds. A page that was made in the second of a change would look older than it."""
    assert host.run(
        f"""
        setTime({NOW});
        await cache.set("/news", {{ type: "app", html: "<p>ä</p>" }}, "cache");
        return cache.get("/news", "cache");
        """
    ) == {"value": {"type": "app", "html": "<p>ä</p>"}, "lastModified": NOW}


def test_an_entry_without_a_time_has_the_time_of_its_upload(host: OverrideHost) -> None:
    client = boto3.client("s3", region_name=REGION)
    client.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{BUILD}/news.cache", Body=b'{"type":"app"}')
    uploaded = client.head_object(Bucket=BUCKET, Key=f"{PREFIX}/{BUILD}/news.cache")["LastModified"]
    entry = host.run('return cache.get("/news");')
    assert entry["lastModified"] == uploaded.timestamp() * 1000


def test_the_server_looks_up_the_names_of_the_seed(host: OverrideHost) -> None:
    """D1 and D2."""
    with open_artifact(make_artifact()) as artifact:
        deployment = make_deployment("01PROJECT", DEPLOYMENT)
        uploads = list_cache_uploads(artifact, deployment, at=datetime.now(UTC))
        seeded = [each.key for each in uploads]
    host.run(
        f"""
        await cache.set("/{PAGE}", {{ type: "app" }}, "cache");
        await cache.set("{FETCH}", {{ kind: "FETCH" }}, "fetch");
        """,
        {"OPEN_NEXT_BUILD_ID": BUILD_ID},
    )
    assert list_keys() == seeded


def test_a_missing_entry_is_no_error_but_a_failing_bucket_is_one(host: OverrideHost) -> None:
    assert host.run('return cache.get("/news", "cache");') is None
    host.errors["GetObject"] = "AccessDenied"
    assert host.run('return cache.get("/news").catch((error) => error.name);') == "AccessDenied"


@pytest.mark.parametrize("page", ["/" + "ü" * 600, "/a/../b", "/a//b", "/.", "/a/"])
def test_a_name_that_s3_could_change_or_refuse_is_hashed(host: OverrideHost, page: str) -> None:
    entry = host.run(
        f"""
        await cache.set("{page}", {{ type: "app", html: "a" }}, "cache");
        await cache.set("/b", {{ type: "app", html: "b" }}, "cache");
        return cache.get("{page}", "cache");
        """
    )
    assert entry["value"]["html"] == "a"
    assert sorted(len(key) < 200 for key in list_keys()) == [True, True]
    assert any(key.startswith(f"{PREFIX}/__hashed/") for key in list_keys())


def test_a_deleted_page_is_gone(host: OverrideHost) -> None:
    host.run('await cache.set("/news", { type: "app" }); await cache.delete("/news");')
    assert list_keys() == []


def test_a_page_keeps_its_tags_when_its_previous_entry_is_written_again(host: OverrideHost) -> None:
    """F1: Next.js does this if a page cannot be rendered. OpenNext has removed the tags of that entry."""
    entry = host.run(
        f"""
        const headers = {{ "x-next-cache-tags": "{TAGS}" }};
        await cache.set("/news", {{ type: "app", html: "old", meta: {{ status: 200, headers }} }});
        await inRequest(async () => {{
          const {{ value }} = await cache.get("/news");
          delete value.meta.headers["x-next-cache-tags"];
          await cache.set("/news", value);
        }});
        return cache.get("/news");
        """
    )
    assert entry["value"]["meta"] == {"status": 200, "headers": {"x-next-cache-tags": TAGS}}


def test_a_page_does_not_get_the_tags_of_another_page(host: OverrideHost) -> None:
    entry = host.run(
        f"""
        const headers = {{ "x-next-cache-tags": "{TAGS}" }};
        await cache.set("/news", {{ type: "app", meta: {{ headers }} }});
        await inRequest(async () => {{
          await cache.get("/news");
          await cache.set("/other", {{ type: "app", meta: {{ headers: {{}} }} }});
        }});
        return cache.get("/other");
        """
    )
    assert entry["value"]["meta"] == {"headers": {}}


def test_a_use_cache_entry_is_missing_after_its_revalidate_time(host: OverrideHost) -> None:
    """F1: under `next start`, production serves no stale entries of `use cache`."""
    assert host.run(
        f"""
        const entry = {{ value: "v", tags: [], timestamp: {NOW}, revalidate: 60, expire: 3600, stale: 0 }};
        await cache.set("k", entry, "composable");
        const found = [];
        for (const after of [60_000, 60_001]) {{
          setTime({NOW} + after);
          found.push((await cache.get("k", "composable"))?.lastModified ?? null);
        }}
        return found;
        """
    ) == [NOW, None]


def test_a_use_cache_entry_without_a_lifetime_is_not_written(host: OverrideHost) -> None:
    host.run('await cache.set("k", { value: "v", expire: 0 }, "composable");')
    assert host.calls == []
