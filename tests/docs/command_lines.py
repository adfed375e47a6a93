"""What commands there are: by the program, a function that says what is wrong with one, if anything."""

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
from runtime.deploy.api.routes import ROUTES
from runtime.images.service.routes import ROUTES as IMAGE_ROUTES
from tests.components.recorder import ROOT, recording

# The Pulumi command line is a Go program that the tests do without; from `pulumi help`, version 3.
PULUMI = {
    "up": {"-s", "--stack", "--policy-pack", "--yes", "--refresh", "--target"},
    "preview": {"-s", "--stack", "--policy-pack", "--diff"},
    "destroy": {"-s", "--stack"},
    "login": set(),
    "cancel": {"-s", "--stack"},
    "refresh": {"-s", "--stack"},
    "stack export": {"-s", "--stack"},
    "stack init": {"--secrets-provider"},
    "stack output": {"-s", "--stack", "--json"},
    "stack rm": {"-s", "--stack"},
    "config set": {"-s", "--stack"},
    "state unprotect": {"-s", "--stack", "--all", "--yes"},
}
# Commands of the AWS command line that no service model has.
AWS_OWN = {("s3", "ls"), ("s3", "rm"), ("s3", "sync"), ("logs", "tail")}
AWS_OPTIONS = {
    "--output",
    "--query",
    "--region",
    "--profile",
    "--no-cli-pager",
    "--cli-input-json",
    "--max-items",
}
AWS_OWN_OPTIONS = {"--recursive", "--follow", "--since", "--dryrun"}
# Of which only the program is checked; each is on every machine that can follow the documents.
COMMON = {
    "base64",
    "cd",
    "curl",
    "date",
    "echo",
    "git",
    "grep",
    "npm",
    "npx",
    "od",
    "open-next",
    "sort",
    "tr",
    "xargs",
}


def problem(command: list[str]) -> str | None:
    """What is wrong with a command; None when there is such a command with such options."""
    program, *arguments = command
    if program.endswith("python") or program == "python3":
        program = "python"
    if program in COMMON:
        return _curl(arguments) if program == "curl" else None
    checks: dict[str, Callable[[list[str]], str | None]] = {
        "aws": _aws,
        "make": _make,
        "pulumi": _pulumi,
        "python": _python,
    }
    check = checks.get(program)
    return check(arguments) if check else f"no document says what {program!r} is"


def is_route(method: str, path: str) -> bool:
    """Whether one of the APIs has the route; parameters may have any name or value."""
    known = {(route.method, _general(route.path)) for route in (*ROUTES, *IMAGE_ROUTES)}
    return (method, _general(path)) in known or any(
        method == each and re.fullmatch(pattern.replace("{}", "[^/]+"), path) for each, pattern in known
    )


def _general(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


@lru_cache
def make_targets() -> frozenset[str]:
    return frozenset(re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def _make(arguments: list[str]) -> str | None:
    targets = [word for word in arguments if "=" not in word and not word.startswith("-")]
    missing = sorted(set(targets) - make_targets())
    return f"the Makefile has no target {', '.join(missing)}" if missing else None


def _python(arguments: list[str]) -> str | None:
    if arguments[:1] != ["-m"]:
        return "only modules are run"
    module, *rest = arguments[1:]
    if importlib.util.find_spec(module) is None:
        return f"there is no module {module}"
    app = _app(module)
    if app is None:
        return None
    chain, apps, unused = app.parse_commands(rest)
    if not rest:
        return None
    if not chain or apps[-1].default_command is None:
        return f"{module} has no command {' '.join(rest)}"
    names = {name for each in apps[-1].assemble_argument_collection() for name in each.names}
    return _unknown(_options(unused), names | {"--help"})


def _app(module: str) -> App | None:
    if module == "local":
        return local.__main__.app
    if module == "anchor":
        nobody = Client(file=CredentialsFile(folder=Path()), now=time.time)
        return build_app(Terminal(client=nobody))
    return None


def _pulumi(arguments: list[str]) -> str | None:
    known = next((name for name in PULUMI if arguments[: len(name.split())] == name.split()), None)
    if known is None:
        return f"pulumi has no command {' '.join(arguments[:2])} that the documents may use"
    words = arguments[len(known.split()) :]
    if known == "stack output" and words and not words[0].startswith("-"):
        outputs = recording("production").outputs
        if words[0] not in outputs:
            return f"the stack has no output {words[0]}"
    return _unknown(_options(words), PULUMI[known])


@lru_cache
def _session() -> botocore.session.Session:
    return botocore.session.Session()


@lru_cache
def _operations(service: str) -> dict[str, str]:
    """The operations of a service, as the command line spells them and as AWS does."""
    model = _session().get_service_model(service)
    return {xform_name(name).replace("_", "-"): name for name in model.operation_names}


def _aws(arguments: list[str]) -> str | None:
    service, command, *rest = [*arguments, "", ""][: max(2, len(arguments))]
    options = _options(rest)
    if (service, command) in AWS_OWN:
        return _unknown(options, AWS_OPTIONS | AWS_OWN_OPTIONS)
    name = "s3" if service == "s3api" else service
    if service == "s3" or name not in _session().get_available_services():
        return f"aws has no command {service} {command} that the documents may use"
    if command == "wait" and rest[:1]:
        waiters = _session().get_waiter_model(name).waiter_names
        found = {xform_name(waiter).replace("_", "-") for waiter in waiters}
        return None if rest[0] in found else f"aws {service} waits for no {rest[0]}"
    if command not in _operations(name):
        return f"aws {service} has no command {command}"
    shape = _session().get_service_model(name).operation_model(_operations(name)[command]).input_shape
    members = shape.members if shape else {}
    required = {
        f"--{xform_name(each).replace('_', '-')}" for each in (shape.required_members if shape else [])
    }
    known = {f"--{xform_name(member).replace('_', '-')}" for member in members}
    known |= {option.replace("--", "--no-", 1) for option in known}
    missing = sorted(required - set(options))
    if missing and options:
        return f"aws {service} {command} needs {', '.join(missing)}"
    return _unknown(options, known | AWS_OPTIONS)


def _curl(arguments: list[str]) -> str | None:
    """Requests go to routes that there are."""
    method = "GET"
    for option, value in pairwise(arguments):
        if option in ("-X", "--request"):
            method = value
    for word in arguments:
        beginning, _, path = word.partition("SUBSTITUTED/")
        if path and not beginning and not is_route(method, f"/{path}"):
            return f"no API has the route {method} /{path}"
    return None


def _options(words: list[str]) -> list[str]:
    return [word.partition("=")[0] for word in words if word.startswith("-") and word != "-"]


def _unknown(options: list[str], known: set[str]) -> str | None:
    unknown = sorted(set(options) - known)
    return f"unknown: {', '.join(unknown)}" if unknown else None
