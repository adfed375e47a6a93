"""Lambda: functions, aliases and layers."""

from typing import Any

from local.providers.core.registry import (
    register_creator,
    register_deleter,
    register_reader,
    register_updater,
)
from local.providers.core.resource import (
    CreatedResource,
    DeclaredResource,
    Properties,
    ProviderContext,
    find_removed_tags,
    parse_answer,
    pick_properties,
    read_single_block,
    read_tags,
)

# Each key is AWS's name of a setting. The value is the name of the same setting in pulumi-aws.
FUNCTION = {
    "Role": "role",
    "Runtime": "runtime",
    "Handler": "handler",
    "Description": "description",
    "Timeout": "timeout",
    "MemorySize": "memorySize",
}
FUNCTION_BLOCKS = (
    (
        "LoggingConfig",
        "loggingConfig",
        {
            "LogFormat": "logFormat",
            "LogGroup": "logGroup",
            "ApplicationLogLevel": "applicationLogLevel",
            "SystemLogLevel": "systemLogLevel",
        },
    ),
    ("EphemeralStorage", "ephemeralStorage", {"Size": "size"}),
    ("TracingConfig", "tracingConfig", {"Mode": "mode"}),
)
LAYER = {
    "Description": "description",
    "CompatibleRuntimes": "compatibleRuntimes",
    "CompatibleArchitectures": "compatibleArchitectures",
}


