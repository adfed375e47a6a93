"""A project's environment variables: what is allowed, and where secrets go (A4)."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Annotated

from attrs import field, frozen
from botocore.exceptions import ClientError

from runtime.deploy.model import SERVER_ACTIONS_KEY, Project, Variable
from runtime.shared.api.inputs import Rule
from runtime.shared.api.shapes import Shape
from runtime.shared.aws import SSMClient
from runtime.shared.errors import FieldProblem, InvalidInputError

_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
_NAME_LENGTH = 100
_RESERVED_PREFIXES = (
    "_",
    "ANCHOR_",
    "AWS_",
    "BUCKET_",
    "CACHE_",
    "CODEBUILD_",
    "LAMBDA_",
    "OPEN_NEXT",
    "REVALIDATION_",
)
_RESERVED = frozenset({"HOME", "NODE_OPTIONS", "PATH", SERVER_ACTIONS_KEY})

_DELETED_AT_ONCE = 10  # by the parameter store's own limit

COUNT_LIMIT = 100
SIZE_LIMIT = 3_200
"""Bytes of all variables as JSON, as Lambda measures its limit of 4,096; the platform needs the rest."""


def _name_problem(name: str) -> str | None:
    if not _NAME.fullmatch(name) or len(name) > _NAME_LENGTH:
        return f"must be A-Z, 0-9 and _, not starting with a digit, at most {_NAME_LENGTH} characters"
    if name in _RESERVED or name.startswith(_RESERVED_PREFIXES):
        return "is reserved for the platform: choose another name"
    return None


def _value_problem(value: str) -> str | None:
    return "must not contain the NUL character" if "\0" in value else None


@frozen(kw_only=True)
class NewVariable:
    """One variable of `PUT /projects/{projectId}/env`; a secret without a value keeps its stored one."""

    name: Annotated[
        str, Rule(_name_problem), Shape({"pattern": f"^{_NAME.pattern}$", "maxLength": _NAME_LENGTH})
    ]
    value: Annotated[str, Rule(_value_problem)] | None = field(default=None, repr=False)
    is_secret: bool


@frozen(kw_only=True)
class NewVariables:
    """Body of `PUT /projects/{projectId}/env`: replaces all variables."""

    variables: tuple[NewVariable, ...]


@frozen(kw_only=True)
class SecretStore:
    """Secret variables as SecureStrings of the parameter store: written here, and never read.

    The parameter store encrypts each with its own ARN as encryption context, and the ARN names the project:
    one project's ciphertext is of no use under another's name.

    Attributes:
        client: SSM client.
        key: ARN of the key that encrypts secrets.
    """

    client: SSMClient
    key: str

    def put(self, parameter: str, value: str) -> None:
        """Write a secret, replacing what was there."""
        self.client.put_parameter(
            Name=parameter, Value=value, Type="SecureString", KeyId=self.key, Overwrite=True
        )

    def delete(self, parameter: str) -> None:
        """Delete a secret, if it is there."""
        try:
            self.client.delete_parameter(Name=parameter)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ParameterNotFound":  # pyright: ignore[reportTypedDictNotRequiredAccess] - AWS always tells
                raise


@frozen(kw_only=True)
class SecretRemover:
    """Deletes all secrets of a project, whatever its row says.

    Attributes:
        client: SSM client.
    """

    client: SSMClient

    def remove(self, folder: str) -> None:
        """Delete every parameter in a folder. Repeatable. Two calls for every ten of them.

        They are looked up encrypted: no right to read them is needed.
        """
        names: list[str] = []
        more: dict[str, str] = {}
        while True:
            answer = self.client.get_parameters_by_path(Path=folder, WithDecryption=False, **more)
            names += [parameter["Name"] for parameter in answer["Parameters"]]
            if "NextToken" not in answer:
                break
            more = {"NextToken": answer["NextToken"]}
        for start in range(0, len(names), _DELETED_AT_ONCE):
            self.client.delete_parameters(Names=names[start : start + _DELETED_AT_ONCE])


def replaced(project: Project, wanted: Sequence[NewVariable]) -> tuple[Variable, ...]:
    """Return a project's variables after being replaced by the wanted ones.

    Raises:
        InvalidInputError: A name twice, a value missing, too many or too large together; names every field.
    """
    stored = {variable.name: variable for variable in project.variables if variable.is_secret}
    times = Counter(variable.name for variable in wanted)
    problems: list[FieldProblem] = []
    result: list[Variable] = []
    for index, variable in enumerate(wanted):
        path = f"variables[{index}]"
        if times[variable.name] > 1:
            problems.append(FieldProblem(field=f"{path}.name", problem="appears more than once"))
        if variable.is_secret:
            kept = stored.get(variable.name)
            if variable.value is None and kept:
                size = kept.secret_size
            elif variable.value:
                size = _size(variable.name, variable.value)
            else:
                problem = "must not be empty: this secret has no value yet"
                problems.append(FieldProblem(field=f"{path}.value", problem=problem))
                continue
            result.append(Variable(name=variable.name, is_secret=True, secret_size=size))
        elif variable.value is None:
            problems.append(FieldProblem(field=f"{path}.value", problem="is required"))
        else:
            result.append(Variable(name=variable.name, value=variable.value, is_secret=False))
    if len(wanted) > COUNT_LIMIT:
        problems.append(FieldProblem(field="variables", problem=f"must be at most {COUNT_LIMIT}"))
    size = sum(
        variable.secret_size or 0 if variable.is_secret else _size(variable.name, variable.value or "")
        for variable in result
    )
    if size > SIZE_LIMIT:
        problem = f"must be at most {SIZE_LIMIT} bytes together, names and values as JSON; these are {size}"
        problems.append(FieldProblem(field="variables", problem=problem))
    if problems:
        raise InvalidInputError(*problems)
    return tuple(result)


def _size(name: str, value: str) -> int:
    return len(json.dumps({name: value}, ensure_ascii=False).encode())
