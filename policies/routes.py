"""Routes: whoever calls the APIs has a token, but for GitHub, and for who reads what there is (A1)."""

from collections.abc import Iterator
from typing import Final

from policies.graph import UNKNOWN, Resource, ResourceRule

# Routes without a token, and why.
OPEN: Final = {
    "POST /webhook/{projectId}": "GitHub signs the body instead, and the function checks that",
    "GET /openapi.json": "says what this checkout says of the API, to everybody the same",
}


def _route(resource: Resource) -> Iterator[str]:
    key = resource.get("routeKey")
    if key is UNKNOWN or key in OPEN:
        return
    if not resource.is_one_of("authorizationType", "JWT") or not resource.get("authorizerId"):
        yield f"answers {key} without a token: set authorizationType to JWT, and authorizerId"


def _authorizer(resource: Resource) -> Iterator[str]:
    if not resource.is_one_of("authorizerType", "JWT"):
        yield "checks no JWT: set authorizerType to JWT"
    elif not resource.get("jwtConfiguration.issuer") or not resource.get("jwtConfiguration.audiences"):
        yield "takes tokens from anyone, or for anyone: set the issuer and the audiences"


RULES: Final = (
    ResourceRule(
        name="routes-want-a-token",
        description="Every route has the JWT authorizer, but for the webhook and the API's description.",
        types=("aws:apigatewayv2/route:Route",),
        check=_route,
        severity="critical",
    ),
    ResourceRule(
        name="tokens-are-ours",
        description="Authorizers take JWTs of one issuer, for one audience.",
        types=("aws:apigatewayv2/authorizer:Authorizer",),
        check=_authorizer,
        severity="critical",
    ),
)
