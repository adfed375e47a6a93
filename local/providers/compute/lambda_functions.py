"""Lambda: functions, aliases, layers and permissions."""

from typing import Any

from local.providers.core.registry import creates, deletes, updates
from local.providers.core.resource import (
    CreatedResource,
    DeclaredResource,
    Properties,
    ProviderContext,
    pick_properties,
    read_single_block,
    read_tags,
)


@creates("aws:lambda/function:Function")
def create_function(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a function with its code. It can be invoked at once."""
    properties = declared.properties
    name = declared.physical_name()
    made = aws.client("lambda").create_function(
        FunctionName=name,
        Code=_build_code(properties),
        Tags=read_tags(properties),
        Publish=bool(properties.get("publish")),
        **pick_properties(properties, Architectures="architectures", PackageType="packageType"),
        **_build_configuration(properties),
    )
    concurrency = properties.get("reservedConcurrentExecutions", -1)
    if concurrency >= 0:
        aws.client("lambda").put_function_concurrency(
            FunctionName=name, ReservedConcurrentExecutions=concurrency
        )
    return CreatedResource(id=name, outputs=_build_outputs(aws, made))


@updates("aws:lambda/function:Function")
def update_function(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update the function's settings and code."""
    client = aws.client("lambda")
    client.update_function_configuration(FunctionName=made.id, **_build_configuration(declared.properties))
    client.update_function_code(FunctionName=made.id, **_build_code(declared.properties))
    return CreatedResource(
        id=made.id, outputs=_build_outputs(aws, client.get_function_configuration(FunctionName=made.id))
    )


@deletes("aws:lambda/function:Function")
def delete_function(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the function with its versions, aliases and URLs."""
    aws.client("lambda").delete_function(FunctionName=made.id)


def _build_configuration(properties: Properties) -> dict[str, Any]:
    arguments = pick_properties(
        properties,
        Role="role",
        Runtime="runtime",
        Handler="handler",
        Description="description",
        Timeout="timeout",
        MemorySize="memorySize",
        Layers="layers",
    )
    variables = read_single_block(properties.get("environment")).get("variables")
    if variables:
        arguments["Environment"] = {"Variables": variables}
    logging = read_single_block(properties.get("loggingConfig"))
    if logging:
        arguments["LoggingConfig"] = pick_properties(
            logging,
            LogFormat="logFormat",
            LogGroup="logGroup",
            ApplicationLogLevel="applicationLogLevel",
            SystemLogLevel="systemLogLevel",
        )
    storage = read_single_block(properties.get("ephemeralStorage"))
    if storage:
        arguments["EphemeralStorage"] = pick_properties(storage, Size="size")
    tracing = read_single_block(properties.get("tracingConfig"))
    if tracing:
        arguments["TracingConfig"] = pick_properties(tracing, Mode="mode")
    return arguments


def _build_code(properties: Properties) -> dict[str, Any]:
    if "code" in properties:
        return {"ZipFile": properties["code"].data}
    return pick_properties(properties, S3Bucket="s3Bucket", S3Key="s3Key", S3ObjectVersion="s3ObjectVersion")


def _build_outputs(aws: ProviderContext, made: dict[str, Any]) -> Properties:
    name = made["FunctionName"]
    arn = aws.build_arn("lambda", f"function:{name}")
    return {
        "arn": arn,
        "name": name,
        "invokeArn": _build_invoke_arn(aws, arn),
        "qualifiedArn": f"{arn}:{made['Version']}",
        "qualifiedInvokeArn": _build_invoke_arn(aws, f"{arn}:{made['Version']}"),
        "version": made["Version"],
        "codeSha256": made["CodeSha256"],
        "sourceCodeSize": made["CodeSize"],
        "lastModified": made["LastModified"],
    }


def _build_invoke_arn(aws: ProviderContext, arn: str) -> str:
    """Return the ARN with which API Gateway invokes a function."""
    return f"arn:aws:apigateway:{aws.region}:lambda:path/2015-03-31/functions/{arn}/invocations"


@creates("aws:lambda/alias:Alias")
def create_alias(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create an alias of a version."""
    properties = declared.properties
    name = declared.physical_name()
    function_name = str(properties["functionName"]).rpartition(":")[2]
    aws.client("lambda").create_alias(FunctionName=function_name, Name=name, **_build_alias(properties))
    arn = aws.build_arn("lambda", f"function:{function_name}:{name}")
    return CreatedResource(
        id=arn, outputs={"arn": arn, "invokeArn": _build_invoke_arn(aws, arn), "name": name}
    )


@updates("aws:lambda/alias:Alias")
def update_alias(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> CreatedResource:
    """Let the alias refer to another version."""
    function_name, name = made.id.split(":")[-2:]
    aws.client("lambda").update_alias(
        FunctionName=function_name, Name=name, **_build_alias(declared.properties)
    )
    return made


def _build_alias(properties: Properties) -> dict[str, Any]:
    return pick_properties(properties, FunctionVersion="functionVersion", Description="description")


@deletes("aws:lambda/alias:Alias")
def delete_alias(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the alias. The version remains."""
    function_name, name = made.id.split(":")[-2:]
    aws.client("lambda").delete_alias(FunctionName=function_name, Name=name)


@creates("aws:lambda/layerVersion:LayerVersion")
def create_layer_version(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Publish the next version of a layer."""
    properties = declared.properties
    made = aws.client("lambda").publish_layer_version(
        LayerName=properties["layerName"],
        Content=_build_code(properties),
        **pick_properties(
            properties,
            Description="description",
            CompatibleRuntimes="compatibleRuntimes",
            CompatibleArchitectures="compatibleArchitectures",
        ),
    )
    return CreatedResource(
        id=made["LayerVersionArn"],
        outputs={
            "arn": made["LayerVersionArn"],
            "layerArn": made["LayerArn"],
            "version": str(made["Version"]),
            "codeSha256": made["Content"]["CodeSha256"],
            "createdDate": made["CreatedDate"],
        },
    )


@updates("aws:lambda/layerVersion:LayerVersion")
def publish_layer_version(
    aws: ProviderContext, declared: DeclaredResource, _made: CreatedResource
) -> CreatedResource:
    """Publish a new version instead of an update, because layer versions cannot be changed."""
    return create_layer_version(aws, declared)


@deletes("aws:lambda/layerVersion:LayerVersion")
def delete_layer_version(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the layer version. Functions that use the version keep it."""
    aws.client("lambda").delete_layer_version(
        LayerName=declared.properties["layerName"], VersionNumber=int(made.outputs["version"])
    )


@creates("aws:lambda/permission:Permission")
def create_permission(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Add a statement to a function's policy.

    The checks of S3 notifications and EventBridge rules use the policy (local/emulator/access.py).
    """
    properties = declared.properties
    statement = declared.physical_name("statementId")
    aws.client("lambda").add_permission(
        FunctionName=properties["function"],
        StatementId=statement,
        Action=properties["action"],
        Principal=properties["principal"],
        **pick_properties(
            properties,
            SourceArn="sourceArn",
            SourceAccount="sourceAccount",
            Qualifier="qualifier",
            FunctionUrlAuthType="functionUrlAuthType",
            InvokedViaFunctionUrl="invokedViaFunctionUrl",
        ),
    )
    return CreatedResource(id=statement, outputs={"statementId": statement})


@updates("aws:lambda/permission:Permission")
def replace_permission(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Replace the statement, because Lambda cannot change an existing statement."""
    delete_permission(aws, declared, made)
    return create_permission(aws, declared)


@deletes("aws:lambda/permission:Permission")
def delete_permission(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> None:
    """Remove the statement."""
    aws.client("lambda").remove_permission(
        FunctionName=declared.properties["function"],
        StatementId=made.id,
        **pick_properties(declared.properties, Qualifier="qualifier"),
    )
