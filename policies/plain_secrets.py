"""Plain secrets: no environment variable and no other input of a resource contains a secret."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from policies.graph import Resource, ResourceRule

_FUNCTION: Final = "aws:lambda/function:Function"
_BUILD: Final = "aws:codebuild/project:Project"
# Names of variables that contain a secret. Names such as `..._ARN` refer to a secret and are allowed.
_SECRET_NAME: Final = re.compile(r"(?i).*(secret|password|passwd|token|credential|private_?key|api_?key)s?")
# Patterns of secrets with a known format.
_SECRET_PATTERNS: Final = {
    "an AWS access key": re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a GitHub token": re.compile(r"\b(gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{22,})"),
    "a Slack token": re.compile(r"\bxox[abprs]-[0-9A-Za-z-]{10,}"),
    "a Shopify token": re.compile(r"\bshp(at|ca|pa|ss)_[0-9a-fA-F]{32}\b"),
    "a JWT": re.compile(r"\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}"),
}


def _check_variable_names(resource: Resource) -> Iterator[str]:
    if resource.type == _FUNCTION:
        variables = resource.get("environment.variables")
        names = list(cast("Mapping[str, Any]", variables)) if isinstance(variables, Mapping) else []
    else:
        names = [
            str(variable["name"])
            for variable in resource.get_list("environment.environmentVariables")
            if variable.get("type") in (None, "PLAINTEXT")
        ]
    yield from (
        f"has the secret {name} in plain text: store it in Parameter Store, and pass the parameter's name"
        for name in names
        if _SECRET_NAME.fullmatch(name)
    )


def _check_secret_patterns(resource: Resource) -> Iterator[str]:
    for path, text in _find_texts(resource.props, ""):
        for kind, pattern in _SECRET_PATTERNS.items():
            if pattern.search(text):
                yield f"contains {kind} in {path}: store it in Parameter Store"


def _find_texts(value: Any, path: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any input of a resource
    """Yield every string in a value, with its path."""
    if isinstance(value, str):
        yield path.removeprefix("."), value
    elif isinstance(value, Mapping):
        for key, item in cast("Mapping[str, Any]", value).items():
            yield from _find_texts(item, f"{path}.{key}")
    elif isinstance(value, Sequence):
        for index, item in enumerate(cast("Sequence[Any]", value)):
            yield from _find_texts(item, f"{path}[{index}]")


RULES: Final = (
    ResourceRule(
        name="no-secret-variable",
        description="Environment variables of functions and builds do not contain secrets.",
        types=(_FUNCTION, _BUILD),
        check=_check_variable_names,
        severity="critical",
    ),
    ResourceRule(
        name="no-secret-in-plain-text",
        description="No input of a resource looks like a secret.",
        types=(),
        check=_check_secret_patterns,
        severity="critical",
    ),
)
