"""E1: what an older version of the platform left in the edge's cache is invalidated once."""

import pytest
from botocore.exceptions import ClientError

from runtime.deploy.upkeep.edge_cache import GENERATION, GENERATION_KEY
from tests.runtime.calls import client_error
from tests.runtime.releases.release_fixture import DISTRIBUTION_ID, ReleaseWorld
from tests.runtime.upkeep.collection import HOUR, releases, run


def test_everything_is_invalidated_once(stage: ReleaseWorld) -> None:
    at = stage.world.clock()
    run(stage, at)
    run(stage, at + HOUR)
    ((distribution, reference, paths),) = stage.cloudfront.invalidations
    assert (distribution, paths) == (DISTRIBUTION_ID, ["/*"])
    assert reference.startswith(f"generation-{GENERATION}-")
    assert stage.store.items[GENERATION_KEY] == GENERATION


def test_an_older_generation_is_invalidated(stage: ReleaseWorld) -> None:
    stage.store.items[GENERATION_KEY] = "0"
    run(stage, stage.world.clock())
    assert len(stage.cloudfront.invalidations) == 1


def test_a_refused_invalidation_is_tried_again_and_holds_up_no_collection(stage: ReleaseWorld) -> None:
    project = stage.project()
    releases(stage, project, 5)
    del stage.store.items[GENERATION_KEY]

    def refuse(operation: str) -> None:
        if operation == "create_invalidation":
            raise client_error("AccessDenied", operation)

    stage.world.calls.before = refuse
    at = stage.world.clock()
    with pytest.raises(ClientError, match="AccessDenied"):
        run(stage, at)
    assert GENERATION_KEY not in stage.store.items
    assert any(each.collected_at for each in stage.world.retention.list_held()), "the collection went on"

    stage.world.calls.before = lambda _: None
    run(stage, at + HOUR)
    assert len(stage.cloudfront.invalidations) == 1


@pytest.mark.parametrize("operation", ["create_invalidation", "update_keys"])
def test_a_busy_aws_is_asked_again_by_the_next_run(stage: ReleaseWorld, operation: str) -> None:
    def busy(called: str) -> None:
        if called == operation:
            raise client_error("ThrottlingException", operation)

    stage.world.calls.before = busy
    at = stage.world.clock()
    run(stage, at)
    assert GENERATION_KEY not in stage.store.items

    stage.world.calls.before = lambda _: None
    run(stage, at + HOUR)
    assert stage.store.items[GENERATION_KEY] == GENERATION


def test_a_crash_before_the_generation_is_noted_invalidates_again(stage: ReleaseWorld) -> None:
    """CloudFront refuses a reference that was used before: each run has its own."""
    at = stage.world.clock()
    run(stage, at)
    del stage.store.items[GENERATION_KEY]
    run(stage, at + HOUR)
    assert len(stage.cloudfront.invalidations) == 2


def test_no_host_can_be_the_generations_key() -> None:
    """The viewer-request function looks up hosts of letters, digits, dots and hyphens only."""
    assert "_" in GENERATION_KEY
