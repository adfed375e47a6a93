"""All functions of a site with a split server are released together (D7)."""

import json

import pytest

from tests.runtime.calls import CrashError
from tests.runtime.releases.lambda_service import PAGE
from tests.runtime.releases.open_next import make_split_changes
from tests.runtime.releases.release_fixture import (
    ReleasePlatform,
    answer_with_status,
    find_served_deployment_id,
    read_failure,
)


def test_a_split_server_is_released_as_versions_of_one_function(
    stage: ReleasePlatform,
) -> None:
    """D7. The site is below `/docs`. It has a default server function and two more."""
    project = stage.create_project()
    deployment = stage.release(stage.create_built(project, make_split_changes()))
    site, alias = stage.get_site(project), f"r-{deployment.deployment_id.lower()}"
    assert deployment.release
    assert (deployment.release.server_version, deployment.release.split_versions) == ("1", ("2", "3"))
    assert deployment.release.base_path == "/docs"
    server = stage.functions.functions[site.server_function]
    assert server.aliases == {alias: "1", f"{alias}-1": "2", f"{alias}-2": "3", "live": "1"}
    assert len({sha256 for sha256, _ in server.versions.values()}) == 3
    assert all(
        variables["ANCHOR_DEPLOYMENT_ID"] == deployment.deployment_id
        for _, variables in server.versions.values()
    )
    value = json.loads(stage.store.items[site.host])
    host = f"{site.server_function}-{alias}-{{}}.lambda-url.ap-southeast-1.on.aws"
    assert (value["s"], value["b"]) == (deployment.release.server_origin, "/docs")
    assert value["f"] == [[host.format(1), "/docs/api/*", "/docs/users"], [host.format(2), "/docs/feed"]]
    asked = [
        (function, asked, event["requestContext"]["http"]["method"], event["rawPath"])
        for function, asked, event in stage.functions.invoked
    ]
    assert len(asked) == 5  # the first page is requested twice
    assert set(asked) == {
        (site.server_function, alias, "GET", "/docs"),
        (site.server_function, f"{alias}-1", "OPTIONS", "/docs/api/smoke-test"),
        (site.server_function, f"{alias}-2", "OPTIONS", "/docs/feed"),
        (site.image_function, alias, "GET", "/docs/_next/image"),
    }


@pytest.mark.parametrize(
    ("alias_ending", "message"),
    [
        ("-1", "the function api answered OPTIONS /docs/api/smoke-test"),
        ("-2", "the function feed answered OPTIONS /docs/feed"),
    ],
)
def test_a_split_function_that_does_not_respond_fails_the_release(
    stage: ReleasePlatform, alias_ending: str, message: str
) -> None:
    """Requirements D2 and D7."""
    broken = answer_with_status(500)
    stage.functions.answer = lambda function, alias, event: (
        broken(function, alias, event) if alias.endswith(alias_ending) else {"Payload": PAGE}
    )
    project = stage.create_project()
    deployment = stage.release(stage.create_built(project, make_split_changes()))
    assert read_failure(stage, deployment) == ("smoke test", f"{message} with status 500")
    assert find_served_deployment_id(stage, project) is None


@pytest.mark.parametrize("operation", ["publish_version", "create_alias", "create_function_url_config"])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_an_interrupted_split_release_is_resumed(stage: ReleasePlatform, operation: str, at: int) -> None:
    """D2. A split site has several functions. The release is interrupted at the call for one of them."""
    project = stage.create_project()
    deployment = stage.create_built(project, make_split_changes())
    server, seen = stage.get_site(project).server_function, list[str]()

    def crash_at_call(called: str) -> None:
        seen.extend([called] if called == operation else [])
        if seen.count(operation) == at:
            seen.append(operation)
            raise CrashError

    stage.platform.calls.before = crash_at_call
    with pytest.raises(CrashError):
        stage.release(deployment)
    released = stage.release(deployment)
    assert released.status == "live"
    assert released.release
    aliases, alias = stage.functions.functions[server].aliases, released.release.alias
    assert released.release.split_versions == (aliases[f"{alias}-1"], aliases[f"{alias}-2"])
    assert aliases["live"] == aliases[alias] == released.release.server_version
    assert len(set(aliases.values())) == 3
