"""What an API says of itself, compared with what it answers to made-up requests, right and wrong."""

from collections.abc import Callable, Mapping
from typing import Any

import requests
import schemathesis
from attrs import field, frozen
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from reference.api_document import Api, document

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@frozen(kw_only=True)
class Asked:
    """The statuses that a route answered with."""

    statuses: set[int] = field(factory=set)


@frozen(kw_only=True)
class DescribedApi:
    """An API's description.

    Attributes:
        schema: Closed: a field of an answer that it does not name is a violation.
    """

    schema: Any

    @classmethod
    def of(cls, api: Api) -> "DescribedApi":
        schema = schemathesis.openapi.from_dict(document(api, closed=True))
        # The session has the token. Parameters that nobody knows are ignored.
        schema.config.generation.update(with_security_parameters=False, allow_extra_parameters=False)
        return cls(schema=schema)

    def ask(  # noqa: PLR0913 - what a round of requests is made of
        self,
        route: str,
        *,
        session: requests.Session,
        base_url: str,
        examples: int,
        path: Mapping[str, str] | None = None,
        before: Callable[[Case], None] = lambda _: None,
    ) -> Asked:
        """Ask a route with right and with wrong requests, the same ones every time.

        Args:
            route: Its key.
            session: With the token.
            base_url: Where the API is.
            examples: How many of each kind.
            path: Parameters of its path that are not made up.
            before: Called before each request; may change it.
        """
        method, template = route.split(" ")
        operation = self.schema[template][method]
        asked = Asked()

        def answered(case: Case, checks: list[Any]) -> None:
            case.path_parameters.update(path or {})
            before(case)
            response = case.call(base_url=base_url, session=session, timeout=60)
            asked.statuses.add(response.status_code)
            case.validate_response(response, checks=checks)

        _each(operation.as_strategy(), examples, lambda case: answered(case, CHECKS))
        if _can_be_wrong(operation):
            wrong = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
            _each(wrong, examples, lambda case: answered(case, [*CHECKS, negative_data_rejection]))
        return asked


def _each(strategy: Any, examples: int, ask: Callable[[Case], None]) -> None:  # noqa: ANN401 - of Hypothesis
    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def asked(case: Case) -> None:
        ask(case)

    asked()


def _can_be_wrong(operation: Any) -> bool:  # noqa: ANN401 - Schemathesis's operations have no type
    """A path has no wrong parameters: what is not there is 404 in any case."""
    return bool(list(operation.body)) or any(each.name == "limit" for each in operation.query)
