"""The registry of resource types: one small function per type token and operation.

A creator creates the resource with boto3. It returns the resource's ID and those outputs of pulumi-aws that
are not also inputs. The outputs have pulumi-aws's names, in camelCase. The engine adds the inputs to them.

A reader reads the declared properties of a resource back from AWS, so that changes by other people are seen.
"""

from collections.abc import Callable

from botocore.exceptions import ClientError

from local.providers.core.read_back import select_declared
from local.providers.core.resource import CreatedResource, DeclaredResource, Properties, ProviderContext

Create = Callable[[ProviderContext, DeclaredResource], CreatedResource]
Update = Callable[[ProviderContext, DeclaredResource, CreatedResource], CreatedResource]
Delete = Callable[[ProviderContext, DeclaredResource, CreatedResource], None]
Read = Callable[[ProviderContext, DeclaredResource, CreatedResource], Properties | None]
Invoke = Callable[[ProviderContext, Properties], Properties]

CREATORS: dict[str, Create] = {}
# A type whose properties all force a replacement has no updater (`replacement_rules`).
UPDATERS: dict[str, Update] = {}
DELETERS: dict[str, Delete] = {}
READERS: dict[str, Read] = {}
# Like `READERS`, but the functions return all properties that AWS knows, not only the declared ones.
COMPLETE_READERS: dict[str, Read] = {}
# The properties of each type that AWS does not return. Readers return them as declared.
UNREADABLE_PROPERTIES: dict[str, frozenset[str]] = {}
INVOKES: dict[str, Invoke] = {}


def register_creator(token: str, *, repeatable: bool = False) -> Callable[[Create], Create]:
    """Register the creator of a type.

    Args:
        token: `aws:<module>/<type>:<Type>`.
        repeatable: Whether a second call of the creator changes the existing resource (for example a policy).
    """

    def register(create: Create) -> Create:
        CREATORS[token] = create
        if repeatable:
            UPDATERS[token] = lambda aws, declared, _made: create(aws, declared)
        return create

    return register


def register_updater(token: str) -> Callable[[Update], Update]:
    """Register the function that changes a resource of the type in place."""

    def register(update: Update) -> Update:
        UPDATERS[token] = update
        return update

    return register


def register_deleter(token: str) -> Callable[[Delete], Delete]:
    """Register the function that deletes a resource of the type.

    The function may raise AWS's error for a missing resource. The wrapper in `DELETERS` ignores this error.
    """

    def register(delete: Delete) -> Delete:
        def delete_existing(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> None:
            try:
                delete(aws, declared, made)
            except ClientError as error:
                if not _is_not_found_error(error):
                    raise

        DELETERS[token] = delete_existing
        return delete

    return register


def register_reader(token: str, *, unreadable: tuple[str, ...] = ()) -> Callable[[Read], Read]:
    """Register the function that reads a resource of the type.

    The function returns all properties that AWS knows, with pulumi-aws's names. For a missing resource, it
    returns None or raises AWS's error. The wrapper in `READERS` returns only the properties that the program
    declares. If nobody changed the resource in AWS, they equal the declared properties.

    Args:
        token: `aws:<module>/<type>:<Type>`.
        unreadable: Properties that AWS does not return. The reader returns them as declared.
    """

    def register(read: Read) -> Read:
        def read_all(
            aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
        ) -> Properties | None:
            try:
                found = read(aws, declared, made)
            except ClientError as error:
                if not _is_not_found_error(error):
                    raise
                return None
            if found is None:
                return None
            return {**{name: declared.properties.get(name) for name in (*unreadable, "region")}, **found}

        def read_declared(
            aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
        ) -> Properties | None:
            found = read_all(aws, declared, made)
            return None if found is None else select_declared(declared.properties, found)

        COMPLETE_READERS[token] = read_all
        READERS[token] = read_declared
        UNREADABLE_PROPERTIES[token] = frozenset(unreadable)
        return read

    return register


def _is_not_found_error(error: ClientError) -> bool:
    """Return whether AWS's error says that the resource does not exist. Each service has its own code."""
    code = str(error.response["Error"].get("Code"))
    return code.startswith("NoSuch") or any(
        text in code for text in ("NotFound", "NonExistent", "DoesNotExist", "404")
    )


def register_provider_function(token: str) -> Callable[[Invoke], Invoke]:
    """Register the implementation of a provider function, such as `aws:index/getRegion:getRegion`."""

    def register(invoke: Invoke) -> Invoke:
        INVOKES[token] = invoke
        return invoke

    return register
