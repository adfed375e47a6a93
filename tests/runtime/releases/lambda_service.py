# ruff: noqa: ANN401, N803 - AWS's own names and types
"""A fake of Lambda's control plane for releases, with behavior that moto does not have.

A change of a function gives the function a new revision, and is complete after some reads of the function's
configuration. Until a change is complete, Lambda refuses the next change. Creating an existing resource is a
conflict. Versions never change.
"""

import base64
import hashlib
import io
import json
from collections.abc import Callable, Mapping
from typing import Any

from attrs import Factory, define, field

from tests.runtime.calls import make_client_error

PAGE = json.dumps({"statusCode": 200, "headers": {}, "cookies": []}).encode() + b"\0" * 8 + b"<h1>page</h1>"


@define
class Function:
    """A function and its versions.

    Attributes:
        sha256: Hash of the code of `$LATEST`.
        zipped: Zip of the code of `$LATEST`, if it was sent with the call.
        pending: Number of reads of the configuration until the last change is complete.
        changed: Whether the function has changed since its last version was published.
        failed: Reason of the last change's failure. None if the change succeeded.
        versions: Hash of the code, and variables, by version number.
        descriptions: Descriptions by version number, including those of deleted versions.
        aliases: Version numbers by alias.
        urls: URL configurations by alias.
        permissions: Statements by alias and statement id.
    """

    sha256: str = "initial code"
    zipped: bytes | None = None
    variables: Mapping[str, str] = field(factory=dict)
    revision: int = 1
    pending: int = 0
    changed: bool = True
    failed: str | None = None
    versions: dict[str, tuple[str, Mapping[str, str]]] = Factory(dict)
    descriptions: dict[str, str] = Factory(dict)
    aliases: dict[str, str] = Factory(dict)
    urls: dict[str, Mapping[str, Any]] = Factory(dict)
    permissions: dict[tuple[str, str], Mapping[str, Any]] = Factory(dict)


