"""HttpApi: the platform's HTTP API, with a JWT authorizer in front of every route that says so (A1)."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final

import attrs
import pulumi
import pulumi_aws as aws

from components.component import Component
from components.errors import DeclarationError
from components.function import Function
from components.stage import StageConfig
from runtime.deploy.routes import Route

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
_REQUESTS_PER_SECOND: Final = 100
_BURST: Final = 200


@attrs.frozen(kw_only=True)
class HttpApiArgs:
    """What an HttpApi is made of.

    Attributes:
        stage: The stage it belongs to.
        issuer: Whose tokens it trusts.
        audience: For whom the tokens must be.
    """

    stage: StageConfig
    issuer: pulumi.Input[str]
    audience: pulumi.Input[str]


class HttpApi(Component):
    """An HTTP API. It has no route until `route` is called: its functions need its endpoint first.

    Attributes:
        api_id: The API's id.
        endpoint: The URL under which all routes are.
    """

    def __init__(self, name: str, args: HttpApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("api", name, args.stage, opts)
        stage = args.stage
        # Production keeps it: its endpoint stands in the webhooks of every repository.
        api = aws.apigatewayv2.Api(name, name=f"{stage.prefix}-{name}", protocol_type="HTTP", opts=self.kept)
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
        aws.apigatewayv2.Stage(
            name,
            name="$default",
            api_id=api.id,
            auto_deploy=True,
            default_route_settings=aws.apigatewayv2.StageDefaultRouteSettingsArgs(
                throttling_rate_limit=_REQUESTS_PER_SECOND, throttling_burst_limit=_BURST
            ),
            access_log_settings=aws.apigatewayv2.StageAccessLogSettingsArgs(
                destination_arn=log_group.arn, format=_ACCESS_LOG
            ),
            opts=self.inside,
        )
        self.api_id = api.id
        self.endpoint = api.api_endpoint
        self._execution_arn = api.execution_arn
        self.register_outputs({"id": api.id, "endpoint": api.api_endpoint})

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
            aws.apigatewayv2.Route(
                name,
                api_id=self.api_id,
                route_key=route.key,
                target=pulumi.Output.concat("integrations/", integrations[route.function].id),
                authorization_type="JWT" if route.auth else "NONE",
                authorizer_id=self._authorizer.id if route.auth else None,
                opts=self.inside,
            )
            function.allow_invoke(
                name,
                service="apigateway.amazonaws.com",
                # After the API's ARN: the stage (there is one), the method, the path as it is declared.
                source_arn=pulumi.Output.concat(self._execution_arn, f"/*/{route.method}{route.path}"),
            )

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
