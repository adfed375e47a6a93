"""Checks of command lines: whether the command, its options and its targets exist."""

import importlib.util
import re
import time
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import botocore.session
from botocore import xform_name
from cyclopts import App

import local.__main__
from anchor.app import build_app
from anchor.client import Client
from anchor.credentials import CredentialsFile
from anchor.terminal import Terminal
from local.layers import create_parser
from runtime.deploy.api.routes import ROUTES
from runtime.images.service.routes import ROUTES as IMAGE_ROUTES
from tests.components.recorder import ROOT, get_recording

# The tests run without the Pulumi command line, so these options are copied from `pulumi help`, version 3.
PULUMI = {
    "up": {"-s", "--stack", "--policy-pack", "--yes", "--refresh", "--target"},
    "preview": {"-s", "--stack", "--policy-pack", "--diff", "--refresh", "--expect-no-changes"},
    "destroy": {"-s", "--stack", "--skip-preview"},
    "import": {"-s", "--stack", "--generate-code", "--protect", "--parent"},
    "login": set(),
    "cancel": {"-s", "--stack"},
    "refresh": {"-s", "--stack", "--preview-only", "--clear-pending-creates"},
    "stack change-secrets-provider": {"-s", "--stack"},
    "stack export": {"-s", "--stack"},
    "stack init": {"--secrets-provider"},
    "stack output": {"-s", "--stack", "--json"},
    "stack rm": {"-s", "--stack"},
    # This entry is after the longer commands that begin with the same word, because the first match counts.
    "stack": {"-s", "--stack", "--show-urns"},
    "config set": {"-s", "--stack"},
    "package add": set(),
    "state unprotect": {"-s", "--stack", "--all", "--yes"},
}
# Commands of the AWS command line that are not operations of a service.
AWS_CUSTOM = {
    ("cloudformation", "deploy"),
    ("s3", "cp"),
    ("s3", "ls"),
    ("s3", "rm"),
    ("s3", "sync"),
    ("logs", "tail"),
}
AWS_OPTIONS = {
    "--output",
    "--query",
    "--region",
    "--profile",
    "--no-cli-pager",
    "--cli-input-json",
    "--max-items",
}
AWS_CUSTOM_OPTIONS = {
    "--capabilities",
    "--dryrun",
    "--follow",
    "--parameter-overrides",
    "--recursive",
    "--since",
    "--stack-name",
    "--template-file",
}
# Common programs, whose arguments are not checked.
COMMON = {
    "base64",
    "cd",
    "command",
    "curl",
    "date",
    "echo",
    "gh",
    "git",
    "grep",
    "jq",
    "npm",
    "rm",
    "npx",
    "od",
    "open-next",
    "pip",
    "pipx",
    "sort",
    "tr",
    "uv",
    "xargs",
}


def find_problem(command: list[str]) -> str | None:
    """Return the problem of a command, or None if the command and its options exist."""
    program, *arguments = command
    if program.endswith("python") or program == "python3":
        program = "python"
    program = program.removeprefix(".venv/bin/")
    if program in COMMON:
        return _check_curl(arguments) if program == "curl" else None
    checks: dict[str, Callable[[list[str]], str | None]] = {
        "anchor": lambda words: _check_app("anchor", words),
        "anchor-layers": _check_layers,
        "aws": _check_aws,
        "make": _check_make,
        "pulumi": _check_pulumi,
        "python": _check_python,
    }
    check = checks.get(program)
    return check(arguments) if check else f"the program {program!r} is unknown"


def is_route(method: str, path: str) -> bool:
    """Return whether an API has the route. Path parameters may have any name or value."""
    known = {(route.method, _normalize_path(route.path)) for route in (*ROUTES, *IMAGE_ROUTES)}
    return (method, _normalize_path(path)) in known or any(
        method == each and re.fullmatch(pattern.replace("{}", "[^/]+"), path) for each, pattern in known
    )


