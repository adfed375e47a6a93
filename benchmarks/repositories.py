"""CPU time of the repositories, compared with the raw client, boto3's Table resource and PynamoDB."""

import gc
import random
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import boto3
from attrs import asdict, evolve, fields, frozen

from benchmarks.emulator import run_emulator
from benchmarks.model import Goal, Measurement, Report, ShowProgress
from benchmarks.pynamo_models import (
    PYNAMO_DEPLOYMENTS,
    PYNAMO_JOBS,
    PynamoDeployment,
    PynamoRelease,
    connect_models,
)
from benchmarks.repository_contenders import (
    AT,
    DEPLOYMENTS,
    JOBS,
    PAGE,
    Contender,
    PynamoModels,
    RawClient,
    Repositories,
    TableResource,
    TestData,
)
from runtime.deploy.model import Deployment, Release, Source, Status
from runtime.shared.aws import create_default_config
from runtime.shared.converters import to_row
from runtime.shared.ids import make_ulid_generator
from runtime.shops.model import Job

OPERATIONS: Final = ("get", "create", "update", "list")
RAW_GOAL: Final = Goal(bound=1.15)
PYNAMO_GOAL: Final = Goal(bound=1.5, kind="at least")
RELEASE: Final = Release(
    alias="r-01kg9p7av86cqrp4h410zx4bw9",
    server_version="12",
    server_origin="abcdefghijklmnop.lambda-url.ap-southeast-1.on.aws",
    image_version="7",
    image_origin="qrstuvwxyzabcdef.lambda-url.ap-southeast-1.on.aws",
    host="01kg9p7av86cqrp4h410zx4bw9--shop.example.com",
    url="https://01kg9p7av86cqrp4h410zx4bw9--shop.example.com",
)
_METHOD: Final = """\
Four implementations run the same four operations on one emulator, which is a separate process. The
operations are: `get` a deployment by its key (16 attributes, one of them a map), `create` a job (a
conditional put of 9 attributes), `update` a deployment (a conditional update that returns the whole row)
and `list` a page of {page} deployments. The implementation with the raw client uses handwritten
dictionaries for requests, and parses responses, including times, by hand. The raw client has the settings
of the functions' client. Like PynamoDB's client, it does not validate parameters. boto3's Table resource
has default settings. CPU seconds of the calling thread are measured. Each implementation makes {calls}
calls in a turn, and has {rounds} turns. The order of the turns is random, and the fastest turn of each
implementation counts."""
_LIMIT: Final = """\
The raw call takes at least {least:.0%} of the time of an operation. In this call, boto3 and botocore
build, sign and send the request, and parse the response. PynamoDB uses botocore, too. Therefore no
repository based on botocore can be 1.5 times as fast as another one. A faster repository would have to
build, sign and send requests itself, with its own handling of credentials, retries and endpoints. This is
not worth the risk."""


@frozen(kw_only=True)
class Row:
    """The CPU time of one operation.

    Attributes:
        operation: The name of the operation.
        microseconds: The CPU time of one call, by the name of the contender.
    """

    operation: str
    microseconds: Mapping[str, float]

    def compute_time_ratio(self, contender: str, reference: str) -> float:
        """Return the time of a contender divided by the time of the contender `reference`."""
        return self.microseconds[contender] / self.microseconds[reference]


def measure(show_progress: ShowProgress, *, rounds: int = 30, calls: int = 5) -> Report:
    """Measure every operation with every contender.

    Args:
        show_progress: Shows the progress.
        rounds: Number of turns of each contender.
        calls: Number of calls in each turn.
    """
    with run_emulator() as connection:
        contenders = _create_contenders(connection)
        rows = [
            _measure_operation(operation, contenders, show_progress, rounds, calls)
            for operation in OPERATIONS
        ]
    least = min(1 / row.compute_time_ratio(Repositories.name, RawClient.name) for row in rows)
    limit = _LIMIT.format(least=least)
    return Report(
        title="Repositories",
        method=_METHOD.format(page=PAGE, rounds=rounds, calls=calls),
        measurements=tuple(each for row in rows for each in _create_measurements(row, limit)),
    )


