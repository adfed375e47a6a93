"""Reads everything that a reader of the AWS account may read, and searches the answers for secrets (X2).

The walk calls each operation of botocore's models whose name begins like a read. Parameters come from the
answers so far: an operation is called once for each set of values under the names of its required
parameters. So a function found by `ListFunctions` leads to `GetFunction`, and a bucket to its objects.
"""

import base64
import gzip
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast
from urllib.parse import urlsplit

import boto3
import requests
from attrs import define, field, frozen
from botocore.exceptions import BotoCoreError, ClientError

Json = dict[str, Any]
Values = Mapping[str, str]

SERVICES: Final = (
    "acm",
    "apigatewayv2",
    "cloudfront",
    "cloudfront-keyvaluestore",
    "cloudwatch",
    "codebuild",
    "cognito-idp",
    "dynamodb",
    "dynamodbstreams",
    "events",
    "iam",
    "kms",
    "lambda",
    "logs",
    "route53",
    "s3",
    "sns",
    "sqs",
    "ssm",
    "sts",
)
"""All services that the program or its functions use."""

# What AWS's policy `ReadOnlyAccess` allows for these services.
_READS: Final = ("BatchGet", "Describe", "Filter", "Get", "List", "Query", "Scan")
_OPERATION: Final = re.compile(rf"(?:{'|'.join(_READS)}|Admin(?:Get|List)|Head)[A-Z]|(?:Query|Scan)$")
# Operations that change something, that create credentials, or that need an expression of the caller.
_LEFT_OUT: Final = frozenset(
    {"GetFederationToken", "GetSessionToken", "GetId", "GetRandomPassword", "Query", "ListObjectVersions"}
)
_POLICY_ACTIONS: Final = (
    *("acm", "cloudfront", "cloudfront-keyvaluestore", "cloudwatch", "codebuild", "cognito-idp", "dynamodb"),
    *("events", "iam", "kms", "lambda", "logs", "route53", "s3", "sns", "sqs", "ssm", "sts"),
)
# Parameters whose values have other names in the answers.
_SYNONYMS: Final = {
    ("cloudfront-keyvaluestore", "KvsARN"): ("keyvaluestorelistitemarn", "itemarn"),
    ("s3", "Bucket"): ("bucketname",),
    ("s3", "Key"): ("contentkey",),
    ("codebuild", "names"): ("projectname",),
    ("codebuild", "projectName"): ("projectname",),
    ("lambda", "Qualifier"): ("version",),
    ("logs", "logGroupName"): ("loggroupname",),
    ("dynamodbstreams", "StreamArn"): ("streamarn", "lateststreamarn"),
    ("ssm", "Path"): ("path",),
}
# Optional parameters that show more. Without them, an answer has one version, or no values.
_OPTIONAL: Final = {
    ("lambda", "GetFunction"): ("Qualifier",),
    ("lambda", "GetFunctionConfiguration"): ("Qualifier",),
    ("logs", "DescribeLogStreams"): ("logGroupName",),
    ("logs", "FilterLogEvents"): ("logGroupName",),
    ("logs", "GetLogEvents"): ("logGroupName",),
}
_FIXED: Final = {
    ("lambda", "ListFunctions"): {"FunctionVersion": "ALL"},
    ("cognito-idp", "ListUserPools"): {"MaxResults": 60},
    ("ssm", "GetParametersByPath"): {"Path": "/", "Recursive": True},
    ("cloudwatch", "GetMetricData"): None,
}


def make_read_only_policy() -> Json:
    """Return a policy like AWS's `ReadOnlyAccess`. It allows no decryption and no computing of MACs."""
    verbs = (*_READS, "Head")
    actions = [f"{service}:{verb}*" for service in _POLICY_ACTIONS for verb in verbs]
    actions += ["apigateway:GET", "cognito-idp:AdminGet*", "cognito-idp:AdminList*"]
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}],
    }


@frozen(kw_only=True)
class Finding:
    """A secret in an answer.

    Attributes:
        secret: The name of the secret.
        operation: Service and operation, such as `s3.GetObject`.
        place: The parameters of the call.
    """

    secret: str
    operation: str
    place: str


