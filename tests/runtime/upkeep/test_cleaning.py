# ruff: noqa: ANN401, N803 - stands in for clients that boto3 does not type
"""A6: the site of a deleted project is stopped, and is cleaned a day later. Then others can use it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import define, evolve

from runtime.deploy.errors import SiteUnavailableError
from runtime.deploy.model import Project, Site, Variable
from runtime.deploy.releases.cache_seed import TagsUnprocessedError
from runtime.deploy.upkeep.cleaning import QUARANTINE, SiteCleaner
from runtime.deploy.upkeep.collecting import CollectionFailedError
from runtime.deploy.upkeep.resetting import build_placeholder_zip
from runtime.shared.converters import to_row
from tests.runtime.calls import CrashError, get_real_client, make_client_error
from tests.runtime.platform_fixture import OTHER, OWNER
from tests.runtime.releases.lambda_service import Function
from tests.runtime.releases.release_fixture import ARTIFACTS, ASSETS, ReleasePlatform, refuse_calls
from tests.runtime.stored_rows import read_rows
from tests.runtime.tables import AUDIT, PROJECTS
from tests.runtime.upkeep.collection import (
    HOUR,
    OTHER_CODE,
    create_releases,
    run_collector,
    run_until_sites_are_cleaned,
)

SECRET = "4a8f0c"


@define
class BusyTable:
    """A tag table that processes only some rows of a batch.

    Attributes:
        keys: Keys of the rows that are left.
        processed: Number of rows that a call deletes.
    """

    keys: list[Mapping[str, Any]]
    processed: int = 20

    def scan(self, **_: Any) -> Mapping[str, Any]:
        return {"Items": list(self.keys)}

    def batch_write_item(self, *, RequestItems: Mapping[str, Any]) -> Mapping[str, Any]:
        ((table, requests),) = RequestItems.items()
        for request in requests[: self.processed]:
            self.keys.remove(request["DeleteRequest"]["Key"])
        left = requests[self.processed :]
        return {"UnprocessedItems": {table: left} if left else {}}


def create_freed_site(stage: ReleasePlatform) -> Site:
    """Create a project with a secret variable and two releases, delete it, and return its site."""
    project = stage.create_project(variables=(Variable(name="TOKEN", value=SECRET, is_secret=False),))
    site = stage.get_site(project)
    stage.create_live(project)
    stage.release(stage.create_built(project, OTHER_CODE))
    for number in range(60):
        stage.tags.rows[site.tag_table, f"tag-{number}", "-"] = "1"
    stage.deletion.delete(OWNER, project.project_id)
    put_parameter(f"{site.build_secrets_folder(project.project_id)}/LEFT")
    return site


def put_parameter(name: str) -> None:
    get_real_client("ssm").put_parameter(Name=name, Value=SECRET, Type="SecureString")


def list_contents(stage: ReleasePlatform, site: Site) -> dict[str, Any]:
    """Return everything on a site that its project has left behind. A kind with nothing is omitted."""
    found: dict[str, Any] = {
        "objects": [
            key
            for bucket, folders in ((ASSETS, ("assets", "cache")), (ARTIFACTS, ("artifacts",)))
            for folder in folders
            for key in stage.objects.list_keys(bucket, f"{folder}/{site.site}/")
        ],
        "rows": [tag for table, tag, _ in stage.tags.rows if table == site.tag_table],
        "parameters": [
            each["Name"] for each in get_real_client("ssm").describe_parameters(MaxResults=50)["Parameters"]
        ],
        "functions": [
            name
            for name in (site.server_function, site.image_function, site.revalidation_function)
            if not is_reset(stage.functions.functions[name], name == site.revalidation_function)
        ],
        "claim": read_claim(stage, site),
    }
    return {kind: each for kind, each in found.items() if each}


def is_reset(function: Function, has_queue: bool) -> bool:  # noqa: FBT001 - two kinds of functions
    return (
        function.zipped == build_placeholder_zip("index.handler")
        and function.variables == {}
        and function.versions == {}
        and function.urls == {}
        and function.aliases == ({"live": "$LATEST"} if has_queue else {})
    )


def read_claim(stage: ReleasePlatform, site: Site) -> Mapping[str, Any] | None:
    key = {"projectId": {"S": f"SITE#{site.site}"}, "sk": {"S": "CLAIM"}}
    row: Mapping[str, Any] | None = stage.platform.database.get_item(TableName=PROJECTS, Key=key).get("Item")
    return row


def create_project(stage: ReleasePlatform, user_id: str) -> Project:
    """Create a project on the site, whose functions stay as they are."""
    return stage.platform.create_project(user_id=user_id)


def test_nothing_is_left_on_a_cleaned_site(stage: ReleasePlatform) -> None:
    site = create_freed_site(stage)
    assert list_contents(stage, site).keys() == {"objects", "rows", "parameters", "functions", "claim"}
    run_until_sites_are_cleaned(stage)
    assert list_contents(stage, site) == {}
    queues = {site.revalidation_queue_url, site.revalidation_dead_letter_queue_url}
    assert set(stage.platform.queues.purged) == queues


def test_the_audit_log_of_the_former_owner_is_left(stage: ReleasePlatform) -> None:
    """A7: entries belong to the owner of the project, and not to the site."""
    create_freed_site(stage)
    entries = read_rows(stage.platform.database, (AUDIT,))
    actions = sorted(each["action"]["S"] for each in entries)
    assert actions == ["project.delete", "release.live", "release.live"]
    run_until_sites_are_cleaned(stage)
    create_project(stage, OTHER)
    assert read_rows(stage.platform.database, (AUDIT,)) == entries


def test_lists_with_several_pages_are_removed_completely(stage: ReleasePlatform) -> None:
    site = create_freed_site(stage)
    stage.functions.page = stage.objects.page = 1
    stage.tags.page = 7
    run_until_sites_are_cleaned(stage)
    assert list_contents(stage, site) == {}


def test_another_tenant_gets_the_site_after_its_cleaning_and_can_release(stage: ReleasePlatform) -> None:
    site = create_freed_site(stage)
    at = stage.platform.clock()
    for hours in (0, 1, 2, 24):
        run_collector(stage, at + hours * HOUR)
        with pytest.raises(SiteUnavailableError):
            create_project(stage, OTHER)
    run_collector(stage, at + 26 * HOUR)
    release = stage.create_live(create_project(stage, OTHER))
    assert stage.platform.read_statuses(release) == ["live"]
    server = stage.functions.functions[site.server_function]
    assert len(server.versions) == 1
    assert SECRET not in json.dumps([dict(server.variables), dict(server.versions)])


def test_the_functions_are_stopped_when_the_last_release_was_collected(stage: ReleasePlatform) -> None:
    """From then on, no code of the former tenant gets new credentials, so the day begins."""
    site = create_freed_site(stage)
    at = stage.platform.clock()
    run_collector(stage, at)
    assert "functions" in list_contents(stage, site)
    run_collector(stage, at + HOUR)
    left = list_contents(stage, site)
    assert left.keys() == {"objects", "rows", "parameters", "claim"}
    assert "cleaningAt" not in left["claim"]
    assert not any("cache/" in key or "assets/" in key for key in left["objects"])


def test_a_site_is_not_cleaned_within_a_day_of_its_stop(stage: ReleasePlatform) -> None:
    site = create_freed_site(stage)
    at = stage.platform.clock()
    for moment in (at, at + 1 * HOUR):
        run_collector(stage, moment)
    run_collector(stage, at + QUARANTINE - timedelta(seconds=1))
    assert list_contents(stage, site).keys() >= {"rows", "parameters", "claim"}


def test_a_site_with_a_release_that_cannot_be_collected_is_not_stopped(stage: ReleasePlatform) -> None:
    """Otherwise, the edge would keep keys that only the files of the release name."""
    site = create_freed_site(stage)
    at = stage.platform.clock()
    run_collector(stage, at)
    stage.objects.refused = "assets/next-site/file"
    run_collector(stage, at + HOUR)
    assert "functions" in list_contents(stage, site)
    stage.objects.refused = None
    run_collector(stage, at + 2 * HOUR)
    assert "functions" not in list_contents(stage, site)


def test_releases_of_an_earlier_project_of_the_same_tenant_delay_the_stop(stage: ReleasePlatform) -> None:
    site = create_freed_site(stage)
    at = stage.platform.clock()
    run_collector(stage, at)
    again = create_project(stage, OWNER)
    stage.deletion.delete(OWNER, again.project_id)
    stage.objects.refused = "assets/next-site/file"
    run_collector(stage, at + HOUR)
    assert "functions" in list_contents(stage, site)


def test_the_former_owner_keeps_a_site_that_it_uses_again(stage: ReleasePlatform) -> None:
    site = create_freed_site(stage)
    at = stage.platform.clock()
    for moment in (at, at + HOUR):
        run_collector(stage, moment)
    release = stage.create_live(create_project(stage, OWNER))
    for hours in (2, 26, 50):
        run_collector(stage, at + hours * HOUR)
    assert stage.platform.reload(release).release
    assert stage.functions.functions[site.server_function].aliases.keys() >= {"live"}
    claim = read_claim(stage, site)
    assert claim is not None
    assert "freedAt" not in claim


@pytest.mark.parametrize("runs", [(0, 1), (0, 1, 26)])
def test_nobody_gets_a_site_while_something_is_removed(stage: ReleasePlatform, runs: tuple[int, ...]) -> None:
    create_freed_site(stage)
    at = stage.platform.clock()
    for hours in runs[:-1]:
        run_collector(stage, at + hours * HOUR)
    refused: list[str] = []

    def create_projects(operation: str) -> None:
        if operation == "purge_queue":
            for user in (OWNER, OTHER):
                with pytest.raises(SiteUnavailableError):
                    create_project(stage, user)
                refused.append(user)

    stage.platform.calls.before = create_projects
    run_collector(stage, at + runs[-1] * HOUR)
    assert refused[:2] == [OWNER, OTHER]


def test_the_next_run_completes_a_cleaning_after_a_crash_at_any_call(stage: ReleasePlatform) -> None:
    crashes = 0
    while True:
        site = create_freed_site(stage)
        at = stage.platform.clock()
        if not stage.platform.calls.crash_during(
            lambda: run_until_sites_are_cleaned(stage), after=crashes + 1
        ):
            break
        for hours in (27, 28, 54):
            run_collector(stage, at + hours * HOUR)
        assert list_contents(stage, site) == {}
        crashes += 9
    assert crashes > 90


def test_a_run_without_time_continues_in_the_next_hour(
    stage: ReleasePlatform, capsys: pytest.CaptureFixture[str]
) -> None:
    site = create_freed_site(stage)
    at = stage.platform.clock()
    for hours in (0, 1):
        run_collector(stage, at + hours * HOUR)
    minutes = iter(range(0, 600, 3))
    slow = evolve(stage.cleaner, clock=lambda: at + 26 * HOUR + timedelta(minutes=next(minutes)))
    short = evolve(stage.collector, clock=lambda: at + 26 * HOUR, cleaner=slow)
    run_collector(stage, at + 26 * HOUR, short)
    assert "the next run continues the cleaning" in capsys.readouterr().out
    assert list_contents(stage, site).keys() >= {"rows", "claim"}
    run_collector(stage, at + 27 * HOUR)
    assert list_contents(stage, site) == {}


def test_a_throttled_cleaning_is_repeated_and_a_permanent_error_is_raised(stage: ReleasePlatform) -> None:
    site = create_freed_site(stage)
    at = stage.platform.clock()
    for hours in (0, 1):
        run_collector(stage, at + hours * HOUR)
    refuse_calls(stage, "scan", make_client_error("ThrottlingException", "Scan"))
    run_collector(stage, at + 26 * HOUR)
    refuse_calls(stage, "scan", make_client_error("AccessDeniedException", "Scan"))
    with pytest.raises(CollectionFailedError, match="1 releases or sites"):
        run_collector(stage, at + 27 * HOUR)
    assert "claim" in list_contents(stage, site)
    stage.platform.calls.before = lambda _: None
    run_collector(stage, at + 28 * HOUR)
    assert list_contents(stage, site) == {}


@pytest.mark.parametrize("operation", ["purge_queue", "list_aliases", "update_function_code"])
def test_a_refused_call_is_reported_and_the_site_stays_in_quarantine(
    stage: ReleasePlatform, operation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    site = create_freed_site(stage)
    at = stage.platform.clock()
    run_collector(stage, at)

    def refuse_call(called: str) -> None:
        # The collection of the releases, which is before the first purge, makes some of these calls, too.
        if called == operation and stage.platform.retention.list_held_releases() == []:
            raise make_client_error("AccessDeniedException", called)

    stage.platform.calls.before = refuse_call
    with pytest.raises(CollectionFailedError):
        run_collector(stage, at + HOUR)
    stage.platform.calls.before = lambda _: None
    assert "a site cannot be cleaned" in capsys.readouterr().out
    for user in (OWNER, OTHER):
        with pytest.raises(SiteUnavailableError):
            create_project(stage, user)
    for hours in (2, 27):
        run_collector(stage, at + hours * HOUR)
    assert list_contents(stage, site) == {}


def test_rows_that_dynamodb_does_not_process_are_deleted_again(stage: ReleasePlatform) -> None:
    rows: Any = BusyTable([{"tag": {"S": str(number)}, "path": {"S": "-"}} for number in range(60)])
    remover = evolve(stage.cleaner.contents.tags, client=rows)
    assert sum(remover.remove_pages("tags")) == 60
    assert rows.keys == []


def test_a_table_that_stays_busy_is_cleaned_by_a_later_run(stage: ReleasePlatform) -> None:
    rows: Any = BusyTable([{"tag": {"S": "a"}, "path": {"S": "-"}}], processed=0)
    remover = evolve(stage.cleaner.contents.tags, client=rows)
    with pytest.raises(TagsUnprocessedError):
        sum(remover.remove_pages("tags"))


def test_each_part_gets_the_client_of_its_service_and_its_bucket() -> None:
    clients: dict[str, object] = {}
    cleaner = SiteCleaner.from_clients(
        lambda service: clients.setdefault(service, object()),
        projects_table="projects",
        assets="files",
        artifacts="builds",
        clock=lambda: datetime(2026, 1, 31, tzinfo=UTC),
        pause=lambda _: None,
        jitter=lambda: 0.5,
    )
    contents = cleaner.contents
    assert clients.keys() == {"dynamodb", "lambda", "s3", "sqs", "ssm"}
    assert (contents.assets.bucket, contents.artifacts.bucket) == ("files", "builds")
    assert (cleaner.sites.table, cleaner.quarantine.table) == ("projects", "projects")
    assert contents.functions.client is contents.functions.changes.client is clients["lambda"]


def test_a_purge_that_is_in_progress_is_no_error(stage: ReleasePlatform) -> None:
    site = create_freed_site(stage)
    error = make_client_error("AWS.SimpleQueueService.PurgeQueueInProgress", "PurgeQueue")
    refuse_calls(stage, "purge_queue", error)
    run_until_sites_are_cleaned(stage)
    assert list_contents(stage, site) == {}


def test_only_the_last_of_two_concurrent_runs_ends_its_step(stage: ReleasePlatform) -> None:
    """Otherwise, the earlier run would go on removing after the site was given to somebody."""
    site = create_freed_site(stage)
    at = stage.platform.clock()
    for hours in (0, 1):
        run_collector(stage, at + hours * HOUR)

    def run_again(operation: str) -> None:
        if operation == "scan":
            stage.platform.calls.before = lambda _: None
            run_collector(stage, at + 26 * HOUR)
            assert list_contents(stage, site) == {}
            create_project(stage, OTHER)

    stage.platform.calls.before = run_again
    run_collector(stage, at + 26 * HOUR)
    claim = read_claim(stage, site)
    assert claim is not None
    assert "freedAt" not in claim


def test_a_site_of_an_earlier_version_has_no_dead_letter_queue_in_its_row(stage: ReleasePlatform) -> None:
    site = create_freed_site(stage)
    old = to_row(
        evolve(site, revalidation_dead_letter_queue_url=None), projectId=f"SITE#{site.site}", sk="SITE"
    )
    stage.platform.database.put_item(TableName=PROJECTS, Item=old)
    run_until_sites_are_cleaned(stage)
    assert set(stage.platform.queues.purged) == {site.revalidation_queue_url}


def test_functions_that_do_not_exist_need_no_cleaning(stage: ReleasePlatform) -> None:
    site = create_freed_site(stage)
    at = stage.platform.clock()
    for hours in (0, 1):
        run_collector(stage, at + hours * HOUR)
    removed = stage.functions.functions.pop(site.image_function)
    run_collector(stage, at + 26 * HOUR)
    stage.functions.functions[site.image_function] = removed
    assert list_contents(stage, site) == {}


def test_sites_in_use_are_left_alone(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    create_releases(stage, project, 1)
    before = list_contents(stage, stage.get_site(project))
    run_until_sites_are_cleaned(stage)
    assert list_contents(stage, stage.get_site(project)) == before


def test_a_crash_between_two_steps_does_not_free_the_site(stage: ReleasePlatform) -> None:
    create_freed_site(stage)
    at = stage.platform.clock()
    for hours in (0, 1):
        run_collector(stage, at + hours * HOUR)

    def crash(operation: str) -> None:
        if operation == "scan":
            raise CrashError

    stage.platform.calls.before = crash
    with pytest.raises(CrashError):
        run_collector(stage, at + 26 * HOUR)
    stage.platform.calls.before = lambda _: None
    for user in (OWNER, OTHER):
        with pytest.raises(SiteUnavailableError):
            create_project(stage, user)