def _create_measurements(row: Row, limit: str) -> Sequence[Measurement]:
    us = row.microseconds
    return (
        Measurement(
            name=f"{row.operation}: repository to raw client",
            value=row.compute_time_ratio(Repositories.name, RawClient.name),
            goal=RAW_GOAL,
            detail=f"{us[Repositories.name]:.0f} us to {us[RawClient.name]:.0f} us",
        ),
        Measurement(
            name=f"{row.operation}: boto3's Table resource to repository",
            value=row.compute_time_ratio(TableResource.name, Repositories.name),
            detail=f"{us[TableResource.name]:.0f} us to {us[Repositories.name]:.0f} us",
        ),
        Measurement(
            name=f"{row.operation}: PynamoDB to repository",
            value=row.compute_time_ratio(PynamoModels.name, Repositories.name),
            goal=PYNAMO_GOAL,
            detail=f"{us[PynamoModels.name]:.0f} us to {us[Repositories.name]:.0f} us",
            remark=limit,
        ),
    )


def _create_contenders(connection: Mapping[str, str]) -> Sequence[Contender]:
    # This client has the settings of the functions' clients, because default settings make raw calls slower.
    client: Any = boto3.client("dynamodb", config=create_default_config("dynamodb"), **connection)
    for table in (DEPLOYMENTS, PYNAMO_DEPLOYMENTS):
        _create_table(client, table, "projectId", "deploymentId")
    for table in (JOBS, PYNAMO_JOBS):
        _create_table(client, table, "jobId")
    connect_models(connection)
    deployments = _make_deployments()
    for deployment in deployments:
        client.put_item(TableName=DEPLOYMENTS, Item=to_row(deployment))
        _to_pynamo(deployment).save()
    job = Job.queued("shop.example.com", "import-products", job_id="", at=AT)
    ids = make_ulid_generator(lambda: AT, random.Random(7).randbytes)  # noqa: S311 - not for security
    data = TestData(deployment=deployments[0], release=RELEASE, new_job=lambda: evolve(job, job_id=ids()))
    resource: Any = boto3.resource("dynamodb", **connection)
    return (
        RawClient(client, data),
        Repositories.from_client(client, data),
        TableResource(resource.Table(DEPLOYMENTS), resource.Table(JOBS), data),
        PynamoModels(data),
    )


def _create_table(client: Any, table: str, *keys: str) -> None:  # noqa: ANN401 - clients have no type
    client.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[
            {"AttributeName": key, "KeyType": kind}
            for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
        ],
    )


def _to_pynamo(deployment: Deployment) -> PynamoDeployment:
    """Return a deployment as a PynamoDB model."""
    values: dict[str, Any] = {
        each.name: value
        for each in fields(Deployment)
        if (value := getattr(deployment, each.name)) is not None
    }
    values |= {"status": deployment.status.value, "source": deployment.source.value}
    values["release"] = PynamoRelease(**asdict(RELEASE, filter=lambda _, value: bool(value)))
    return PynamoDeployment(**values)


def _make_deployments() -> Sequence[Deployment]:
    """Return deployments of one project: one more than a page can contain. Their status is `deploying`."""
    ids = make_ulid_generator(lambda: AT, random.Random(1).randbytes)  # noqa: S311 - not for security
    project_id = ids()
    return [
        Deployment(
            project_id=project_id,
            deployment_id=ids(),
            user_id="7c9e6679-7425-40de-944b-e07fc1f90ae7",
            site="shop",
            sequence=number,
            status=Status.DEPLOYING,
            branch="main",
            commit_sha=f"{number:040x}",
            commit_message="Show the basket's sum while something is added to it",
            commit_author="Octocat",
            source=Source.PUSH,
            created_at=AT,
            updated_at=AT,
            build_id="anchor-dev-site-shop-build:6b1d0a0c-6f43-4f4b-a7d3-0d6d3b3ad7c5",
            release=RELEASE,
            live_at=AT,
        )
        for number in range(1, PAGE + 2)
    ]


def _measure_operation(
    operation: str, contenders: Sequence[Contender], show_progress: ShowProgress, rounds: int, calls: int
) -> Row:
    show_progress(f"repositories: {operation}")
    order = random.Random(operation)  # noqa: S311 - not for security
    fastest: dict[str, float] = {}
    for turn in range(rounds + 1):
        for contender in order.sample(contenders, len(contenders)):
            took = _measure_cpu_time(getattr(contender, operation), calls)
            if turn:  # the first turn is a warm-up
                fastest[contender.name] = min(took, fastest.get(contender.name, took))
    return Row(operation=operation, microseconds=fastest)


def _measure_cpu_time(call: Callable[[], object], calls: int) -> float:
    """Return the CPU time of one call in this thread, in microseconds."""
    with _disable_garbage_collection():
        before = time.thread_time()
        for _ in range(calls):
            call()
        return (time.thread_time() - before) / calls * 1e6


@contextmanager
def _disable_garbage_collection() -> Generator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
