"""IAM hooks for the emulator: find the resource of a call where the emulator uses only `*`.

All policies of the platform name resources. Such a policy would deny a call whose resource is `*`. The
resources follow the Service Authorization Reference
(https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html).
"""

# ruff: noqa: SLF001 - the emulator (ministack 1.5.33) has no interface for a host process
# pyright: reportPrivateUsage=false

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast
from urllib.parse import unquote

from attrs import frozen
from ministack.core import iam_actions, iam_evaluator
from ministack.core.router import extract_access_key_id


@frozen(kw_only=True)
class Call:
    """The parts of a request that determine the resource of the call."""

    action: str
    path: str
    parameters: dict[str, Any]
    query: dict[str, Any]
    region: str
    account_id: str

    def build_arn(self, service: str, resource: str) -> str:
        """Return an ARN of this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"


def install_permission_hooks(*, administrator: str) -> None:
    """Install the hooks, which replace functions of the emulator.

    - `iam_actions.extract_resource_arn` returns the resource of a call, for the comparison with the policies.
    - `iam_actions._lambda_action` returns the IAM action of a Lambda call.
    - `iam_actions.request_tag_context` also returns the condition keys of KMS calls.
    - `iam_evaluator.is_root_access_key`: the emulator accepts `test` and every account ID as the key of the
      root user, without a signature. The hook accepts only the administrator's key, which cannot be guessed.
      (The hook also returns True for a request without a key, but such requests are refused earlier, as in
      AWS.)
    - `iam_evaluator._resolve_condition_key` returns the value of a condition key.
    - `iam_evaluator.parse_policy_document`: the emulator parses all policies of the caller twice per request.
      The hook caches the parsed policies.
    """
    iam_actions.extract_resource_arn = _extract_resource_arn
    iam_actions.request_tag_context = _read_condition_keys

    def is_root_access_key(access_key_id: str) -> bool:
        return not access_key_id or access_key_id == administrator

    iam_evaluator.is_root_access_key = is_root_access_key
    iam_evaluator._resolve_condition_key = _resolve_condition_key
    iam_actions._lambda_action = _lambda_action
    iam_evaluator.parse_policy_document = _parse_policy_document


_ORIGINAL_PARSE = cast("Callable[[Any], list[Any]]", iam_evaluator.parse_policy_document)
_parse_text = lru_cache(maxsize=1024)(_ORIGINAL_PARSE)


def _parse_policy_document(document: object) -> list[Any]:
    """Return a document's statements, from a cache if possible. Callers must not change the statements."""
    return _parse_text(document) if isinstance(document, str) else _ORIGINAL_PARSE(document)


_ORIGINAL_CONDITION_KEY = cast("Callable[..., Any]", iam_evaluator._resolve_condition_key)


def _resolve_condition_key(key: str, context: object) -> Any:  # noqa: ANN401 - the emulator's own signature
    """Report that every request uses TLS. Bucket policies require TLS, but the emulator serves only HTTP."""
    if key.lower() == "aws:securetransport":
        return "true"
    return _ORIGINAL_CONDITION_KEY(key, context)


_ORIGINAL_LAMBDA_ACTION = cast("Callable[[str, str], str | None]", iam_actions._lambda_action)
_ALIAS_ACTIONS = {"GET": "GetAlias", "PUT": "UpdateAlias", "DELETE": "DeleteAlias"}
_URL_ACTIONS = {
    "GET": "GetFunctionUrlConfig",
    "POST": "CreateFunctionUrlConfig",
    "DELETE": "DeleteFunctionUrlConfig",
}


def _lambda_action(method: str, path: str) -> str | None:
    """Return the IAM action of a Lambda call.

    This function corrects two mistakes of the emulator. For a call about one alias, the emulator returns
    `ListAliases`. For a call that deletes a function URL, it returns `CreateFunctionUrlConfig`.
    """
    parts = path.strip("/").split("/")
    if len(parts) == 4 and parts[1] == "functions" and parts[3] == "url":  # noqa: PLR2004 - a path's parts
        return _URL_ACTIONS.get(method)
    if len(parts) == 5 and parts[1] == "functions" and parts[3] == "aliases":  # noqa: PLR2004 - a path's parts
        return _ALIAS_ACTIONS.get(method)
    return _ORIGINAL_LAMBDA_ACTION(method, path)


_ORIGINAL_TAG_CONTEXT = cast("Callable[..., dict[str, Any]]", iam_actions.request_tag_context)