@register_creator("aws:lambda/function:Function")
def create_function(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a function with its code. It can be invoked at once."""
    properties = declared.properties
    name = declared.get_physical_name()
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
    return CreatedResource(id=name, outputs=build_function_outputs(aws, made))


@register_updater("aws:lambda/function:Function")
def update_function(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update settings, code, reserved concurrency and tags."""
    client, properties = aws.client("lambda"), declared.properties
    configuration = {
        "Description": "",
        "Environment": {"Variables": {}},
        "Layers": [],
        **_build_configuration(properties),
    }
    client.update_function_configuration(FunctionName=made.id, **configuration)
    client.update_function_code(
        FunctionName=made.id,
        **_build_code(properties),
        **pick_properties(properties, Architectures="architectures"),
    )
    concurrency = properties.get("reservedConcurrentExecutions", -1)
    if concurrency >= 0:
        client.put_function_concurrency(FunctionName=made.id, ReservedConcurrentExecutions=concurrency)
    else:
        client.delete_function_concurrency(FunctionName=made.id)
    arn = aws.build_arn("lambda", f"function:{made.id}")
    if removed := find_removed_tags(client.list_tags(Resource=arn)["Tags"], properties):
        client.untag_resource(Resource=arn, TagKeys=removed)
    if wanted := read_tags(properties):
        client.tag_resource(Resource=arn, Tags=wanted)
    return CreatedResource(
        id=made.id,
        outputs=build_function_outputs(aws, client.get_function_configuration(FunctionName=made.id)),
    )


# `code` is unreadable, because the provider cannot compare deployed code with an archive of the program.
@register_reader("aws:lambda/function:Function", unreadable=("code", "publish"))
def read_function(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return the function's settings."""
    found = aws.client("lambda").get_function(FunctionName=made.id)
    present = found["Configuration"]
    blocks = {name: parse_answer(present.get(key, {}), **names) for key, name, names in FUNCTION_BLOCKS}
    return {
        "environment": {"variables": present.get("Environment", {}).get("Variables", {})},
        "layers": [layer["Arn"] for layer in present.get("Layers", [])],
        "reservedConcurrentExecutions": found.get("Concurrency", {}).get("ReservedConcurrentExecutions", -1),
        "tags": found.get("Tags", {}),
        **blocks,
        **parse_answer(
            present,
            FunctionName="name",
            Architectures="architectures",
            PackageType="packageType",
            **FUNCTION,
        ),
    }


@register_deleter("aws:lambda/function:Function")
def delete_function(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the function with its versions, aliases and URLs."""
    aws.client("lambda").delete_function(FunctionName=made.id)


def _build_configuration(properties: Properties) -> dict[str, Any]:
    arguments = pick_properties(properties, **FUNCTION, Layers="layers")
    variables = read_single_block(properties.get("environment")).get("variables")
    if variables:
        arguments["Environment"] = {"Variables": variables}
    for argument, name, names in FUNCTION_BLOCKS:
        if block := read_single_block(properties.get(name)):
            arguments[argument] = pick_properties(block, **names)
    return arguments


def _build_code(properties: Properties) -> dict[str, Any]:
    if "code" in properties:
        return {"ZipFile": properties["code"].data}
    return pick_properties(properties, S3Bucket="s3Bucket", S3Key="s3Key", S3ObjectVersion="s3ObjectVersion")


def build_function_outputs(aws: ProviderContext, made: dict[str, Any]) -> Properties:
    """Return the outputs of a function from an answer of Lambda."""
    name = made["FunctionName"]
    arn = aws.build_arn("lambda", f"function:{name}")
    return {
        "arn": arn,
        "name": name,
        "invokeArn": build_invoke_arn(aws, arn),
        "qualifiedArn": f"{arn}:{made['Version']}",
        "qualifiedInvokeArn": build_invoke_arn(aws, f"{arn}:{made['Version']}"),
        "version": made["Version"],
        "codeSha256": made["CodeSha256"],
        "sourceCodeSize": made["CodeSize"],
        "lastModified": made["LastModified"],
    }


def build_invoke_arn(aws: ProviderContext, arn: str) -> str:
    """Return the ARN with which API Gateway invokes a function."""
    return f"arn:aws:apigateway:{aws.region}:lambda:path/2015-03-31/functions/{arn}/invocations"


@register_creator("aws:lambda/alias:Alias")
def create_alias(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create an alias of a version."""
    properties = declared.properties
    name = declared.get_physical_name()
    function_name = str(properties["functionName"]).rpartition(":")[2]
    aws.client("lambda").create_alias(FunctionName=function_name, Name=name, **_build_alias(properties))
    arn = aws.build_arn("lambda", f"function:{function_name}:{name}")
    return CreatedResource(
        id=arn, outputs={"arn": arn, "invokeArn": build_invoke_arn(aws, arn), "name": name}
    )


@register_updater("aws:lambda/alias:Alias")
def update_alias(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> CreatedResource:
    """Let the alias refer to another version."""
    function_name, name = made.id.split(":")[-2:]
    aws.client("lambda").update_alias(
        FunctionName=function_name, Name=name, **_build_alias(declared.properties)
    )
    return made


def _build_alias(properties: Properties) -> dict[str, Any]:
    return pick_properties(properties, FunctionVersion="functionVersion", Description="description")


@register_reader("aws:lambda/alias:Alias", unreadable=("functionName",))
def read_alias(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return the alias and the version to which it refers."""
    function_name, name = made.id.split(":")[-2:]
    alias = aws.client("lambda").get_alias(FunctionName=function_name, Name=name)
    return parse_answer(alias, Name="name", FunctionVersion="functionVersion", Description="description")


@register_deleter("aws:lambda/alias:Alias")
def delete_alias(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the alias. The version remains."""
    function_name, name = made.id.split(":")[-2:]
    aws.client("lambda").delete_alias(FunctionName=function_name, Name=name)


@register_creator("aws:lambda/layerVersion:LayerVersion")
def create_layer_version(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Publish the next version of a layer."""
    properties = declared.properties
    made = aws.client("lambda").publish_layer_version(
        LayerName=properties["layerName"],
        Content=_build_code(properties),
        **pick_properties(properties, **LAYER),
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


@register_reader("aws:lambda/layerVersion:LayerVersion", unreadable=("code",))
def read_layer_version(
    aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource
) -> Properties:
    """Return the version's description and compatibility."""
    version = aws.client("lambda").get_layer_version_by_arn(Arn=made.id)
    return {"layerName": made.id.split(":")[6], **parse_answer(version, **LAYER)}


@register_deleter("aws:lambda/layerVersion:LayerVersion")
def delete_layer_version(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the layer version. Functions that use the version keep it."""
    aws.client("lambda").delete_layer_version(
        LayerName=declared.properties["layerName"], VersionNumber=int(made.outputs["version"])
    )
