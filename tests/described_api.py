"""Sends requests generated from an OpenAPI document, and checks the responses against this document."""

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

from reference.api_document import Api, build_document

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@frozen(kw_only=True)
class RouteResponses:
    """The status codes of all responses of a route."""

    statuses: set[int] = field(factory=set)


@frozen(kw_only=True)
class DescribedApi:
    """The OpenAPI document of an API.

    Attributes:
        schema: The document as loaded by Schemathesis. Undocumented fields in responses are violations.
    """

    schema: Any

    @classmethod
    def from_api(cls, api: Api) -> "DescribedApi":
        """Return the loaded OpenAPI document of an API."""
        schema = schemathesis.openapi.from_dict(build_document(api, closed=True))
        # Generate no security parameters, because the session sends the access token.
        schema.config.generation.update(with_security_parameters=False)
        return cls(schema=schema)

    def send_requests(  # noqa: PLR0913 - all of them vary between the tests
        self,
        route: str,
        *,
        session: requests.Session,
        base_url: str,
        examples: int,
        path: Mapping[str, str] | None = None,
        before: Callable[[Case], None] = lambda _: None,
    ) -> RouteResponses:
        """Send valid and invalid requests to a route and check the responses.

        The requests are the same in all runs.

        Args:
            route: The route key of API Gateway, for example `GET /projects`.
            session: A session with the access token.
            base_url: The URL of the API.
            examples: The maximum number of valid requests, and of invalid requests.
            path: Values of path parameters, in place of generated ones.
            before: Function that is called before each request and may change the request.
        """
        method, template = route.split(" ")
        operation = self.schema[template][method]
        responses = RouteResponses()

        def check_response(case: Case, checks: list[Any]) -> None:
            case.path_parameters.update(path or {})
            before(case)
            response = case.call(base_url=base_url, session=session, timeout=60)
            responses.statuses.add(response.status_code)
            case.validate_response(response, checks=checks)

        _check_each_case(operation.as_strategy(), examples, lambda case: check_response(case, CHECKS))
        if _has_invalid_requests(operation):
            wrong = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
            _check_each_case(
                wrong, examples, lambda case: check_response(case, [*CHECKS, negative_data_rejection])
            )
        return responses


def _check_each_case(strategy: Any, examples: int, check: Callable[[Case], None]) -> None:  # noqa: ANN401 - of Hypothesis
    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def run(case: Case) -> None:
        check(case)

    run()


def _has_invalid_requests(operation: Any) -> bool:  # noqa: ANN401 - Schemathesis's operations have no type
    """Return whether a request can have an invalid body or an invalid `limit`.

    Other parameters do not count: the answer to an invalid path is only a 404.
    """
    return bool(list(operation.body)) or any(each.name == "limit" for each in operation.query)
