"""Kills deployments at chosen points, and repairs the stack as docs/operations.md says."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import asdict, define, field, frozen

from local.emulator.emulator import Emulator
from tests.engine.stacks import Stack, kill_group

Pending = dict[str, Any]


@define
class Killer:
    """Kills a running deployment when AWS has created a resource, but Pulumi does not know it yet.

    Only resources that AWS refuses to create a second time are counted.
    """

    _process: subprocess.Popen[str] | None = None
    _remaining: int = 0
    _running: int = 0
    _changed: threading.Condition = field(factory=threading.Condition)

    def count_step(self, verb: str, urn: str) -> None:
        """Count a step of the provider. The provider calls this method from several threads."""
        with self._changed:
            if verb == "create":
                self._running += 1
            if verb == "created":
                self._running -= 1
                self._remaining -= read_type(urn) in IMPORT_IDS
                if self._remaining == 0 and self._process:
                    kill_group(self._process)
                    self._process = None
            self._changed.notify_all()

    def start_and_kill(self, stack: Stack, creations: int) -> None:
        """Start a deployment, and kill it after a number of creations."""
        stack.on_step = self.count_step
        process = stack.project.start("up", "--stack", stack.stage, "--yes", "--skip-preview")
        with self._changed:
            self._remaining, self._process = creations, process
        output, _ = process.communicate()
        with self._changed:
            # Wait for the creations that AWS had accepted before the kill, because they still continue.
            assert self._changed.wait_for(lambda: self._running == 0, timeout=60)
        delete_empty_attributes_file(stack)
        assert process.returncode < 0, f"the deployment ended before the kill: {output}"


def read_type(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def delete_empty_attributes_file(stack: Stack) -> None:
    """Delete the file with the attributes of the state if the file is empty.

    The file is empty if the kill stopped Pulumi before it had written the attributes. docs/operations.md
    contains this step for a state in a folder. A state in S3 has no such file.
    """
    folder = stack.project.state / ".pulumi" / "stacks" / "anchor-deploy"
    file = folder / f"{stack.stage}.json.attrs"
    if file.exists() and file.stat().st_size == 0:
        file.unlink()


def list_pending_creations(stack: Stack) -> list[Pending]:
    """Return the resources whose creation was interrupted. `pulumi up` lists them in a warning."""
    state = stack.get_state()
    known = {resource["urn"] for resource in state["resources"]}
    operations: list[Any] = state.get("pending_operations", [])
    interrupted = {each["resource"]["urn"]: each["resource"] for each in operations}
    return [resource for urn, resource in interrupted.items() if urn not in known]


@frozen(kw_only=True)
class Import:
    """The arguments of `pulumi import` for one resource."""

    type: str
    name: str
    id: str
    parent: str


def find_imports(stack: Stack, pending: Iterable[Pending]) -> list[Import]:
    """Return the imports of the pending resources that AWS created and would refuse to create again."""
    found: list[Import] = []
    for resource in pending:
        find = IMPORT_IDS.get(resource["type"])
        import_id = find(stack.emulator, resource["inputs"]) if find else None
        if import_id is not None:
            name = resource["urn"].rpartition("::")[2]
            found.append(Import(type=resource["type"], name=name, id=import_id, parent=resource["parent"]))
    return found


def delete_table_items(stack: Stack, pending: Iterable[Pending]) -> None:
    """Delete the table items whose creation was interrupted.

    The provider cannot import such an item, and refuses to overwrite it.
    """
    for resource in pending:
        if resource["type"] == "aws:dynamodb/tableItem:TableItem":
            inputs = resource["inputs"]
            item = json.loads(inputs["item"])
            key = {name: item[name] for name in (inputs["hashKey"], inputs["rangeKey"])}
            stack.emulator.client("dynamodb").delete_item(TableName=inputs["tableName"], Key=key)


def import_resource(stack: Stack, resource: Import) -> None:
    """Import a resource with the command of docs/operations.md."""
    command = (resource.type, resource.name, resource.id, f"--parent=parent={resource.parent}")
    stack.project.run("import", *command, f"--stack={stack.stage}", *_IMPORT_OPTIONS)


def import_resources(stack: Stack, resources: Sequence[Import]) -> None:
    """Import several resources with one command, to save time."""
    if resources:
        parents = sorted({resource.parent for resource in resources})
        names = {parent: f"parent{number}" for number, parent in enumerate(parents)}
        document = {
            "nameTable": {name: parent for parent, name in names.items()},
            "resources": [{**asdict(resource), "parent": names[resource.parent]} for resource in resources],
        }
        file = stack.project.folder / "imports.json"
        file.write_text(json.dumps(document), encoding="utf-8")
        stack.project.run("import", f"--file={file}", f"--stack={stack.stage}", *_IMPORT_OPTIONS)


_IMPORT_OPTIONS: Final = ("--generate-code=false", "--protect=false", "--skip-preview", "--yes")


_Inputs = Mapping[str, Any]
_Find = Callable[[Emulator, _Inputs], str | None]


def _build_name_finder(service: str, operation: str, argument: str, name: str = "name") -> _Find:
    """Return a function that returns the name of a resource if AWS has a resource of this name, else None."""

    def find_import_id(emulator: Emulator, inputs: _Inputs) -> str | None:
        client = emulator.client(service)
        try:
            getattr(client, operation)(**{argument: inputs[name]})
        except client.exceptions.ClientError:
            return None
        return str(inputs[name])

    return find_import_id


def _find_log_group(emulator: Emulator, inputs: _Inputs) -> str | None:
    groups = emulator.client("logs").describe_log_groups(logGroupNamePrefix=inputs["name"])["logGroups"]
    return inputs["name"] if inputs["name"] in {group["logGroupName"] for group in groups} else None


def _find_edge_function(emulator: Emulator, inputs: _Inputs) -> str | None:
    functions = emulator.client("cloudfront").list_functions()["FunctionList"].get("Items", [])
    return inputs["name"] if inputs["name"] in {function["Name"] for function in functions} else None


def _find_project(emulator: Emulator, inputs: _Inputs) -> str | None:
    found = emulator.client("codebuild").batch_get_projects(names=[inputs["name"]])["projects"]
    return inputs["name"] if found else None


def _find_policy(emulator: Emulator, inputs: _Inputs) -> str | None:
    policies = emulator.client("iam").list_policies(Scope="Local")["Policies"]
    return next((each["Arn"] for each in policies if each["PolicyName"] == inputs["name"]), None)


def _find_key_alias(emulator: Emulator, inputs: _Inputs) -> str | None:
    aliases = emulator.client("kms").list_aliases()["Aliases"]
    return inputs["name"] if inputs["name"] in {alias["AliasName"] for alias in aliases} else None


def _find_function_alias(emulator: Emulator, inputs: _Inputs) -> str | None:
    function = str(inputs["functionName"]).rpartition(":")[2]
    aliases = emulator.client("lambda").list_aliases(FunctionName=function)["Aliases"]
    names = {alias["Name"] for alias in aliases}
    return f"{function}/{inputs['name']}" if inputs["name"] in names else None


def _find_permission(emulator: Emulator, inputs: _Inputs) -> str | None:
    client = emulator.client("lambda")
    try:
        policy = client.get_policy(FunctionName=inputs["function"])["Policy"]
    except client.exceptions.ResourceNotFoundException:
        return None
    statement = inputs["statementId"]
    return f"{inputs['function']}/{statement}" if f'"{statement}"' in policy else None


def _find_event_source(emulator: Emulator, inputs: _Inputs) -> str | None:
    mappings = emulator.client("lambda").list_event_source_mappings(EventSourceArn=inputs["eventSourceArn"])
    return next((each["UUID"] for each in mappings["EventSourceMappings"]), None)


def _build_api_finder(operation: str, member: str, prop: str, identity: str) -> _Find:
    """Return a function that finds a part of an API, such as a route, by a declared property.

    The function returns `<API>/<ID>`, or None if the API has no such part.
    """

    def find_import_id(emulator: Emulator, inputs: _Inputs) -> str | None:
        items = getattr(emulator.client("apigatewayv2"), operation)(ApiId=inputs["apiId"])["Items"]
        found = (each[identity] for each in items if each[member] == inputs[prop])
        return next((f"{inputs['apiId']}/{each}" for each in found), None)

    return find_import_id


def _build_edge_finder(operation: str, key: str, describe: Callable[[Any], tuple[str, str]]) -> _Find:
    """Return a function that finds the ID of a policy or an origin access control by its name."""

    def find_import_id(emulator: Emulator, inputs: _Inputs) -> str | None:
        items = getattr(emulator.client("cloudfront"), operation)()[key].get("Items", [])
        named = dict(describe(item) for item in items)
        return named.get(inputs["name"])

    return find_import_id


def _describe_cache_policy(item: Any) -> tuple[str, str]:  # noqa: ANN401 - an answer of boto3
    return item["CachePolicy"]["CachePolicyConfig"]["Name"], item["CachePolicy"]["Id"]


def _describe_headers_policy(item: Any) -> tuple[str, str]:  # noqa: ANN401 - an answer of boto3
    policy = item["ResponseHeadersPolicy"]
    return policy["ResponseHeadersPolicyConfig"]["Name"], policy["Id"]


def _describe_access_control(item: Any) -> tuple[str, str]:  # noqa: ANN401 - an answer of boto3
    return item["Name"], item["Id"]


# For each type of resource that AWS refuses to create a second time: a function that returns the ID for
# `pulumi import`, or None if the resource does not exist. A table in docs/operations.md shows the same IDs.
IMPORT_IDS: Final[Mapping[str, _Find]] = {
    "aws:apigatewayv2/authorizer:Authorizer": _build_api_finder(
        "get_authorizers", "Name", "name", "AuthorizerId"
    ),
    "aws:apigatewayv2/route:Route": _build_api_finder("get_routes", "RouteKey", "routeKey", "RouteId"),
    "aws:apigatewayv2/stage:Stage": _build_api_finder("get_stages", "StageName", "name", "StageName"),
    "aws:cloudfront/cachePolicy:CachePolicy": _build_edge_finder(
        "list_cache_policies", "CachePolicyList", _describe_cache_policy
    ),
    "aws:cloudfront/function:Function": _find_edge_function,
    "aws:cloudfront/keyValueStore:KeyValueStore": _build_name_finder(
        "cloudfront", "describe_key_value_store", "Name"
    ),
    "aws:cloudfront/originAccessControl:OriginAccessControl": _build_edge_finder(
        "list_origin_access_controls", "OriginAccessControlList", _describe_access_control
    ),
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": _build_edge_finder(
        "list_response_headers_policies", "ResponseHeadersPolicyList", _describe_headers_policy
    ),
    "aws:cloudwatch/logGroup:LogGroup": _find_log_group,
    "aws:codebuild/project:Project": _find_project,
    "aws:dynamodb/table:Table": _build_name_finder("dynamodb", "describe_table", "TableName"),
    "aws:iam/policy:Policy": _find_policy,
    "aws:iam/role:Role": _build_name_finder("iam", "get_role", "RoleName"),
    "aws:kms/alias:Alias": _find_key_alias,
    "aws:lambda/alias:Alias": _find_function_alias,
    "aws:lambda/eventSourceMapping:EventSourceMapping": _find_event_source,
    "aws:lambda/function:Function": _build_name_finder("lambda", "get_function", "FunctionName"),
    "aws:lambda/permission:Permission": _find_permission,
    "aws:s3/bucket:Bucket": _build_name_finder("s3", "head_bucket", "Bucket", "bucket"),
}
