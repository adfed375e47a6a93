"""Every statement of every policy document that a program declares."""

from collections.abc import Iterator

from attrs import frozen

from policies.documents import DOCUMENTS, Statement
from policies.documents import statements as statements_of
from tests.components.recorder import Recording
from tests.policies.views import graph_of


@frozen
class Declared(Statement):
    """A statement; `of` is the URN of the resource that carries it, `kind` that resource's type token."""

    of: str
    kind: str


def statements(recorded: Recording) -> Iterator[Declared]:
    """Every statement of every policy document of a program."""
    for resource in graph_of(recorded).of(*DOCUMENTS):
        for statement in statements_of(resource):
            yield Declared(statement.document, resource.urn, resource.type)
