"""Checks of the functions, their queues and their layers."""

import io
import json
import re
import urllib.request
import zipfile
from typing import Any, Final

import boto3
import botocore

from first_account.model import Check, Finding, Permission, Stage, create_finding, create_pending_finding

_FUNCTIONS: Final = "arn:aws:lambda:REGION:ACCOUNT:function:anchor-STAGE-*"
_QUEUES: Final = "arn:aws:sqs:REGION:ACCOUNT:anchor-STAGE-*"
_LIST_FUNCTIONS: Final = Permission(action="lambda:ListFunctions")
_RECURSIVE_FUNCTION: Final = "orchestrator"
# Number of concurrent executions that the functions of the platform and of some sites need.
_CONCURRENCY: Final = 100
_DEFAULT_CONCURRENCY: Final = 1000  # of an account without restrictions
_RECEIVES: Final = 5
_VERSION: Final = re.compile(r"""^__version__ = ["']([\d.]+)["']""", re.MULTILINE)


def check_concurrency(stage: Stage) -> Finding:
    """Check the account's concurrency, and that it is reserved for the platform if there is enough."""
    limits = stage.client("lambda").get_account_settings()["AccountLimit"]
    limit, unreserved = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]
    shown = f"{limit} concurrent executions, {unreserved} of them unreserved"
    is_missing = limit >= _DEFAULT_CONCURRENCY and unreserved == limit
    return create_finding([shown] if limit < _CONCURRENCY or is_missing else [], shown)


def check_recursion(stage: Stage) -> Finding:
    """Check that only the orchestrator may be part of a recursive loop."""
    client = stage.client("lambda")
    problems: list[str] = []
    for function in stage.list_functions():
        name = function["FunctionName"]
        found = client.get_function_recursion_config(FunctionName=name)["RecursiveLoop"]
        expected = "Allow" if name == f"{stage.prefix}-{_RECURSIVE_FUNCTION}" else "Terminate"
        if found != expected:
            problems.append(f"{name} has {found}, not {expected}")
    return create_finding(problems, f"only {_RECURSIVE_FUNCTION} has Allow")


def check_event_source_mappings(stage: Stage) -> Finding:
    """Check the event source mapping of each queue that a function reads.

    The mapping must be enabled and have a maximum concurrency, and its queue must permit five receives.
    """
    client = stage.client("lambda")
    queues = _read_redrive_policies(stage)
    problems: list[str] = []
    count = 0
    for function in stage.list_functions():
        name = function["FunctionName"]
        for mapping in client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]:
            queue = str(mapping["EventSourceArn"]).rpartition(":")[2]
            if queue not in queues:
                continue
            count += 1
            if mapping["State"] not in {"Enabled", "Enabling", "Creating"}:
                problems.append(f"the event source mapping of {queue} is {mapping['State']}")
            if not mapping.get("ScalingConfig", {}).get("MaximumConcurrency"):
                problems.append(f"the event source mapping of {queue} has no maximum concurrency")
            receives = int(queues[queue].get("maxReceiveCount", 0))
            if receives < _RECEIVES:
                problems.append(f"{queue} permits {receives} receives")
    if not count:
        problems.append("no function reads a queue")
    return create_finding(problems, f"{count} event source mappings, each with a maximum concurrency")


def _read_redrive_policies(stage: Stage) -> dict[str, dict[str, Any]]:
    """Return the redrive policy of each queue of the stage, or {} for a queue without a redrive policy."""
    client = stage.client("sqs")
    found: dict[str, dict[str, Any]] = {}
    for url in stage.list_queues():
        attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
        found[url.rpartition("/")[2]] = json.loads(
            attributes.get("Attributes", {}).get("RedrivePolicy", "{}")
        )
    return found


def check_dead_letters(stage: Stage) -> Finding:
    """Check that no dead-letter queue contains a message."""
    client = stage.client("sqs")
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    problems: list[str] = []
    for url in stage.list_queues():
        queue = url.rpartition("/")[2]
        if not queue.removesuffix(".fifo").endswith("-dead"):
            continue
        found = client.get_queue_attributes(QueueUrl=url, AttributeNames=list(names))["Attributes"]
        if count := sum(int(found[name]) for name in names):
            problems.append(f"{count} messages in {queue}")
    return create_finding(problems, "all dead-letter queues are empty")


