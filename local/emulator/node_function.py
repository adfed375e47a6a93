"""Plain values that the emulated Lambda and the Node workers exchange.

The shapes follow the Lambda API (`GetFunctionConfiguration`, `Invoke`), API version 2015-03-31.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from attrs import field, frozen

InvokeMode = Literal["BUFFERED", "RESPONSE_STREAM"]


@frozen(kw_only=True)
class Credentials:
    """Credentials of a role or of the account's administrator in the emulator. They do not expire.

    Attributes:
        session_token: Empty for the administrator.
    """

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)

    def to_environment(self) -> dict[str, str]:
        """Return the three variables that every AWS SDK reads."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_SESSION_TOKEN": self.session_token,
        }


@frozen(kw_only=True)
class NodeFunctionVersion:
    """One version of a Node.js function.

    Aliases are resolved. Two objects are equal if one process can serve both: if they have the same version,
    code, settings and role.

    Attributes:
        version: The number of the version, or `$LATEST`.
        arn: The ARN without a version or alias.
        code_sha256: The hash of the zip in base64 (`CodeSha256` in the API).
        code: The zip file.
        environment: The function's own variables, without those that Lambda sets.
        memory: In MB.
        timeout: In seconds.
        invoke_mode: The mode of the function URL, or BUFFERED for `Invoke`.
    """

    name: str
    version: str
    arn: str
    runtime: str
    handler: str
    role_arn: str
    region: str
    code_sha256: str
    environment: Mapping[str, str] = field(eq=dict)
    memory: int
    timeout: int
    endpoint_url: str
    credentials: Credentials
    code: bytes = field(eq=False, repr=False)
    invoke_mode: InvokeMode = field(default="BUFFERED", eq=False)

    @property
    def key(self) -> tuple[object, ...]:
        """A hashable value that identifies the process for this version. Equal versions have equal keys."""
        variables = tuple(sorted(self.environment.items()))
        settings = (self.handler, self.role_arn, self.memory, self.timeout, variables)
        return (self.arn, self.version, self.code_sha256, *settings)

    def make_process_environment(self) -> dict[str, str]:
        """Return all variables of the process, except `PATH` and variables that depend on the code's folder.

        Lambda's reserved variables override the function's own. `AWS_ENDPOINT_URL` directs the AWS SDK to
        the emulator.
        """
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            **self.environment,
            "_HANDLER": self.handler,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{self.runtime}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory),
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_VERSION": self.version,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            **self.credentials.to_environment(),
        }


@frozen(kw_only=True)
class NodeInvocation:
    """One invocation. Its source is `Invoke`, an event source, an EventBridge rule or a function URL.

    Attributes:
        event: The handler's event, a JSON value.
        request_id: The context object's `awsRequestId`.
        invoked_function_arn: The ARN that was called, with its version or alias.
    """

    function: NodeFunctionVersion
    event: Any
    request_id: str
    invoked_function_arn: str


@frozen(kw_only=True)
class NodeFailure:
    """A failure of the function, for which `Invoke` returns `X-Amz-Function-Error: Unhandled`."""

    message: str
    type: str = "Error"
    trace: tuple[str, ...] = ()


@frozen(kw_only=True)
class NodeResult:
    """The result of an invocation.

    Attributes:
        payload: The returned JSON value, or the bytes of a streaming handler (prelude, 8 NUL bytes, body).
        failure: The failure of the function, or None if the invocation succeeded.
        log: The function's output during the invocation, for CloudWatch Logs.
    """

    payload: Any = None
    failure: NodeFailure | None = None
    log: str = ""


NodeInvoke = Callable[[NodeInvocation], NodeResult]
