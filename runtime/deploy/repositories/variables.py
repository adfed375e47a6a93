"""A project's environment variables: validation rules, and the storage of secrets."""

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Annotated

from attrs import field, frozen
from botocore.exceptions import ClientError

from runtime.deploy.model import SERVER_ACTIONS_KEY, Project, Variable
from runtime.shared.api.inputs import Rule
from runtime.shared.api.shapes import Shape
from runtime.shared.aws import SSMClient
from runtime.shared.aws_errors import read_error_code
from runtime.shared.errors import FieldProblem, InvalidInputError

# Lambda refuses names with one character (`runtime/shared/environment.py`).
_NAME = re.compile(r"[A-Z][A-Z0-9_]+")
_MAX_NAME_LENGTH = 100
_RESERVED_PREFIXES = (
    "ANCHOR_",
    "AWS_",
    "BUCKET_",
    "CACHE_",
    "CODEBUILD_",
    "LAMBDA_",
    "OPEN_NEXT",
    "REVALIDATION_",
)
# Variables that make bash, the dynamic loader, OpenSSL or Node.js run code when a program starts, or that
# change how CodeBuild's image installs Node.js (with `n` and curl). With them, code of a project's owner
# could run before the build has fetched the repository, and read the deploy key.
_RUN_CODE = frozenset(
    {
        "GCONV_PATH",
        "IFS",
        "LOCPATH",
        "NODE_COMPILE_CACHE",
        "NODE_OPTIONS",
        "NODE_PATH",
        "PS4",
        "SHELLOPTS",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "WGETRC",
    }
)
_RUN_CODE_PREFIXES = ("BASH", "CURL_", "GLIBC_", "LD_", "N_", "OPENSSL_")
# The version of a language in CodeBuild's image, such as NODE_22_VERSION, is part of a command.
_LANGUAGE_VERSION = re.compile(r"[A-Z]+_[0-9]+_VERSION")
_RESERVED = _RUN_CODE | {"HOME", "PATH", SERVER_ACTIONS_KEY}

_PAUSE = 0.5  # seconds between writes of secrets that exceed Parameter Store's rate
_MAX_PAUSES = 10
_MAX_DELETED_PER_CALL = 10  # limit of the SSM API

MAX_VARIABLES = 100
MAX_NEW_SECRETS = 20
"""Limit on the secrets that one request writes. Parameter Store possibly accepts only three writes per second
from the whole account (docs/decisions/0045-secrets-are-written-slowly.md)."""

MAX_TOTAL_BYTES = 3_200
"""Limit on all variables as JSON, in bytes. Lambda's limit is 4,096; the platform uses the rest."""


def _find_name_problem(name: str) -> str | None:
    if not _NAME.fullmatch(name) or len(name) > _MAX_NAME_LENGTH:
        return f"must be 2 to {_MAX_NAME_LENGTH} of A-Z, 0-9 and _, and start with a letter"
    if name in _RESERVED:
        return f"must not be one of {', '.join(sorted(_RESERVED))}, which are reserved for the platform"
    if _LANGUAGE_VERSION.fullmatch(name):
        return "must not name the version of a language, which is reserved for the platform"
    prefixes = _RESERVED_PREFIXES + _RUN_CODE_PREFIXES
    prefix = next((each for each in prefixes if name.startswith(each)), None)
    return f"must not begin with {prefix}, which is reserved for the platform" if prefix else None


def runs_before_fetch(name: str) -> bool:
    """Return whether a variable with this name can run code before a build has fetched the repository.

    New variables cannot have such a name. Variables that were set before this rule can have one.
    """
    return (
        name in _RUN_CODE
        or name.startswith(_RUN_CODE_PREFIXES)
        or _LANGUAGE_VERSION.fullmatch(name) is not None
    )


def _find_value_problem(value: str) -> str | None:
    return "must not contain the NUL character" if "\0" in value else None


