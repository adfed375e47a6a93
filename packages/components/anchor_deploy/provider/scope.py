"""The argument `scope` of the provider's components."""

# Pulumi derives the provider's schema from these annotations. The text after a field becomes its description.

from enum import Enum
from typing import NotRequired, TypedDict

import attrs

from components.core.scope import ResourceScope


class Architecture(Enum):
    """A CPU architecture of Lambda."""

    ARM64 = "arm64"
    X86_64 = "x86_64"


class ScopeArgs(TypedDict):
    """Values that the resources of a program share."""

    prefix: str
    """Start of the names of all resources: 1 to 40 of a-z, 0-9 and single hyphens."""
    retain: bool
    """Whether data is protected and kept when its resource is removed from the program."""
    tags: NotRequired[dict[str, str]]
    """Tags of every resource that supports tags."""
    log_retention_days: NotRequired[int]
    """Days for which CloudWatch keeps logs. The default is 30."""
    architecture: NotRequired[Architecture]
    """CPU architecture of functions. The default is arm64."""
    python_runtime: NotRequired[str]
    """Lambda runtime of Python functions. The default is python3.13."""
    reserves_concurrency: NotRequired[bool]
    """Whether functions have reserved concurrency. The default is false."""


def create_scope(args: ScopeArgs) -> ResourceScope:
    """Return the scope that the arguments describe.

    Raises:
        DeclarationError: A value is invalid.
    """
    scope = ResourceScope(prefix=args["prefix"], retain=args["retain"], tags=args.get("tags") or {})
    return attrs.evolve(
        scope,
        log_retention_days=int(args.get("log_retention_days", scope.log_retention_days)),
        architecture=args["architecture"].value if "architecture" in args else scope.architecture,
        python_runtime=args.get("python_runtime", scope.python_runtime),
        reserves_concurrency=args.get("reserves_concurrency", scope.reserves_concurrency),
    )