@define
class LambdaService:
    """An in-memory Lambda control plane.

    Attributes:
        code: Returns the content of an object in S3, by bucket and key.
        settling: Number of reads of the configuration until a change is complete.
        changes_fail: Reason why changes fail; None if they succeed. A function reports the reason until its
            next change.
        versions_fail: Whether versions fail to start.
        page: Number of aliases or versions per page.
        answer: Returns the response of an invocation, by function name, alias and event.
        invoked: Function name, alias and event of each invocation.
    """

    code: Callable[[str, str], bytes]
    settling: int = 1
    changes_fail: str | None = None
    versions_fail: bool = False
    page: int = 50
    answer: Callable[[str, str, Mapping[str, Any]], Mapping[str, Any]] = lambda *_: {"Payload": PAGE}
    functions: dict[str, Function] = Factory(dict)
    invoked: list[tuple[str, str, Mapping[str, Any]]] = Factory(list)

    def add_functions(self, *names: str) -> None:
        self.functions.update({name: Function() for name in names})

    def _get_function(self, name: str) -> Function:
        if name not in self.functions:
            raise make_client_error("ResourceNotFoundException", "Function", "Function not found")
        return self.functions[name]

    def _change(self, name: str, **changes: Any) -> Mapping[str, Any]:
        function = self._get_function(name)
        if function.pending:
            raise make_client_error("ResourceConflictException", "Update", "an update is in progress")
        for attribute, value in changes.items():
            function.changed |= getattr(function, attribute) != value
            setattr(function, attribute, value)
        function.pending = self.settling
        function.failed = self.changes_fail
        function.revision += 1
        return self._make_configuration(function)

    @staticmethod
    def _make_configuration(function: Function) -> Mapping[str, Any]:
        update = "Failed" if function.failed else "InProgress" if function.pending else "Successful"
        return {
            "State": "Active",
            "LastUpdateStatus": update,
            **({"LastUpdateStatusReasonCode": function.failed} if function.failed else {}),
            "CodeSha256": function.sha256,
            "Handler": "index.handler",
            "RevisionId": str(function.revision),
            "Environment": {"Variables": dict(function.variables)},
        }

    def update_function_code(
        self, *, FunctionName: str, S3Bucket: str = "", S3Key: str = "", ZipFile: bytes | None = None
    ) -> Mapping[str, Any]:
        digest = hashlib.sha256(self.code(S3Bucket, S3Key) if ZipFile is None else ZipFile).digest()
        return self._change(FunctionName, sha256=base64.b64encode(digest).decode(), zipped=ZipFile)

    def update_function_configuration(
        self, *, FunctionName: str, Environment: Mapping[str, Mapping[str, str]]
    ) -> Mapping[str, Any]:
        return self._change(FunctionName, variables=Environment["Variables"])

    def get_function_configuration(
        self, *, FunctionName: str, Qualifier: str | None = None
    ) -> Mapping[str, Any]:
        function = self._get_function(FunctionName)
        if Qualifier is not None:
            if Qualifier not in function.versions:
                raise make_client_error(
                    "ResourceNotFoundException", "GetFunctionConfiguration", "no such version"
                )
            sha256, _ = function.versions[Qualifier]
            return {"State": "Failed" if self.versions_fail else "Active", "CodeSha256": sha256}
        if function.pending:
            function.pending -= 1
            if not function.pending:
                function.revision += 1
        return self._make_configuration(function)

    def publish_version(
        self, *, FunctionName: str, CodeSha256: str, RevisionId: str, Description: str
    ) -> Mapping[str, Any]:
        function = self._get_function(FunctionName)
        if function.pending:
            raise make_client_error("ResourceConflictException", "PublishVersion", "an update is in progress")
        if str(function.revision) != RevisionId or function.sha256 != CodeSha256:
            raise make_client_error(
                "PreconditionFailedException", "PublishVersion", "the function has another revision or code"
            )
        last = str(len(function.descriptions))
        if not function.changed and last in function.versions:
            return {"Version": last}  # the function is unchanged, and the version keeps its description
        number = str(len(function.descriptions) + 1)  # the number of a deleted version is not used again
        function.versions[number] = (function.sha256, dict(function.variables))
        function.descriptions[number] = Description
        function.changed = False
        return {"Version": number}

    def get_alias(self, *, FunctionName: str, Name: str) -> Mapping[str, Any]:
        aliases = self._get_function(FunctionName).aliases
        if Name not in aliases:
            raise make_client_error("ResourceNotFoundException", "GetAlias", "no such alias")
        return {"Name": Name, "FunctionVersion": aliases[Name]}

    def create_alias(self, *, FunctionName: str, Name: str, FunctionVersion: str) -> Mapping[str, Any]:
        function = self._get_function(FunctionName)
        if Name in function.aliases:
            raise make_client_error("ResourceConflictException", "CreateAlias", "alias exists")
        if FunctionVersion not in function.versions:
            raise make_client_error("ResourceNotFoundException", "CreateAlias", "no such version")
        function.aliases[Name] = FunctionVersion
        return {}

    def update_alias(self, *, FunctionName: str, Name: str, FunctionVersion: str) -> Mapping[str, Any]:
        self.get_alias(FunctionName=FunctionName, Name=Name)
        self._get_function(FunctionName).aliases[Name] = FunctionVersion
        return {}

    def list_aliases(self, *, FunctionName: str, Marker: str = "0") -> Mapping[str, Any]:
        aliases = self._get_function(FunctionName).aliases
        named = [{"Name": name, "FunctionVersion": version} for name, version in sorted(aliases.items())]
        return self._make_page("Aliases", named, Marker)

    def list_versions_by_function(self, *, FunctionName: str, Marker: str = "0") -> Mapping[str, Any]:
        function = self._get_function(FunctionName)
        described = function.descriptions
        numbered = [{"Version": each, "Description": described[each]} for each in function.versions]
        last = list(described.values())[-1:] or [""]
        return self._make_page(
            "Versions", [{"Version": "$LATEST", "Description": last[0]}, *numbered], Marker
        )

    def _make_page(self, list_name: str, items: list[dict[str, Any]], marker: str) -> Mapping[str, Any]:
        start = int(marker)
        more = {"NextMarker": str(start + self.page)} if start + self.page < len(items) else {}
        return {list_name: items[start : start + self.page], **more}

    def delete_alias(self, *, FunctionName: str, Name: str) -> None:
        if self._get_function(FunctionName).aliases.pop(Name, None) is None:
            raise make_client_error("ResourceNotFoundException", "DeleteAlias", "no such alias")

    def delete_function_url_config(self, *, FunctionName: str, Qualifier: str) -> None:
        if self._get_function(FunctionName).urls.pop(Qualifier, None) is None:
            raise make_client_error("ResourceNotFoundException", "DeleteFunctionUrlConfig", "no such URL")

    def delete_function(self, *, FunctionName: str, Qualifier: str) -> None:
        function = self._get_function(FunctionName)
        if Qualifier in function.aliases.values():
            raise make_client_error("ResourceConflictException", "DeleteFunction", "an alias names it")
        if function.versions.pop(Qualifier, None) is None:
            raise make_client_error("ResourceNotFoundException", "DeleteFunction", "no such version")

    def create_function_url_config(
        self, *, FunctionName: str, Qualifier: str, AuthType: str, InvokeMode: str
    ) -> Mapping[str, Any]:
        function = self._get_function(FunctionName)
        assert Qualifier in function.aliases
        if Qualifier in function.urls:
            raise make_client_error("ResourceConflictException", "CreateFunctionUrlConfig", "url exists")
        url = f"https://{FunctionName}-{Qualifier}.lambda-url.ap-southeast-1.on.aws/"
        function.urls[Qualifier] = {"FunctionUrl": url, "AuthType": AuthType, "InvokeMode": InvokeMode}
        return function.urls[Qualifier]

    def get_function_url_config(self, *, FunctionName: str, Qualifier: str) -> Mapping[str, Any]:
        return self._get_function(FunctionName).urls[Qualifier]

    def add_permission(
        self, *, FunctionName: str, Qualifier: str, StatementId: str, **statement: Any
    ) -> Mapping[str, Any]:
        permissions = self._get_function(FunctionName).permissions
        if (Qualifier, StatementId) in permissions:
            raise make_client_error("ResourceConflictException", "AddPermission", "statement exists")
        permissions[Qualifier, StatementId] = statement
        return {}

    def invoke(self, *, FunctionName: str, Qualifier: str, LogType: str, Payload: bytes) -> Mapping[str, Any]:
        event = json.loads(Payload)
        assert LogType == "Tail"
        assert Qualifier in self._get_function(FunctionName).aliases
        self.invoked.append((FunctionName, Qualifier, event))
        answer = self.answer(FunctionName, Qualifier, event)
        return {**answer, "Payload": io.BytesIO(answer["Payload"])}
