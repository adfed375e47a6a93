"""Lambda: functions, aliases, layers and permissions."""

from typing import Any

from local.providers.core.registry import creates, deletes, updates
from local.providers.core.resource import Aws, Declared, Made, Properties, given, one, tags


@creates("aws:lambda/function:Function")
def function(aws: Aws, declared: Declared) -> Made:
    """A function with its code; it can be called at once."""
    properties = declared.properties
    name = declared.named()
    made = aws.client("lambda").create_function(
        FunctionName=name,
        Code=_code(properties),
        Tags=tags(properties),
        Publish=bool(properties.get("publish")),
        **given(properties, Architectures="architectures", PackageType="packageType"),
        **_configuration(properties),
    )
    concurrency = properties.get("reservedConcurrentExecutions", -1)
    if concurrency >= 0:
        aws.client("lambda").put_function_concurrency(
            FunctionName=name, ReservedConcurrentExecutions=concurrency
        )
    return Made(id=name, outputs=_outputs(aws, made))


@updates("aws:lambda/function:Function")
def update_function(aws: Aws, declared: Declared, made: Made) -> Made:
    """Its settings and its code."""
    client = aws.client("lambda")
    client.update_function_configuration(FunctionName=made.id, **_configuration(declared.properties))
    client.update_function_code(FunctionName=made.id, **_code(declared.properties))
    return Made(id=made.id, outputs=_outputs(aws, client.get_function_configuration(FunctionName=made.id)))


@deletes("aws:lambda/function:Function")
def delete_function(aws: Aws, _declared: Declared, made: Made) -> None:
    """With its versions, aliases and URLs."""
    aws.client("lambda").delete_function(FunctionName=made.id)


def _configuration(properties: Properties) -> dict[str, Any]:
    arguments = given(
        properties,
        Role="role",
        Runtime="runtime",
        Handler="handler",
        Description="description",
        Timeout="timeout",
        MemorySize="memorySize",
        Layers="layers",
    )
    variables = one(properties.get("environment")).get("variables")
    if variables:
        arguments["Environment"] = {"Variables": variables}
    logging = one(properties.get("loggingConfig"))
    if logging:
        arguments["LoggingConfig"] = given(
            logging,
            LogFormat="logFormat",
            LogGroup="logGroup",
            ApplicationLogLevel="applicationLogLevel",
            SystemLogLevel="systemLogLevel",
        )
    storage = one(properties.get("ephemeralStorage"))
    if storage:
        arguments["EphemeralStorage"] = given(storage, Size="size")
    tracing = one(properties.get("tracingConfig"))
    if tracing:
        arguments["TracingConfig"] = given(tracing, Mode="mode")
    return arguments


def _code(properties: Properties) -> dict[str, Any]:
    if "code" in properties:
        return {"ZipFile": properties["code"].data}
    return given(properties, S3Bucket="s3Bucket", S3Key="s3Key", S3ObjectVersion="s3ObjectVersion")


def _outputs(aws: Aws, made: dict[str, Any]) -> Properties:
    name = made["FunctionName"]
    arn = aws.arn("lambda", f"function:{name}")
    return {
        "arn": arn,
        "name": name,
        "invokeArn": _invoke_arn(aws, arn),
        "qualifiedArn": f"{arn}:{made['Version']}",
        "qualifiedInvokeArn": _invoke_arn(aws, f"{arn}:{made['Version']}"),
        "version": made["Version"],
        "codeSha256": made["CodeSha256"],
        "sourceCodeSize": made["CodeSize"],
        "lastModified": made["LastModified"],
    }


def _invoke_arn(aws: Aws, arn: str) -> str:
    """What API Gateway is given to call a function by."""
    return f"arn:aws:apigateway:{aws.region}:lambda:path/2015-03-31/functions/{arn}/invocations"


@creates("aws:lambda/alias:Alias")
def alias(aws: Aws, declared: Declared) -> Made:
    """A name for a version."""
    properties = declared.properties
    name = declared.named()
    function_name = str(properties["functionName"]).rpartition(":")[2]
    aws.client("lambda").create_alias(FunctionName=function_name, Name=name, **_alias(properties))
    arn = aws.arn("lambda", f"function:{function_name}:{name}")
    return Made(id=arn, outputs={"arn": arn, "invokeArn": _invoke_arn(aws, arn), "name": name})


@updates("aws:lambda/alias:Alias")
def update_alias(aws: Aws, declared: Declared, made: Made) -> Made:
    """The version it names."""
    function_name, name = made.id.split(":")[-2:]
    aws.client("lambda").update_alias(FunctionName=function_name, Name=name, **_alias(declared.properties))
    return made


def _alias(properties: Properties) -> dict[str, Any]:
    return given(properties, FunctionVersion="functionVersion", Description="description")


@deletes("aws:lambda/alias:Alias")
def delete_alias(aws: Aws, _declared: Declared, made: Made) -> None:
    """The version stays."""
    function_name, name = made.id.split(":")[-2:]
    aws.client("lambda").delete_alias(FunctionName=function_name, Name=name)


@creates("aws:lambda/layerVersion:LayerVersion")
def layer_version(aws: Aws, declared: Declared) -> Made:
    """The first version of a layer, or the next."""
    properties = declared.properties
    made = aws.client("lambda").publish_layer_version(
        LayerName=properties["layerName"],
        Content=_code(properties),
        **given(
            properties,
            Description="description",
            CompatibleRuntimes="compatibleRuntimes",
            CompatibleArchitectures="compatibleArchitectures",
        ),
    )
    return Made(
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
def publish_layer_version(aws: Aws, declared: Declared, _made: Made) -> Made:
    """A layer changes by its next version."""
    return layer_version(aws, declared)


@deletes("aws:lambda/layerVersion:LayerVersion")
def delete_layer_version(aws: Aws, declared: Declared, made: Made) -> None:
    """Functions that have it keep it."""
    aws.client("lambda").delete_layer_version(
        LayerName=declared.properties["layerName"], VersionNumber=int(made.outputs["version"])
    )


@creates("aws:lambda/permission:Permission")
def permission(aws: Aws, declared: Declared) -> Made:
    """Who may call a function. The emulator stores it; it lets everyone of AWS call."""
    properties = declared.properties
    statement = declared.named("statementId")
    aws.client("lambda").add_permission(
        FunctionName=properties["function"],
        StatementId=statement,
        Action=properties["action"],
        Principal=properties["principal"],
        **given(
            properties,
            SourceArn="sourceArn",
            SourceAccount="sourceAccount",
            Qualifier="qualifier",
            FunctionUrlAuthType="functionUrlAuthType",
            InvokedViaFunctionUrl="invokedViaFunctionUrl",
        ),
    )
    return Made(id=statement, outputs={"statementId": statement})


@updates("aws:lambda/permission:Permission")
def replace_permission(aws: Aws, declared: Declared, made: Made) -> Made:
    """A statement cannot be changed."""
    delete_permission(aws, declared, made)
    return permission(aws, declared)


@deletes("aws:lambda/permission:Permission")
def delete_permission(aws: Aws, declared: Declared, made: Made) -> None:
    """The statement alone."""
    aws.client("lambda").remove_permission(
        FunctionName=declared.properties["function"],
        StatementId=made.id,
        **given(declared.properties, Qualifier="qualifier"),
    )
