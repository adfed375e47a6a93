"""HttpApi: an HTTP API with a JWT authorizer."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final

import attrs
import pulumi
import pulumi_aws as aws

from components.aws.domain import AliasTarget, Certificate, CertificateArgs, create_alias_record
from components.aws.function import Function
from components.core.component import Component
from components.core.errors import DeclarationError
from components.core.hosts import ORIGIN_FORMAT, is_origin
from components.core.outputs import interpolate
from components.core.scope import ResourceScope
from runtime.shared.api.routes import Route

# Fields that an operator needs. Headers and query strings are left out, because they can contain secrets.
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
_NOT_ALPHANUMERIC: Final = re.compile(r"[^a-zA-Z0-9]+")
_METHODS: Final = ("DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT")
_HEADERS: Final = ("Authorization", "Content-Type")
# Response headers that a page may read: the request id, which is also in the access log, and the time to wait
# before a retry. API Gateway adds the request id. `ETag` is the version of the resource.
_EXPOSED_HEADERS: Final = ("Apigw-Requestid", "ETag", "Retry-After")
_HOUR: Final = 3600
# Requests per second that API Gateway allows by default for all HTTP APIs of an account and region together.
_MAX_REQUEST_RATE: Final = 10_000
_LONGEST_NAME: Final = 128


@attrs.frozen(kw_only=True)
class ApiDomain:
    """A custom host name of an API.

    Attributes:
        host: Host name.
        zone_id: Id of the Route 53 zone of the host.
    """

    host: str
    zone_id: str


@attrs.frozen(kw_only=True)
class HttpApiArgs:
    """Arguments of `HttpApi`.

    Attributes:
        scope: Values that the resources share, such as the name prefix.
        issuer: Issuer of the tokens.
        audience: Audience of the tokens.
        cors_headers: Further request headers that such pages may send.
        cors_origins: Complete origins (`https://app.example.com`) whose pages may call the API from a
            browser. Empty means none.
        rate: Requests per second, of all routes together. Additional requests receive 429.
        burst: Concurrent requests, of all routes together.
        domain: Custom host name, in addition to the one that AWS assigns.

    Raises:
        DeclarationError: An origin or a throttling limit is invalid.
    """

    scope: ResourceScope
    issuer: pulumi.Input[str]
    audience: pulumi.Input[str]
    cors_origins: tuple[str, ...] = ()
    cors_headers: tuple[str, ...] = ()
    rate: int = 100
    burst: int = 200
    domain: ApiDomain | None = None

    def __attrs_post_init__(self) -> None:
        for origin in self.cors_origins:
            if not is_origin(origin):
                raise DeclarationError(f"invalid CORS origin {origin!r}; allowed: {ORIGIN_FORMAT}")
        if not (0 < self.rate <= _MAX_REQUEST_RATE and 0 < self.burst <= _MAX_REQUEST_RATE):
            raise DeclarationError(
                f"throttling at {self.rate} requests a second and {self.burst} at once; allowed: 1 to "
                f"{_MAX_REQUEST_RATE} each"
            )


class HttpApi(Component):
    """An HTTP API. Routes are added later by `add_routes`, because the functions need the API's endpoint.

    Attributes:
        api_id: API id.
        endpoint: URL of the API, without a trailing slash.

    Raises:
        DeclarationError: The name is longer than API Gateway allows.
    """

    def __init__(self, name: str, args: HttpApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        scope = args.scope
        full_name = f"{scope.prefix}-{name}"
        if len(full_name) > _LONGEST_NAME:
            raise DeclarationError(
                f"API {full_name!r} has {len(full_name)} characters; allowed: {_LONGEST_NAME}"
            )
        super().__init__("api", name, scope, opts)
        self._name = name
        # The API is retained like data: the webhooks of all repositories contain its endpoint.
        api = aws.apigatewayv2.Api(
            name,
            name=full_name,
            protocol_type="HTTP",
            cors_configuration=_build_cors_configuration(args),
            opts=self.retained_child_opts,
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
            opts=self.child_opts,
        )
        log_group = aws.cloudwatch.LogGroup(
            name,
            name=f"/aws/apigateway/{scope.prefix}-{name}",
            retention_in_days=scope.log_retention_days,
            opts=self.retained_child_opts,
        )
        self._args = args
        self._log_group_arn = log_group.arn
        self.api_id = api.id
        self.endpoint: pulumi.Input[str] = f"https://{args.domain.host}" if args.domain else api.api_endpoint
        self._execution_arn = api.execution_arn
        self.register_outputs({"id": api.id, "endpoint": self.endpoint})

    def add_routes(
        self, routes: Iterable[Route], functions: Mapping[str, Function], *, not_found: str | None = None
    ) -> None:
        """Create the routes and their stage. The API may call each route's function for exactly that route.

        Call this method once. API Gateway refuses a stage whose settings name a route that does not exist.

        Args:
            routes: Declarations of the routes.
            functions: Functions by the names that the routes use.
            not_found: Name of the function that handles requests that match no route, with or without a
                token. If it is None, API Gateway answers them, and cannot return a problem document.

        Raises:
            DeclarationError: `functions` does not contain the function of a route.
        """
        integrations: dict[str, aws.apigatewayv2.Integration] = {}
        created: list[aws.apigatewayv2.Route] = []
        limits: list[aws.apigatewayv2.StageRouteSettingArgs] = []
        for route in routes:
            if route.function not in functions:
                raise DeclarationError(
                    f"route {route.key} needs the function {route.function!r}; known: {', '.join(functions)}"
                )
            function = functions[route.function]
            if route.function not in integrations:
                integrations[route.function] = self._create_integration(route.function, function)
            # The ARN contains the method and the path of the route. `*` stands for the API's only stage.
            source = f"/*/{route.method}{route.path}"
            integration = integrations[route.function]
            created.append(self._add_route(route.key, source, function, integration, auth=route.auth))
            if route.rate is not None:
                limits.append(
                    aws.apigatewayv2.StageRouteSettingArgs(
                        route_key=route.key,
                        throttling_rate_limit=route.rate,
                        throttling_burst_limit=2 * route.rate,
                    )
                )
        self._create_stage(created, limits)
        if not_found:
            function, key = functions[not_found], "$default"
            self._add_route(key, f"/*/{key}", function, integrations[not_found], auth=False)

    def _add_route(
        self,
        key: str,
        source: str,
        function: Function,
        integration: aws.apigatewayv2.Integration,
        *,
        auth: bool,
    ) -> aws.apigatewayv2.Route:
        name = _NOT_ALPHANUMERIC.sub("-", key).strip("-").lower()
        allowed = function.allow_invoke(
            name,
            service="apigateway.amazonaws.com",
            source_arn=interpolate(self._execution_arn, source),
        )
        return aws.apigatewayv2.Route(
            # The resource name contains the API's name, because several APIs have the same route.
            f"{self._name}-{name}",
            api_id=self.api_id,
            route_key=key,
            target=interpolate("integrations/", integration.id),
            authorization_type="JWT" if auth else "NONE",
            authorizer_id=self._authorizer.id if auth else None,
            # Pulumi creates the permission first. Without it, API Gateway would answer requests with 500.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[allowed]),
        )

    def _create_stage(
        self,
        routes: list[aws.apigatewayv2.Route],
        limits: list[aws.apigatewayv2.StageRouteSettingArgs],
    ) -> None:
        options = self.child_opts
        options.depends_on = list(routes)
        stage = aws.apigatewayv2.Stage(
            self._name,
            name="$default",
            api_id=self.api_id,
            auto_deploy=True,
            default_route_settings=aws.apigatewayv2.StageDefaultRouteSettingsArgs(
                throttling_rate_limit=self._args.rate, throttling_burst_limit=self._args.burst
            ),
            route_settings=limits or None,
            access_log_settings=aws.apigatewayv2.StageAccessLogSettingsArgs(
                destination_arn=self._log_group_arn, format=_ACCESS_LOG
            ),
            opts=options,
        )
        if self._args.domain:
            self._add_custom_domain(self._args.domain, stage)

    def _add_custom_domain(self, domain: ApiDomain, stage: aws.apigatewayv2.Stage) -> None:
        certificate = Certificate(
            f"{self._name}-api",
            CertificateArgs(scope=self.scope, host=domain.host, zone_id=domain.zone_id),
            self.child_opts,
        )
        name = aws.apigatewayv2.DomainName(
            self._name,
            domain_name=domain.host,
            domain_name_configuration=aws.apigatewayv2.DomainNameDomainNameConfigurationArgs(
                certificate_arn=certificate.arn, endpoint_type="REGIONAL", security_policy="TLS_1_2"
            ),
            opts=self.child_opts,
        )
        mapping = aws.apigatewayv2.ApiMapping(
            self._name,
            api_id=self.api_id,
            domain_name=name.domain_name,
            stage=stage.name,
            opts=self.child_opts,
        )
        configuration = name.domain_name_configuration
        target = AliasTarget(name=configuration.target_domain_name, zone_id=configuration.hosted_zone_id)
        create_alias_record(f"{self._name}-api", domain.host, domain.zone_id, target, self.child_opts)
        # The URL is an output of the mapping, so that Pulumi creates the mapping before resources that use
        # the URL.
        self.endpoint = interpolate("https://", mapping.domain_name)

    def _create_integration(self, name: str, function: Function) -> aws.apigatewayv2.Integration:
        return aws.apigatewayv2.Integration(
            name,
            api_id=self.api_id,
            integration_type="AWS_PROXY",
            integration_method="POST",
            integration_uri=function.invoke_arn,
            payload_format_version="2.0",
            opts=self.child_opts,
        )


def _build_cors_configuration(args: HttpApiArgs) -> aws.apigatewayv2.ApiCorsConfigurationArgs | None:
    """Return the CORS configuration, or None if no origin is allowed.

    With this configuration, API Gateway itself answers preflight requests. They need no token.
    """
    if not args.cors_origins:
        return None
    return aws.apigatewayv2.ApiCorsConfigurationArgs(
        allow_origins=list(args.cors_origins),
        allow_methods=list(_METHODS),
        allow_headers=[*_HEADERS, *args.cors_headers],
        expose_headers=list(_EXPOSED_HEADERS),
        max_age=_HOUR,
    )