def _read_condition_keys(
    service: str, action: str, body: bytes, query_params: dict[str, Any]
) -> dict[str, Any]:
    """Return the condition keys of a call: its tags, and for KMS its encryption context."""
    keys = _ORIGINAL_TAG_CONTEXT(service, action, body, query_params)
    if service != "kms":
        return keys
    context = cast("dict[str, str]", _parse_json(body).get("EncryptionContext") or {})
    if context:
        keys = {**keys, "kms:EncryptionContextKeys": list(context)}
    return keys | {f"kms:EncryptionContext:{name}": value for name, value in context.items()}


_ORIGINAL_EXTRACT = cast("Callable[..., str]", iam_actions.extract_resource_arn)


def _extract_resource_arn(  # noqa: PLR0913, PLR0917 - the emulator's own signature
    service: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query_params: dict[str, Any],
    region: str,
    account_id: str,
) -> str:
    resources_of = RESOURCES.get(service)
    if resources_of:
        call = Call(
            action=headers.get("x-amz-target", "").rpartition(".")[2],
            path=unquote(path),
            parameters=_parse_json(body),
            query=query_params,
            region=region,
            account_id=account_id,
        )
        resources = resources_of(call)
        for arn in resources[1:]:
            action = f"{iam_actions.SERVICE_TO_IAM_NAMESPACE.get(service, service)}:{call.action}"
            # The caller checks only the returned resource. If one of several resources is denied, return the
            # denied resource.
            if iam_evaluator.enforce(
                extract_access_key_id(headers), action, service, region, resource_arn=arn
            ):
                return arn
        if resources:
            return resources[0]
    return _ORIGINAL_EXTRACT(service, method, path, headers, body, query_params, region, account_id)


def _parse_json(body: bytes) -> dict[str, Any]:
    try:
        parameters = json.loads(body or b"{}")
    except ValueError:
        return {}
    return cast("dict[str, Any]", parameters) if isinstance(parameters, dict) else {}


def _find_store_arns(call: Call) -> list[str]:
    """Return the ARN of the store in the path: `/key-value-stores/<arn>[/keys[/<key>]]`."""
    store = call.path.partition("/key-value-stores/")[2].partition("/keys")[0]
    return [store] if store else []


def _find_parameter_arns(call: Call) -> list[str]:
    """Return the ARNs of all parameters of `GetParameters`, or of the path of `GetParametersByPath`."""
    names: list[str] = call.parameters.get("Names") or []
    if call.action == "GetParametersByPath":
        names = [call.parameters.get("Path", "/")]
    return [call.build_arn("ssm", f"parameter/{name.lstrip('/')}") for name in names]


def _find_project_arns(call: Call) -> list[str]:
    """Return the ARNs of the builds' projects, because policies for builds name projects."""
    ids: list[str] = call.parameters.get("ids") or []
    if "id" in call.parameters:
        ids = [call.parameters["id"]]
    projects = sorted({build_id.rpartition("/")[2].partition(":")[0] for build_id in ids})
    return [call.build_arn("codebuild", f"project/{project}") for project in projects]


def _find_log_arns(call: Call) -> list[str]:
    """Return the ARN of the call's log stream, or of its log group with `:*`.

    The list is empty for a call without a log group name, such as a tagging call.
    """
    group = call.parameters.get("logGroupName")
    if not group:
        return []
    stream = call.parameters.get("logStreamName")
    return [call.build_arn("logs", f"log-group:{group}:" + (f"log-stream:{stream}" if stream else "*"))]


def _find_function_arns(call: Call) -> list[str]:
    """Return the ARN of an invoked function with its version or alias, as policies name it.

    The list is empty for all other calls.
    """
    if not call.path.endswith("/invocations"):
        return []
    function = call.path.split("/")[3]
    qualifier = call.query.get("Qualifier") or []
    qualifier = qualifier[0] if isinstance(qualifier, list) and qualifier else qualifier
    name = function.split(":", 6)[6] if function.startswith("arn:") else function
    return [call.build_arn("lambda", f"function:{name}" + (f":{qualifier}" if qualifier else ""))]


RESOURCES: dict[str, Callable[[Call], list[str]]] = {
    "cloudfront-keyvaluestore": _find_store_arns,
    "codebuild": _find_project_arns,
    "lambda": _find_function_arns,
    "logs": _find_log_arns,
    "ssm": _find_parameter_arns,
}
