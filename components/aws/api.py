"""HttpApi: an HTTP API with a JWT authorizer in front of every route that says so (A1, I1)."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final

import attrs
import pulumi
import pulumi_aws as aws

from components.aws.domain import AliasTarget, Certificate, CertificateArgs, alias_record
from components.aws.function import Function
from components.core.component import Component
from components.core.errors import DeclarationError
from components.core.hosts import ORIGIN_IS, is_origin
from components.core.outputs import composed
from components.core.stage import StageConfig
from runtime.shared.api.routes import Route

# What an operator asks an access log: who, what, how it ended, how long it took. No headers and no query
# strings: they can carry secrets.
_ACCESS_LOG: Final = json.dumps(
    {
        "requestId": "$context.requestId",
        "ip": "$context.identity.sourceIp",
        "time": "$context.requestTime",
        "route": "$context.routeKey",
        "status": "$context.status",
        "latency": "$context.responseLatency",
        "user": "$context.authorizer.claims.sub",
        "error": "$context.error.message",
    }
)
_NOT_IN_IDS: Final = re.compile(r"[^a-zA-Z0-9]+")
_METHODS: Final = ("DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT")
_HEADERS: Final = ("Authorization", "Content-Type")
# What a page may read of an answer beyond its status, body, type and length: when to ask again, and by which
# id the access log has the request. API Gateway sends the latter with each answer.
_ANSWERED_HEADERS: Final = ("Apigw-Requestid", "Retry-After")
_HOUR: Final = 3600
# API Gateway's own quota for all HTTP APIs of an account and region; a higher one is asked of AWS.
_MOST_REQUESTS: Final = 10_000
_LONGEST_NAME: Final = 128


@attrs.frozen(kw_only=True)
class ApiDomain:
    """A host of our own for an API.

    Attributes:
        host: The host.
        zone: The id of its Route 53 zone.
    """

    host: str
    zone: str


@attrs.frozen(kw_only=True)
class HttpApiArgs:
    """What an HttpApi is made of.

    Attributes:
        stage: The stage it belongs to.
        issuer: Whose tokens it trusts.
        audience: For whom the tokens must be.
        cors_origins: Origins in full (`https://app.example.com`) whose pages may call it from a browser; no
            page may, without.
        rate: Requests per second beyond which callers get 429, all routes together.
        burst: Requests at once beyond which they do.
        domain: A host of its own, beside the name that AWS gives it.

    Raises:
        DeclarationError: An origin is none, or stands for all of them; or the rate is none that is allowed.
    """

    stage: StageConfig
    issuer: pulumi.Input[str]
    audience: pulumi.Input[str]
    cors_origins: tuple[str, ...] = ()
    rate: int = 100
    burst: int = 200
    domain: ApiDomain | None = None

    def __attrs_post_init__(self) -> None:
        for origin in self.cors_origins:
            if not is_origin(origin):
                raise DeclarationError(f"CORS for the origin {origin!r}; allowed: {ORIGIN_IS}")
        if not (0 < self.rate <= _MOST_REQUESTS and 0 < self.burst <= _MOST_REQUESTS):
            raise DeclarationError(
                f"throttling at {self.rate} requests a second and {self.burst} at once; allowed: 1 to "
                f"{_MOST_REQUESTS} each"
            )


class HttpApi(Component):
    """An HTTP API. It has no route until `route` is called: its functions need its endpoint first.

    Attributes:
        api_id: The API's id.
        endpoint: The URL under which all routes are, without a slash at the end.

    Raises:
        DeclarationError: The name is longer than API Gateway allows.
    """

    def __init__(self, name: str, args: HttpApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        stage = args.stage
        full_name = f"{stage.prefix}-{name}"
        if len(full_name) > _LONGEST_NAME:
            raise DeclarationError(
                f"API {full_name!r} has {len(full_name)} characters; allowed: {_LONGEST_NAME}"
            )
        super().__init__("api", name, stage, opts)
        self._name = name
        # Production keeps it: the platform's endpoint stands in the webhooks of every repository.
        api = aws.apigatewayv2.Api(
            name,
            name=full_name,
            protocol_type="HTTP",
            cors_configuration=_cors(args),
            opts=self.kept,
        )
        self._authorizer = aws.apigatewayv2.Authorizer(
            name,
            name="users",
            api_id=api.id,
            authorizer_type="JWT",
            identity_sources=["$request.header.Authorization"],
            jwt_configuration=aws.apigatewayv2.AuthorizerJwtConfigurationArgs(
                issuer=args.issuer, audiences=[args.audience]
            ),
            opts=self.inside,
        )
        log_group = aws.cloudwatch.LogGroup(
            name,
            name=f"/aws/apigateway/{stage.prefix}-{name}",
            retention_in_days=stage.log_retention_days,
            opts=self.kept,
        )
        default_stage = aws.apigatewayv2.Stage(
            name,
            name="$default",
            api_id=api.id,
            auto_deploy=True,
            default_route_settings=aws.apigatewayv2.StageDefaultRouteSettingsArgs(
                throttling_rate_limit=args.rate, throttling_burst_limit=args.burst
            ),
            access_log_settings=aws.apigatewayv2.StageAccessLogSettingsArgs(
                destination_arn=log_group.arn, format=_ACCESS_LOG
            ),
            opts=self.inside,
        )
        self.api_id = api.id
        self.endpoint: pulumi.Input[str] = api.api_endpoint
        self._execution_arn = api.execution_arn
        if args.domain:
            self._answer_to(args.domain, default_stage)
        self.register_outputs({"id": api.id, "endpoint": self.endpoint})

    def route(self, routes: Iterable[Route], functions: Mapping[str, Function]) -> None:
        """Lead each route to its function, and let the API call that function for exactly that route.

        Raises:
            DeclarationError: A route names a function that is not among `functions`.
        """
        integrations: dict[str, aws.apigatewayv2.Integration] = {}
        for route in routes:
            if route.function not in functions:
                raise DeclarationError(
                    f"route {route.key}: no function {route.function!r} among {', '.join(functions)}"
                )
            function = functions[route.function]
            if route.function not in integrations:
                integrations[route.function] = self._integration(route.function, function)
            name = _NOT_IN_IDS.sub("-", route.key).strip("-").lower()
            allowed = function.allow_invoke(
                name,
                service="apigateway.amazonaws.com",
                # After the API's ARN: the stage (there is one), the method, the path as it is declared.
                source_arn=composed(self._execution_arn, f"/*/{route.method}{route.path}"),
            )
            aws.apigatewayv2.Route(
                # Both APIs have a route to their description, and URNs do not say of which API one is.
                f"{self._name}-{name}",
                api_id=self.api_id,
                route_key=route.key,
                target=composed("integrations/", integrations[route.function].id),
                authorization_type="JWT" if route.auth else "NONE",
                authorizer_id=self._authorizer.id if route.auth else None,
                # A call that comes before the right to call the function is answered with 500.
                opts=pulumi.ResourceOptions(parent=self, depends_on=[allowed]),
            )

    def _answer_to(self, domain: ApiDomain, stage: aws.apigatewayv2.Stage) -> None:
        certificate = Certificate(
            f"{self._name}-api",
            CertificateArgs(stage=self.stage, host=domain.host, zone=domain.zone),
            self.inside,
        )
        name = aws.apigatewayv2.DomainName(
            self._name,
            domain_name=domain.host,
            domain_name_configuration=aws.apigatewayv2.DomainNameDomainNameConfigurationArgs(
                certificate_arn=certificate.arn, endpoint_type="REGIONAL", security_policy="TLS_1_2"
            ),
            opts=self.inside,
        )
        mapping = aws.apigatewayv2.ApiMapping(
            self._name, api_id=self.api_id, domain_name=name.domain_name, stage=stage.name, opts=self.inside
        )
        found = name.domain_name_configuration
        target = AliasTarget(name=found.target_domain_name, zone=found.hosted_zone_id)
        alias_record(f"{self._name}-api", domain.host, domain.zone, target, self.inside)
        # Whoever takes the endpoint gets it once the host leads here.
        self.endpoint = composed("https://", mapping.domain_name)

    def _integration(self, name: str, function: Function) -> aws.apigatewayv2.Integration:
        return aws.apigatewayv2.Integration(
            name,
            api_id=self.api_id,
            integration_type="AWS_PROXY",
            integration_method="POST",
            integration_uri=function.invoke_arn,
            payload_format_version="2.0",
            opts=self.inside,
        )


def _cors(args: HttpApiArgs) -> aws.apigatewayv2.ApiCorsConfigurationArgs | None:
    """API Gateway answers a browser's preflight by itself, and asks no token of it."""
    if not args.cors_origins:
        return None
    return aws.apigatewayv2.ApiCorsConfigurationArgs(
        allow_origins=list(args.cors_origins),
        allow_methods=list(_METHODS),
        allow_headers=list(_HEADERS),
        expose_headers=list(_ANSWERED_HEADERS),
        max_age=_HOUR,
    )