def check_layer_packages(stage: Stage) -> Finding:
    """Check that the layer of the platform's functions contains the boto3 with which the tests ran."""
    client = stage.client("lambda")
    arns = {
        layer["Arn"]
        for function in stage.list_functions()
        for layer in function.get("Layers", [])
        if f":{stage.prefix}-base:" in layer["Arn"]
    }
    tested = {"boto3": boto3.__version__, "botocore": botocore.__version__}
    problems = [] if arns else ["no function has the layer base"]
    for arn in sorted(arns):
        layer, _, version_number = arn.rpartition(":")
        found_layer = client.get_layer_version(LayerName=layer, VersionNumber=int(version_number))
        address = found_layer["Content"]["Location"]
        found = _read_package_versions(address, tuple(tested))
        problems += [
            f"{arn.rpartition('layer:')[2]} has {name} {found[name] or '(none)'}, but {version} was tested"
            for name, version in tested.items()
            if found[name] != version
        ]
    return create_finding(problems, f"boto3 {boto3.__version__} in the layer")


def _read_package_versions(layer_url: str, names: tuple[str, ...]) -> dict[str, str]:
    """Return the versions of packages in a layer, or "" for a missing package."""
    with urllib.request.urlopen(layer_url, timeout=60) as answer:  # noqa: S310 - Lambda gives an HTTPS URL
        archive = zipfile.ZipFile(io.BytesIO(answer.read()))
    found = dict.fromkeys(names, "")
    for name in names:
        file = f"python/{name}/__init__.py"
        if file in archive.namelist():
            version = _VERSION.search(archive.read(file).decode())
            found[name] = version[1] if version else ""
    return found


def check_streaming(stage: Stage) -> Finding:
    """Check that the URLs of released servers stream their answers."""
    client = stage.client("lambda")
    modes: dict[str, str] = {}
    for site in stage.outputs["sites"]:
        name = f"{stage.prefix}-site-{site}-server"
        for each in client.list_function_url_configs(FunctionName=name)["FunctionUrlConfigs"]:
            modes[str(each["FunctionArn"]).partition("function:")[2]] = each["InvokeMode"]
    if not modes:
        return create_pending_finding("no site has a release")
    problems = [f"{name} has {mode}" for name, mode in modes.items() if mode != "RESPONSE_STREAM"]
    return create_finding(problems, f"{len(modes)} URLs with RESPONSE_STREAM")


CHECKS: Final = (
    Check(
        name="concurrency",
        fact=(
            f"The account may run at least {_CONCURRENCY} functions at the same time. With "
            f"{_DEFAULT_CONCURRENCY} or more, the functions of the platform have reserved concurrency."
        ),
        run=check_concurrency,
        permissions=(Permission(action="lambda:GetAccountSettings"),),
        advice=(
            "Ask AWS for more concurrent executions (docs/operations.md, Raise a quota), or set "
            "`accountConcurrency` to the number that was found."
        ),
    ),
    Check(
        name="recursive loops",
        fact="Lambda does not drop calls of the orchestrator, and stops the loops of all other functions.",
        run=check_recursion,
        permissions=(
            _LIST_FUNCTIONS,
            Permission(action="lambda:GetFunctionRecursionConfig", resource=_FUNCTIONS),
        ),
        advice="Run `pulumi up --refresh`.",
    ),
    Check(
        name="consumers",
        fact="Each queue of a function permits five receives. Its event source mapping limits concurrency.",
        run=check_event_source_mappings,
        permissions=(
            _LIST_FUNCTIONS,
            Permission(action="lambda:ListEventSourceMappings"),
            Permission(action="sqs:ListQueues"),
            Permission(action="sqs:GetQueueAttributes", resource=_QUEUES),
        ),
        advice="Run `pulumi up --refresh`.",
    ),
    Check(
        name="dead letters",
        fact="No dead-letter queue contains a message.",
        run=check_dead_letters,
        permissions=(
            Permission(action="sqs:ListQueues"),
            Permission(action="sqs:GetQueueAttributes", resource=_QUEUES),
        ),
        advice="Read the messages and the log of their function (docs/operations.md, Dead letters).",
    ),
    Check(
        name="boto3",
        fact="The functions import the version of boto3 with which the tests ran.",
        run=check_layer_packages,
        permissions=(
            _LIST_FUNCTIONS,
            Permission(
                action="lambda:GetLayerVersion",
                resource="arn:aws:lambda:REGION:ACCOUNT:layer:anchor-STAGE-*",
            ),
        ),
        advice="Run `make package`, then `pulumi up`.",
    ),
    Check(
        name="streaming",
        fact="Visitors get streamed answers, so a page can have more than 6 MB.",
        run=check_streaming,
        permissions=(Permission(action="lambda:ListFunctionUrlConfigs", resource=_FUNCTIONS),),
        advice="Push to the site again: each release creates its own URLs.",
    ),
)
