"""The handlers as Lambda calls them: they read environment variables, and they import few modules."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.deploy.handlers import api, build_events, orchestrator, webhook
from runtime.deploy.model import Site
from runtime.shared import aws as clients
from runtime.shared.converters import from_row
from tests.components.recorder import record_stage
from tests.runtime.calls import get_real_client
from tests.runtime.events import make_api_event, make_build_state_event, make_delivery_event, make_sqs_event
from tests.runtime.platform_fixture import OWNER, Platform, make_build_message
from tests.runtime.tables import AUDIT, DEPLOYMENTS, PROJECTS

ROOT = Path(__file__).parents[2]
PUSH = (ROOT / "examples" / "github-webhooks" / "push.json").read_bytes()
HANDLERS = (webhook, orchestrator, build_events, api)


def clear_caches() -> None:
    for handler in HANDLERS:
        handler.get_service.cache_clear()
    clients.client.cache_clear()


@pytest.fixture
def deployed_platform(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """The platform on moto. The environment variables of its functions name its tables, queues and key."""
    sqs = get_real_client("sqs")
    kms = get_real_client("kms")
    environment = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "PROJECTS_TABLE": PROJECTS,
        "DEPLOYMENTS_TABLE": DEPLOYMENTS,
        "AUDIT_TABLE": AUDIT,
        "BUILD_QUEUE_URL": sqs.create_queue(QueueName="builds")["QueueUrl"],
        "RELEASE_QUEUE_URL": sqs.create_queue(QueueName="releases.fifo", Attributes={"FifoQueue": "true"})[
            "QueueUrl"
        ],
        "SIGNING_KEY_ARN": kms.create_key(KeyUsage="GENERATE_VERIFY_MAC", KeySpec="HMAC_256")["KeyMetadata"][
            "Arn"
        ],
        "SECRETS_KEY_ARN": "alias/secrets",
        "DEPLOY_KEYS_PATH": "/anchor/dev/deploy-keys",
        "ARTIFACTS_BUCKET": "artifacts",
        "LOGS_BUCKET": "logs",
        "CONCURRENT_BUILDS": "10",
        "MAX_RECEIVE_COUNT": "5",
        "MAX_PROJECTS": "20",
        "MAX_BUILD_MINUTES_PER_DAY": "600",
        "MAX_MANUAL_DEPLOYMENTS_PER_HOUR": "30",
        "MAX_QUEUED_DEPLOYMENTS": "50",
        "API_ENDPOINT": "https://api.example.com",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    clear_caches()
    yield platform
    clear_caches()


def receive_bodies(url: str) -> list[dict[str, Any]]:
    return [
        json.loads(message["Body"])
        for message in get_real_client("sqs").receive_message(QueueUrl=url).get("Messages", [])
    ]


def test_a_push_travels_through_the_functions_to_the_release_queue(
    deployed_platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P1, P5, P7, A2: the handlers and boto3's clients take a new project to its first `built` deployment.

    Only CodeBuild is a fake.
    """
    deployed_platform.declare_site("next-site")
    body = {
        "name": "My site",
        "site": "next-site",
        "repositoryUrl": "https://github.com/Codertocat/Hello-World",
        "branch": "master",
    }
    made = json.loads(api.handle(make_api_event("POST /projects", user_id=OWNER, body=body), None)["body"])
    event = make_delivery_event(made["projectId"], made["webhook"]["secret"], PUSH)
    response = webhook.handle(event, None)
    assert response["statusCode"] == 202
    environment = clients.client("sqs").meta
    assert environment.region_name == "ap-southeast-1"
    queue = get_real_client("sqs").get_queue_url(QueueName="builds")["QueueUrl"]
    (message,) = receive_bodies(queue)
    assert message["deploymentId"] == json.loads(response["body"])["deploymentId"]

    # Use the fake here, because moto's CodeBuild does not support idempotency tokens, and does not support
    # artifacts of projects without a source (NO_SOURCE).
    codebuild = deployed_platform.calls.wrap_client("codebuild", deployed_platform.codebuild)
    real = clients.client
    monkeypatch.setattr(clients, "client", lambda name: codebuild if name == "codebuild" else real(name))
    assert orchestrator.handle(make_sqs_event(json.dumps(message)), None) == {"batchItemFailures": []}
    monkeypatch.setattr(clients, "client", real)
    deployment = deployed_platform.deployments.get(message["projectId"], message["deploymentId"])
    assert deployment.status == "building"

    build_events.handle(make_build_state_event(deployment), None)
    assert deployed_platform.read_statuses(deployment) == ["built"]
    releases = get_real_client("sqs").get_queue_url(QueueName="releases.fifo")["QueueUrl"]
    assert receive_bodies(releases) == [json.loads(make_build_message(deployment).to_body())]


def test_the_row_that_the_program_writes_for_a_site_can_be_read() -> None:
    rows = [
        resource.inputs
        for resource in record_stage("dev")
        if resource.type == "aws:dynamodb/tableItem:TableItem" and resource.name.startswith("site-")
    ]
    assert rows
    for row in rows:
        item = json.loads(row["item"])
        site = from_row(item, Site)
        assert row["tableName"] == PROJECTS
        assert (item["projectId"]["S"], item["sk"]["S"]) == (f"SITE#{site.site}", "SITE")
        assert site.build_url().startswith("https://")


def test_the_list_of_sites_that_the_program_writes_can_be_read(platform: Platform) -> None:
    items = [
        {"TableName": resource.inputs["tableName"], "Item": json.loads(resource.inputs["item"])}
        for resource in record_stage("production")
        if resource.type == "aws:dynamodb/tableItem:TableItem"
    ]
    for item in items:
        platform.database.put_item(**{**item, "TableName": PROJECTS})
    listed = platform.project_service.sites.list_all()
    assert [each.site.site for each in listed] == sorted(
        item["Item"]["site"]["S"] for item in items if "site" in item["Item"]
    )


def test_importing_a_handler_loads_nothing_but_boto3_and_cattrs_and_makes_no_client() -> None:
    """Imports and new clients make each cold start longer."""
    program = """
import sys
import boto3, botocore.config, attrs, cattrs, cattrs.gen
before = set(sys.modules)
made = []
boto3.client = lambda *arguments, **more: made.append(arguments)
import runtime.deploy.handlers.api, runtime.deploy.handlers.webhook
import runtime.deploy.handlers.orchestrator, runtime.deploy.handlers.build_events
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(new - set(sys.stdlib_module_names)), made)
"""
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "['runtime'] []"