def _normalize_path(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


@lru_cache
def _read_make_targets() -> frozenset[str]:
    return frozenset(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def _check_make(arguments: list[str]) -> str | None:
    targets = [word for word in arguments if "=" not in word and not word.startswith("-")]
    missing = sorted(set(targets) - _read_make_targets())
    return f"the Makefile has no target {', '.join(missing)}" if missing else None


def _check_python(arguments: list[str]) -> str | None:
    if arguments[:1] != ["-m"]:
        return "python must be called with -m"
    module, *rest = arguments[1:]
    if importlib.util.find_spec(module) is None:
        return f"there is no module {module}"
    return _check_app(module, rest)


def _check_app(module: str, words: list[str]) -> str | None:
    app = _find_app(module)
    words = [word for word in words if word not in {"--help", "--version"}]
    if app is None or not words:
        return None
    chain, apps, unused = app.parse_commands(words)
    if not chain or apps[-1].default_command is None:
        return f"{module} has no command {' '.join(words)}"
    names = {name for each in apps[-1].assemble_argument_collection() for name in each.names}
    return _describe_unknown_options(_find_options(unused), names)


def _find_app(module: str) -> App | None:
    if module == "local":
        return local.__main__.app
    if module == "anchor":
        client = Client(file=CredentialsFile(folder=Path()), now=time.time)
        return build_app(Terminal(client=client))
    return None


def _check_layers(arguments: list[str]) -> str | None:
    known = {name for action in create_parser()._actions for name in action.option_strings}
    return _describe_unknown_options(_find_options(arguments), known)


def _check_pulumi(arguments: list[str]) -> str | None:
    known = next((name for name in PULUMI if arguments[: len(name.split())] == name.split()), None)
    if known is None:
        return f"pulumi has no command {' '.join(arguments[:2])} in the list of this test"
    words = arguments[len(known.split()) :]
    if known == "stack output" and words and not words[0].startswith("-"):
        outputs = get_recording("production").outputs
        if words[0] not in outputs:
            return f"the stack has no output {words[0]}"
    return _describe_unknown_options(_find_options(words), PULUMI[known])


@lru_cache
def _get_session() -> botocore.session.Session:
    return botocore.session.Session()


@lru_cache
def _list_operations(service: str) -> dict[str, str]:
    """Return the operations of a service: name in the command line -> name in the API."""
    model = _get_session().get_service_model(service)
    return {xform_name(name).replace("_", "-"): name for name in model.operation_names}


def _check_aws(arguments: list[str]) -> str | None:
    service, command, *rest = [*arguments, "", ""][: max(2, len(arguments))]
    options = _find_options(rest)
    if (service, command) in AWS_CUSTOM:
        return _describe_unknown_options(options, AWS_OPTIONS | AWS_CUSTOM_OPTIONS)
    name = "s3" if service == "s3api" else service
    if service == "s3" or name not in _get_session().get_available_services():
        return f"aws has no command {service} {command}"
    if command == "wait" and rest[:1]:
        waiters = _get_session().get_waiter_model(name).waiter_names
        known = {xform_name(waiter).replace("_", "-") for waiter in waiters}
        return None if rest[0] in known else f"aws {service} has no waiter {rest[0]}"
    if command not in _list_operations(name):
        return f"aws {service} has no command {command}"
    shape = (
        _get_session().get_service_model(name).operation_model(_list_operations(name)[command]).input_shape
    )
    members = shape.members if shape else {}
    required = {
        f"--{xform_name(each).replace('_', '-')}" for each in (shape.required_members if shape else [])
    }
    known = {f"--{xform_name(member).replace('_', '-')}" for member in members}
    known |= {option.replace("--", "--no-", 1) for option in known}
    missing = sorted(required - set(options))
    if missing and options:
        return f"aws {service} {command} needs {', '.join(missing)}"
    return _describe_unknown_options(options, known | AWS_OPTIONS)


def _check_curl(arguments: list[str]) -> str | None:
    """Return a problem if the request is for a route that no API has.

    In the documents, the URL of an API is a command substitution. `parse_commands` replaces it by
    `SUBSTITUTED`.
    """
    method = "GET"
    for option, value in pairwise(arguments):
        if option in ("-X", "--request"):
            method = value
    for word in arguments:
        prefix, _, path = word.partition("SUBSTITUTED/")
        if path and not prefix and not is_route(method, f"/{path}"):
            return f"no API has the route {method} /{path}"
    return None


def _find_options(words: list[str]) -> list[str]:
    return [word.partition("=")[0] for word in words if word.startswith("-") and word != "-"]


def _describe_unknown_options(options: list[str], known: set[str]) -> str | None:
    unknown = sorted(set(options) - known)
    return f"unknown: {', '.join(unknown)}" if unknown else None