@define(kw_only=True)
class ReadOnlyWalk:
    """A walk through all readable APIs.

    Attributes:
        session: Session of the reader.
        secrets: The searched secrets, by a name for the report.
        findings: What was found.
        answered: Number of answers by operation, without the refused calls.
    """

    session: boto3.Session
    secrets: Mapping[str, str]
    findings: set[Finding] = field(factory=set[Finding])
    answered: dict[str, int] = field(factory=dict[str, int])
    _done: set[tuple[str, str]] = field(factory=set[tuple[str, str]], init=False)
    _contexts: dict[str, set[frozenset[tuple[str, str]]]] = field(
        factory=dict[str, set[frozenset[tuple[str, str]]]], init=False
    )
    _needles: tuple[tuple[str, bytes], ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._needles = tuple(
            (name, needle) for name, secret in self.secrets.items() for needle in _list_forms(secret)
        )

    def run(self) -> None:
        """Call all operations until no answer leads to a further call."""
        clients = {service: self.session.client(service) for service in SERVICES}
        progress = True
        while progress:
            before = len(self._done)
            for service, client in clients.items():
                for operation in client.meta.service_model.operation_names:
                    if _OPERATION.match(operation) and operation not in _LEFT_OUT:
                        self._call_all(service, client, operation)
            progress = len(self._done) > before

    def _call_all(self, service: str, client: Any, operation: str) -> None:  # noqa: ANN401 - boto3 has no types
        fixed = _FIXED.get((service, operation), {})
        if fixed is None:
            return
        model = client.meta.service_model.operation_model(operation)
        members = model.input_shape.members if model.input_shape else {}
        required = [
            name
            for name in (model.input_shape.required_members if model.input_shape else ())
            if name not in fixed
        ]
        optional = _OPTIONAL.get((service, operation), ())
        for wanted in (required, [*required, *optional]) if optional else (required,):
            for parameters in self._list_parameters(service, {name: members[name] for name in wanted}):
                key = json.dumps(parameters, sort_keys=True)
                if (f"{service}.{operation}", key) not in self._done:
                    self._done.add((f"{service}.{operation}", key))
                    self._call(service, client, operation, {**parameters, **fixed})

    def _call(self, service: str, client: Any, operation: str, parameters: Json) -> None:  # noqa: ANN401
        name = f"{service}.{operation}"
        methods = client.meta.method_to_api_mapping
        method = next(python for python, api in methods.items() if api == operation)
        pages: Iterator[Any]
        if client.can_paginate(method):
            pages = iter(client.get_paginator(method).paginate(**parameters))
        else:
            pages = iter([None])
        try:
            for page in pages:
                answer = getattr(client, method)(**parameters) if page is None else page
                self._take(service, name, parameters, answer)
        except (ClientError, BotoCoreError, KeyError, ValueError):
            return  # the operation refuses these values, or the emulator does not know the operation

    def _take(self, service: str, name: str, parameters: Json, answer: Any) -> None:  # noqa: ANN401
        self.answered[name] = self.answered.get(name, 0) + 1
        answer.pop("ResponseMetadata", None)
        known = {key.lower(): value for key, value in parameters.items() if isinstance(value, str)}
        self._learn(service, known, answer, "")
        for content in _list_contents(answer):
            for found, needle in self._needles:
                if needle in content:
                    self.findings.add(
                        Finding(secret=found, operation=name, place=json.dumps(parameters, sort_keys=True))
                    )

    def _learn(self, service: str, known: Values, value: Any, name: str) -> None:  # noqa: ANN401
        """Remember the values of an answer, each together with the values around it."""
        if isinstance(value, Mapping):
            fields = cast("Mapping[str, Any]", value)
            scalars = {key.lower(): each for key, each in fields.items() if isinstance(each, str) and each}
            prefixed = {f"{name}{key}": each for key, each in scalars.items()} if name else {}
            around = {**known, **scalars, **prefixed}
            self._contexts.setdefault(service, set()).add(frozenset(around.items()))
            for key, each in fields.items():
                self._learn(service, around, each, key.lower())
        elif isinstance(value, list | tuple):
            one = re.sub(r"(?:ies|s|list|ids|names)$", lambda end: "y" if end[0] == "ies" else "", name)
            for each in cast("Sequence[Any]", value):
                if isinstance(each, str):
                    new = dict.fromkeys((one, f"{one}name", f"{one}id", f"{one}arn"), each)
                    self._contexts.setdefault(service, set()).add(frozenset({**known, **new}.items()))
                else:
                    self._learn(service, known, each, one)

    def _list_parameters(self, service: str, shapes: Mapping[str, Any]) -> Iterator[Json]:
        if not shapes:
            yield {}
            return
        sources = ("cloudfront",) if service == "cloudfront-keyvaluestore" else ()
        sources += ("dynamodb",) if service == "dynamodbstreams" else ()
        seen: set[str] = set()
        for context in [each for source in (service, *sources) for each in self._contexts.get(source, ())]:
            values = dict(context)
            parameters: Json = {}
            for name, shape in shapes.items():
                value = _find_value(service, name, values)
                if value is None or shape.type_name not in {"string", "list"}:
                    break
                parameters[name] = [value] if shape.type_name == "list" else value
            else:
                key = json.dumps(parameters, sort_keys=True)
                if key not in seen:
                    seen.add(key)
                    yield parameters


def _find_value(service: str, name: str, values: Values) -> str | None:
    lowered = name.lower()
    names = (lowered, lowered.removesuffix("s"), *_SYNONYMS.get((service, name), ()))
    names += ("name",) if lowered in {"functionname", "tablename", "rolename", "stackname"} else ()
    return next((values[each] for each in names if each in values), None)


def _list_forms(secret: str) -> set[bytes]:
    """Return the secret, its Base64 at each position in a longer text, its hex form, and its JSON form."""
    plain = secret.encode()
    forms = {plain, plain.hex().encode(), json.dumps(secret)[1:-1].encode()}
    for start in range(3):
        encoded = base64.b64encode(bytes(start) + plain)
        # The first characters depend on the bytes before, and the last ones on the bytes after.
        forms.add(encoded[(0, 2, 3)[start] : len(encoded) - 4])
    return forms


def _list_contents(value: Any) -> Iterator[bytes]:  # noqa: ANN401 - any part of an answer
    if isinstance(value, str):
        yield value.encode()
        if urlsplit(value).scheme in {"http", "https"} and "X-Amz-Signature" in value:
            yield from _unpack(requests.get(value, timeout=30).content)
    elif isinstance(value, bytes):
        yield from _unpack(value)
    elif isinstance(value, Mapping):
        for key, each in cast("Mapping[str, Any]", value).items():
            yield key.encode()
            yield from _list_contents(each)
    elif isinstance(value, list | tuple | set):
        for each in cast("Sequence[Any]", value):
            yield from _list_contents(each)
    elif hasattr(value, "read"):
        yield from _unpack(value.read())


def _unpack(content: bytes) -> Iterator[bytes]:
    """Yield the content and, of an archive, the files in it."""
    yield content
    if content.startswith(b"\x1f\x8b"):
        yield from _unpack(gzip.decompress(content))
    elif content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield from _unpack(archive.read(name))