@frozen(kw_only=True)
class NewVariable:
    """A variable of `PUT` or `PATCH /projects/{projectId}/env`.

    A secret without a value keeps its stored value.
    """

    name: Annotated[
        str, Rule(_find_name_problem), Shape({"pattern": f"^{_NAME.pattern}$", "maxLength": _MAX_NAME_LENGTH})
    ]
    value: Annotated[str, Rule(_find_value_problem)] | None = field(default=None, repr=False)
    is_secret: bool


@frozen(kw_only=True)
class NewVariables:
    """The body of `PUT /projects/{projectId}/env`. It replaces all variables."""

    variables: tuple[NewVariable, ...]


@frozen(kw_only=True)
class VariableChanges:
    """The body of `PATCH /projects/{projectId}/env`. All other variables stay unchanged.

    Attributes:
        set: Variables to add or to replace.
        remove: Names of variables to remove. Each must exist.
    """

    set: tuple[NewVariable, ...] = ()
    remove: tuple[str, ...] = ()


@frozen(kw_only=True)
class SecretStore:
    """The writes of secret variables as SecureString parameters. Secrets are never read here.

    Parameter Store encrypts each secret with the parameter's ARN as encryption context. The ARN contains the
    project id. So a ciphertext that is copied to the parameter of another project cannot be decrypted.

    Attributes:
        client: SSM client.
        key: ARN of the key that encrypts secrets.
        pause: Sleeps for the given number of seconds.
    """

    client: SSMClient
    key: str
    pause: Callable[[float], None] = field(repr=False)

    def put_all(self, values: Mapping[str, str]) -> None:
        """Write or replace secrets, by the names of their parameters.

        If Parameter Store refuses a write because of too many writes per second, the write is repeated after
        a pause. All pauses together take at most five seconds. Before each pause, boto3 itself has already
        repeated the call.
        """
        pauses = iter((_PAUSE,) * _MAX_PAUSES)
        for parameter, value in values.items():
            while True:
                try:
                    self.put(parameter, value)
                    break
                except ClientError as error:
                    if read_error_code(error) != "ThrottlingException":
                        raise
                    pause = next(pauses, None)
                    if pause is None:
                        raise
                    self.pause(pause)

    def put(self, parameter: str, value: str) -> None:
        """Write a secret, or replace it."""
        self.client.put_parameter(
            Name=parameter, Value=value, Type="SecureString", KeyId=self.key, Overwrite=True
        )

    def delete(self, parameter: str) -> None:
        """Delete a secret, if it exists."""
        try:
            self.client.delete_parameter(Name=parameter)
        except ClientError as error:
            if read_error_code(error) != "ParameterNotFound":
                raise


@frozen(kw_only=True)
class SecretRemover:
    """The deletion of all secrets of a project, including those that the project's row does not name.

    Attributes:
        client: SSM client.
    """

    client: SSMClient

    def remove_all(self, folder: str) -> None:
        """Delete all parameters in a folder, and in its subfolders. Idempotent.

        Makes two calls per ten parameters. The parameters are listed without decryption, so no permission to
        read secrets is needed.
        """
        names: list[str] = []
        more: dict[str, str] = {}
        while True:
            answer = self.client.get_parameters_by_path(
                Path=folder, Recursive=True, WithDecryption=False, **more
            )
            names += [parameter["Name"] for parameter in answer["Parameters"]]
            if "NextToken" not in answer:
                break
            more = {"NextToken": answer["NextToken"]}
        for start in range(0, len(names), _MAX_DELETED_PER_CALL):
            self.client.delete_parameters(Names=names[start : start + _MAX_DELETED_PER_CALL])


