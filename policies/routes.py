"""Routes: every API route requires a token, except three public ones."""

from collections.abc import Iterator
from typing import Final

from policies.graph import UNKNOWN, Resource, ResourceRule

# Public routes, with the reason.
PUBLIC_ROUTES: Final = {
    "POST /webhook/{projectId}": "GitHub signs the body, and the function checks the signature",
    "$default": "every path without a route has the same answer: 404",
    "GET /openapi.json": "the API description is public and the same for everyone",
}


def _check_route(resource: Resource) -> Iterator[str]:
    key = resource.get("routeKey")
    if key is UNKNOWN or key in PUBLIC_ROUTES:
        return
    if not resource.is_one_of("authorizationType", "JWT") or not resource.get("authorizerId"):
        yield f"answers {key} without a token: set authorizationType to JWT and set authorizerId"


def _check_authorizer(resource: Resource) -> Iterator[str]:
    if not resource.is_one_of("authorizerType", "JWT"):
        yield "does not check a JWT: set authorizerType to JWT"
    elif not resource.get("jwtConfiguration.issuer") or not resource.get("jwtConfiguration.audiences"):
        yield "accepts tokens of any issuer or audience: set issuer and audiences"


RULES: Final = (
    ResourceRule(
        name="routes-require-a-token",
        description="Every route has the JWT authorizer, except the webhook, the description and `$default`.",
        types=("aws:apigatewayv2/route:Route",),
        check=_check_route,
        severity="critical",
    ),
    ResourceRule(
        name="authorizers-check-the-issuer",
        description="Authorizers accept only JWTs of one issuer for one audience.",
        types=("aws:apigatewayv2/authorizer:Authorizer",),
        check=_check_authorizer,
        severity="critical",
    ),
)
