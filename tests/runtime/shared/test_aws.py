"""The functions' AWS clients."""

from typing import Any

import boto3
import botocore
import pytest

from runtime.shared import aws
from tests.runtime.calls import REGION


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 - a cached function
    """The function that creates and caches clients. Its cache is empty before and after each test."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    aws.client.cache_clear()
    yield aws.client
    aws.client.cache_clear()


@pytest.mark.usefixtures("aws")
def test_requests_have_the_platforms_user_agent(clients: Any) -> None:  # noqa: ANN401 - a cached function
    """CloudTrail shows this user agent. Each client stores it, so boto3 does not build it again."""
    asked: list[str] = []
    client = clients("dynamodb")
    client.meta.events.register(
        "before-send", lambda request, **_: asked.append(request.headers["User-Agent"])
    )
    client.list_tables()
    (agent,) = (each.decode() if isinstance(each, bytes) else each for each in asked)
    assert agent == f"Boto3/{boto3.__version__} anchor-deploy Botocore/{botocore.__version__}"


def test_a_process_has_one_client_of_a_service(clients: Any) -> None:  # noqa: ANN401 - a cached function
    assert clients("dynamodb") is clients("dynamodb")
