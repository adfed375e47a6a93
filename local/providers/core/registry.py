"""The registry of resource types: one small function per type token and operation.

A creator creates the resource with boto3. It returns the resource's ID and those outputs of pulumi-aws that
are not also inputs. The outputs have pulumi-aws's names, in camelCase. The engine adds the inputs to them.
"""

from collections.abc import Callable

from local.providers.core.resource import CreatedResource, DeclaredResource, Properties, ProviderContext

Create = Callable[[ProviderContext, DeclaredResource], CreatedResource]
Update = Callable[[ProviderContext, DeclaredResource, CreatedResource], CreatedResource]
Delete = Callable[[ProviderContext, DeclaredResource, CreatedResource], None]
Invoke = Callable[[ProviderContext, Properties], Properties]

CREATORS: dict[str, Create] = {}
UPDATERS: dict[str, Update] = {}
DELETERS: dict[str, Delete] = {}
INVOKES: dict[str, Invoke] = {}


def creates(token: str, *, repeatable: bool = False) -> Callable[[Create], Create]:
    """Register the creator of a type.

    Args:
        token: `aws:<module>/<type>:<Type>`.
        repeatable: Whether a second call of the creator updates the existing resource, as for a policy. The
            creator is then registered for updates, too.
    """

    def register(create: Create) -> Create:
        CREATORS[token] = create
        if repeatable:
            UPDATERS[token] = lambda aws, declared, _made: create(aws, declared)
        return create

    return register


def updates(token: str) -> Callable[[Update], Update]:
    """Register the function that changes a resource of the type in place."""

    def register(update: Update) -> Update:
        UPDATERS[token] = update
        return update

    return register


def deletes(token: str) -> Callable[[Delete], Delete]:
    """Register the function that deletes a resource of the type."""

    def register(delete: Delete) -> Delete:
        DELETERS[token] = delete
        return delete

    return register


def invokes(token: str) -> Callable[[Invoke], Invoke]:
    """Register the implementation of a provider function, such as `aws:index/getRegion:getRegion`."""

    def register(invoke: Invoke) -> Invoke:
        INVOKES[token] = invoke
        return invoke

    return register
