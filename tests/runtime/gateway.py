"""An in-process API Gateway: it turns requests of the library `requests` into events for handlers."""

import io
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import requests
from attrs import evolve, frozen
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from runtime.shared.api.routes import Route

ENDPOINT = "http://api.test"
Respond = Callable[[dict[str, Any]], dict[str, Any]]


@frozen(kw_only=True)
class Gateway:
    """An API Gateway that receives all requests from one signed-in user.

    Attributes:
        functions: The handler of each function, by the name that the routes use for the function.
    """

    routes: tuple[Route, ...]
    functions: Mapping[str, Respond]
    user_id: str

    def open_session(self) -> requests.Session:
        session = requests.Session()
        session.mount(ENDPOINT, _Adapter(self))
        return session

    def answer(self, request: requests.PreparedRequest) -> dict[str, Any]:
        url = urlsplit(str(request.url))
        for route in self.routes:
            pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(route.path))
            found = re.fullmatch(pattern, url.path)
            if found and request.method == route.method:
                return self.functions[route.function](self._make_event(request, route, found.groupdict()))
        # The route `$default` of the gateway leads to the function that also serves the API description.
        default = evolve(self.routes[-1], path="$default", auth=False)
        return self.functions[default.function](
            {**self._make_event(request, default, {}), "routeKey": default.path}
        )

    def _make_event(
        self, request: requests.PreparedRequest, route: Route, parameters: Mapping[str, str]
    ) -> dict[str, Any]:
        body = request.body or b""
        query = parse_qs(urlsplit(str(request.url)).query, keep_blank_values=True)
        claims = {"sub": self.user_id, "token_use": "access", "cognito:groups": "[deploy images]"}
        authorizer = {"authorizer": {"jwt": {"claims": claims}}} if route.auth else {}
        return {
            "routeKey": route.key,
            "headers": {name.lower(): str(value) for name, value in request.headers.items()},
            "queryStringParameters": {name: ",".join(values) for name, values in query.items()},
            "pathParameters": {name: unquote(value) for name, value in parameters.items()},
            "requestContext": {"requestId": "request-1", **authorizer},
            "body": body if isinstance(body, str) else body.decode("utf-8", "replace"),
        }


class _Adapter(BaseAdapter):
    def __init__(self, gateway: Gateway) -> None:
        super().__init__()
        self._gateway = gateway

    def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:
        answer = self._gateway.answer(request)
        body = str(answer.get("body", "")).encode()
        response = requests.Response()
        response.status_code = int(answer["statusCode"])
        response.headers.update(answer["headers"])
        response.raw = HTTPResponse(
            io.BytesIO(body), answer["headers"], status=response.status_code, preload_content=False
        )
        response.url, response.request = str(request.url), request
        return response

    def close(self) -> None:
        pass
