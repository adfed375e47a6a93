"""E1: responses of an older platform version in the edge cache are invalidated once."""

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from runtime.deploy.upkeep.edge_cache import GENERATION, GENERATION_KEY
from tests.runtime.calls import make_client_error
from tests.runtime.releases.release_fixture import DISTRIBUTION_ID, ReleasePlatform
from tests.runtime.upkeep.collection import HOUR, create_releases, run_collector


def test_the_edge_cache_is_invalidated_once(stage: ReleasePlatform) -> None:
    at = stage.platform.clock()
    run_collector(stage, at)
    run_collector(stage, at + HOUR)
    ((distribution, reference, paths),) = stage.cloudfront.invalidations
    assert (distribution, paths) == (DISTRIBUTION_ID, ["/*"])
    assert reference.startswith(f"generation-{GENERATION}-")
    assert stage.store.items[GENERATION_KEY] == GENERATION


def test_responses_of_an_older_generation_are_invalidated(stage: ReleasePlatform) -> None:
    stage.store.items[GENERATION_KEY] = "0"
    run_collector(stage, stage.platform.clock())
    assert len(stage.cloudfront.invalidations) == 1


def test_a_refused_invalidation_is_retried_and_does_not_block_the_collection(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    create_releases(stage, project, 5)
    del stage.store.items[GENERATION_KEY]

    def refuse_call(operation: str) -> None:
        if operation == "create_invalidation":
            raise make_client_error("AccessDenied", operation)

    stage.platform.calls.before = refuse_call
    at = stage.platform.clock()
    with pytest.raises(ClientError, match="AccessDenied"):
        run_collector(stage, at)
    assert GENERATION_KEY not in stage.store.items
    held = stage.platform.retention.list_held_releases()
    assert any(each.collected_at for each in held), "the collection ran"

    stage.platform.calls.before = lambda _: None
    run_collector(stage, at + HOUR)
    assert len(stage.cloudfront.invalidations) == 1


@pytest.mark.parametrize("operation", ["create_invalidation", "update_keys"])
def test_a_throttled_invalidation_is_retried_by_the_next_run(stage: ReleasePlatform, operation: str) -> None:
    def throttle_call(called: str) -> None:
        if called == operation:
            raise make_client_error("ThrottlingException", operation)

    stage.platform.calls.before = throttle_call
    at = stage.platform.clock()
    run_collector(stage, at)
    assert GENERATION_KEY not in stage.store.items

    stage.platform.calls.before = lambda _: None
    run_collector(stage, at + HOUR)
    assert stage.store.items[GENERATION_KEY] == GENERATION


def test_a_call_with_wrong_parameters_is_not_treated_as_temporary(stage: ReleasePlatform) -> None:
    """Q2: the function fails, so that its alarm reports the bug."""

    def refuse_call(operation: str) -> None:
        if operation == "create_invalidation":
            raise ParamValidationError(report="Unknown parameter")

    stage.platform.calls.before = refuse_call
    with pytest.raises(ParamValidationError):
        run_collector(stage, stage.platform.clock())


def test_the_next_run_invalidates_again_if_the_generation_was_not_recorded(stage: ReleasePlatform) -> None:
    """E1: CloudFront refuses a used caller reference, so each run uses a new one."""
    at = stage.platform.clock()
    run_collector(stage, at)
    del stage.store.items[GENERATION_KEY]
    run_collector(stage, at + HOUR)
    assert len(stage.cloudfront.invalidations) == 2
