"""Plain secrets: none is in an environment variable, nor anywhere else in the stack's state."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from policies.graph import Resource, ResourceRule

_FUNCTION: Final = "aws:lambda/function:Function"
_BUILD: Final = "aws:codebuild/project:Project"
# Variables that hold a secret itself, by their names; `..._ARN` and the like say where one is.
_SECRET_NAME: Final = re.compile(r"(?i).*(secret|password|passwd|token|credential|private_?key|api_?key)s?")
# How secrets look that have a form of their own.
_SECRET_FORMS: Final = {
    "an AWS access key": re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a GitHub token": re.compile(r"\b(gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{22,})"),
    "a Slack token": re.compile(r"\bxox[abprs]-[0-9A-Za-z-]{10,}"),
    "a Shopify token": re.compile(r"\bshp(at|ca|pa|ss)_[0-9a-fA-F]{32}\b"),
    "a JWT": re.compile(r"\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}"),
}


def _variables(resource: Resource) -> Iterator[str]:
    if resource.type == _FUNCTION:
        variables = resource.get("environment.variables")
        named = list(cast("Mapping[str, Any]", variables)) if isinstance(variables, Mapping) else []
    else:
        named = [
            str(variable["name"])
            for variable in resource.entries("environment.environmentVariables")
            if variable.get("type") in (None, "PLAINTEXT")
        ]
    yield from (
        f"has the secret {name} in plain text: keep it in the parameter store, and give the function its name"
        for name in named
        if _SECRET_NAME.fullmatch(name)
    )


def _forms(resource: Resource) -> Iterator[str]:
    for path, text in _texts(resource.props, ""):
        for what, form in _SECRET_FORMS.items():
            if form.search(text):
                yield f"has what looks like {what} in {path}"


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - whatever a resource takes
    """Every text in a value, with its path."""
    if isinstance(value, str):
        yield path.removeprefix("."), value
    elif isinstance(value, Mapping):
        for key, item in cast("Mapping[str, Any]", value).items():
            yield from _texts(item, f"{path}.{key}")
    elif isinstance(value, Sequence):
        for index, item in enumerate(cast("Sequence[Any]", value)):
            yield from _texts(item, f"{path}[{index}]")


RULES: Final = (
    ResourceRule(
        name="no-secret-variable",
        description="Environment variables of functions and builds say where secrets are, not what they are.",
        types=(_FUNCTION, _BUILD),
        check=_variables,
        severity="critical",
    ),
    ResourceRule(
        name="no-secret-in-plain-text",
        description="Nothing in a resource looks like a secret.",
        types=(),
        check=_forms,
        severity="critical",
    ),
)
