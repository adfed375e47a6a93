"""What the embedded Lambda hands to our Node workers and gets back: plain values.

The shapes follow the Lambda API (`GetFunctionConfiguration`, `Invoke`), API version 2015-03-31.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from attrs import field, frozen

InvokeMode = Literal["BUFFERED", "RESPONSE_STREAM"]


@frozen(kw_only=True)
class Credentials:
    """Temporary credentials of a role in the emulator. They do not expire."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)

    def environment(self) -> dict[str, str]:
        """The three variables every AWS SDK reads."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_SESSION_TOKEN": self.session_token,
        }


@frozen(kw_only=True)
class NodeFunctionVersion:
    """One version of a Node.js function, as its worker needs it.

    Two are equal when one process can serve both: same code, settings and role. Aliases are resolved.

    Attributes:
        version: The number, or `$LATEST`.
        arn: Without a version or alias.
        code_sha256: Of the zip, base64 (the API's `CodeSha256`).
        code: The zip.
        environment: The function's own variables, without those Lambda sets.
        memory: MB.
        timeout: Seconds.
        invoke_mode: Of the function URL through which the version was found; BUFFERED for `Invoke`.
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
        """Hashable, equal exactly for equal versions: what a pool of workers can be keyed by."""
        variables = tuple(sorted(self.environment.items()))
        settings = (self.handler, self.role_arn, self.memory, self.timeout, variables)
        return (self.arn, self.version, self.code_sha256, *settings)

    def process_environment(self) -> dict[str, str]:
        """All variables of the function's process except `PATH` and what depends on where the code lies.

        The function's own come first, so that what Lambda reserves cannot be replaced by them.
        `AWS_ENDPOINT_URL` is what leads its AWS SDK to the emulator.
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
            **self.credentials.environment(),
        }


@frozen(kw_only=True)
class NodeInvocation:
    """One invocation through Lambda's own doors: `Invoke`, an event source, a target, the emulator's URL.

    Attributes:
        event: The JSON value the handler receives.
        request_id: The context object's `awsRequestId`.
        invoked_function_arn: As invoked, with version or alias if it named one.
    """

    function: NodeFunctionVersion
    event: Any
    request_id: str
    invoked_function_arn: str


@frozen(kw_only=True)
class NodeFailure:
    """The function failed: what `Invoke` answers with `X-Amz-Function-Error: Unhandled`."""

    message: str
    type: str = "Error"
    trace: tuple[str, ...] = ()


@frozen(kw_only=True)
class NodeResult:
    """How an invocation ended.

    Attributes:
        payload: The JSON value returned; bytes for a handler that streams (prelude, 8 NUL bytes, body).
        failure: Why there is no payload.
        log: What the function wrote meanwhile, for CloudWatch Logs.
    """

    payload: Any = None
    failure: NodeFailure | None = None
    log: str = ""


NodeInvoke = Callable[[NodeInvocation], NodeResult]