def merge_variables(project: Project, changes: VariableChanges) -> tuple[NewVariable, ...]:
    """Return all variables of a project after some of them were set or removed, for `resolve_variables`.

    Raises:
        InvalidInputError: There is nothing to change, a name to remove does not exist, or a name is both set
            and removed. The error names every such variable.
    """
    stored = {
        variable.name: NewVariable(name=variable.name, value=variable.value, is_secret=variable.is_secret)
        for variable in project.variables
    }
    changed = {variable.name for variable in changes.set}
    problems = [
        # An invalid name can be a secret that was entered into the wrong field, so it is not shown.
        FieldProblem(
            field=f"remove[{changes.remove.index(name)}]" if _find_name_problem(name) else f"remove.{name}",
            problem=problem,
        )
        for name in dict.fromkeys(changes.remove)
        for problem in _find_removal_problems(name, stored, changed)
    ]
    if not changes.set and not changes.remove:
        problems.append(FieldProblem(field="", problem="must set or remove at least one variable"))
    if problems:
        raise InvalidInputError(*problems)
    kept = [each for each in stored.values() if each.name not in changed and each.name not in changes.remove]
    return (*kept, *changes.set)


def _find_removal_problems(name: str, stored: Collection[str], changed: Collection[str]) -> Iterator[str]:
    if name in changed:
        yield "is also in set: send it in one of the two lists"
    elif name not in stored:
        yield "is not a variable of this project"


def resolve_variables(
    project: Project, wanted: Sequence[NewVariable], *, field: str = "variables"
) -> tuple[Variable, ...]:
    """Return the variables that replace a project's variables. Stored secrets without a new value are kept.

    Args:
        project: The project, as read.
        wanted: All variables of the project after the change.
        field: Name of the field of the request, for errors.

    Raises:
        InvalidInputError: A name is repeated, a value is missing, or the variables exceed a limit. The error
            names every invalid field.
    """
    stored = {variable.name: variable for variable in project.variables if variable.is_secret}
    name_counts = Counter(variable.name for variable in wanted)
    problems: list[FieldProblem] = []
    result: list[Variable] = []
    problems += [
        FieldProblem(field=f"{field}.{name}.name", problem="appears more than once")
        for name, count in name_counts.items()
        if count > 1
    ]
    for variable in wanted:
        path = f"{field}.{variable.name}"
        if variable.is_secret:
            existing = stored.get(variable.name)
            if variable.value is None and existing:
                size = existing.secret_size
            elif variable.value:
                size = _compute_size(variable.name, variable.value)
            else:
                problem = "must not be empty: this secret has no value yet"
                problems.append(FieldProblem(field=f"{path}.value", problem=problem))
                continue
            result.append(Variable(name=variable.name, is_secret=True, secret_size=size))
        elif variable.value is None:
            problems.append(FieldProblem(field=f"{path}.value", problem="is required"))
        else:
            result.append(Variable(name=variable.name, value=variable.value, is_secret=False))
    problems += [FieldProblem(field=field, problem=each) for each in _find_exceeded_limits(wanted, result)]
    if problems:
        raise InvalidInputError(*problems)
    return tuple(result)


def _find_exceeded_limits(wanted: Sequence[NewVariable], result: Sequence[Variable]) -> Iterator[str]:
    if len(wanted) > MAX_VARIABLES:
        yield f"must have at most {MAX_VARIABLES} entries"
    written = sum(variable.is_secret and variable.value is not None for variable in wanted)
    if written > MAX_NEW_SECRETS:
        yield (
            f"must set at most {MAX_NEW_SECRETS} secrets in one request, but sets {written}: send the others "
            "in a second request, and leave out the values of the secrets that are set already"
        )
    size = sum(
        variable.secret_size or 0
        if variable.is_secret
        else _compute_size(variable.name, variable.value or "")
        for variable in result
    )
    if size > MAX_TOTAL_BYTES:
        yield (
            f"must have at most {MAX_TOTAL_BYTES} bytes in total, names and values as JSON, but have {size}: "
            f"shorten or remove {size - MAX_TOTAL_BYTES} bytes"
        )


def _compute_size(name: str, value: str) -> int:
    return len(json.dumps({name: value}, ensure_ascii=False).encode())
