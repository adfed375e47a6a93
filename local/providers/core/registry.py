"""How a type of resource comes into the emulator: one small function for each type token.

A creator makes the real thing with boto3 and returns what pulumi-aws would: the id and the outputs beyond
the inputs, in the provider's camelCase names. Inputs are returned to the program as they are.
"""

from collections.abc import Callable

from local.providers.core.resource import Aws, Declared, Made, Properties

Create = Callable[[Aws, Declared], Made]
Update = Callable[[Aws, Declared, Made], Made]
Delete = Callable[[Aws, Declared, Made], None]
Invoke = Callable[[Aws, Properties], Properties]

CREATORS: dict[str, Create] = {}
UPDATERS: dict[str, Update] = {}
DELETERS: dict[str, Delete] = {}
INVOKES: dict[str, Invoke] = {}


def creates(token: str, *, repeatable: bool = False) -> Callable[[Create], Create]:
    """Register the creator of a type.

    Args:
        token: `aws:<module>/<type>:<Type>`.
        repeatable: Creating it again is how AWS changes it (a policy, a rule, a configuration of something).
    """

    def register(create: Create) -> Create:
        CREATORS[token] = create
        if repeatable:
            UPDATERS[token] = lambda aws, declared, _made: create(aws, declared)
        return create

    return register


def updates(token: str) -> Callable[[Update], Update]:
    """Register how a resource of the type is changed in place."""

    def register(update: Update) -> Update:
        UPDATERS[token] = update
        return update

    return register


def deletes(token: str) -> Callable[[Delete], Delete]:
    """Register how a resource of the type is deleted."""

    def register(delete: Delete) -> Delete:
        DELETERS[token] = delete
        return delete

    return register


def invokes(token: str) -> Callable[[Invoke], Invoke]:
    """Register a function of the provider, such as `aws:index/getRegion:getRegion`."""

    def register(invoke: Invoke) -> Invoke:
        INVOKES[token] = invoke
        return invoke

    return register
