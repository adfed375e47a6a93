"""Policy statements of a recorded program."""

from collections.abc import Iterator

from attrs import frozen

from policies.documents import DOCUMENTS, Statement, read_statements
from tests.components.recorder import Recording
from tests.policies.views import build_graph


@frozen
class DeclaredStatement(Statement):
    """A statement, with the URN and the type token of the resource that contains it."""

    resource_urn: str
    resource_type: str


def read_policy_statements(recorded: Recording) -> Iterator[DeclaredStatement]:
    """Yield every statement of every policy document that a program declares."""
    for resource in build_graph(recorded).find_by_type(*DOCUMENTS):
        for statement in read_statements(resource):
            yield DeclaredStatement(statement.document, resource.urn, resource.type)
