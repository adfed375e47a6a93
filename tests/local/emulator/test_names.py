"""The emulator checks the names of resources as AWS does (L5)."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import boto3
import botocore
import pytest
from botocore.exceptions import ClientError

from aws_models.patterns import compile_pattern
from local.emulator.emulator import Emulator
from tests.local.emulator.creation_calls import Creation

# In each row: a method of `Creation`, the argument with the name, invalid names, and their error code.
WRONG = [
    ("certificate", "DomainName", ["a b.example.com", "-a.example.com", "localhost"], "ValidationException"),
    ("api", "Name", ["a" * 129], "BadRequestException"),
    ("authorizer", "Name", ["a" * 129], "BadRequestException"),
    ("stage", "StageName", ["a.b", "a" * 129, "$other"], "BadRequestException"),
    ("domain_name", "DomainName", ["a" * 513], "BadRequestException"),
    ("cloudfront_function", "Name", ["a.b", "a" * 65], "InvalidArgument"),
    ("key_value_store", "Name", ["a.b", "a" * 65], "InvalidArgument"),
    ("origin_access_control", "Name", ["a" * 65], "InvalidArgument"),
    ("alarm", "AlarmName", ["a" * 256], "ValidationError"),
    ("dashboard", "DashboardName", ["a b", "a" * 256], "InvalidParameterInput"),
    ("log_group", "logGroupName", ["a b", "a:b", "a" * 513], "InvalidParameterException"),
    ("metric_filter", "filterName", ["a:b", "a*", "a" * 513], "InvalidParameterException"),
    ("rule", "Name", ["a b", "a" * 65], "ValidationException"),
    ("target", "Id", ["a b", "a" * 65], "ValidationException"),
    ("build_project", "name", ["a.b", "-ab", "a" * 151], "InvalidInputException"),
    ("user_pool", "PoolName", ["a/b", "a" * 129], "InvalidParameterException"),
    ("user_pool_client", "ClientName", ["a/b", "a" * 129], "InvalidParameterException"),
    ("table", "TableName", ["ab", "a b c", "a" * 256], "ValidationException"),
    ("policy", "PolicyName", ["a/b", "a" * 129], "ValidationError"),
    ("role", "RoleName", ["a b", "a<b", "a" * 65], "ValidationError"),
    ("role_policy", "PolicyName", ["a b", "a" * 129], "ValidationError"),
    ("key_alias", "AliasName", ["key", "alias/a b", "alias/" + "a" * 251], "ValidationException"),
    ("function", "FunctionName", ["a.b", "a" * 65], "ValidationException"),
    ("function_alias", "Name", ["a.b", "12", "a" * 129], "ValidationException"),
    ("layer_version", "LayerName", ["a.b", "a" * 141], "ValidationException"),
    ("permission", "StatementId", ["a.b", "a" * 101], "ValidationException"),
    (
        "bucket",
        "Bucket",
        ["ab", "a" * 64, "Abc", "a_b", "a..b", "-abc", "abc-", "192.168.0.1", "xn--abc", "abc-s3alias"],
        "InvalidBucketName",
    ),
    ("topic", "Name", ["a.b", "a.fifo", "a" * 257], "InvalidParameter"),
    ("queue", "QueueName", ["a.b", "a.fifo", "a" * 81], "InvalidParameterValue"),
]
# Valid and invalid names. The emulator's rules and botocore's API models must agree about each name.
SAMPLES = (
    "",
    "a",
    "ab",
    "a.b",
    "a b",
    "a/b",
    "a:b",
    "a*b",
    "a_b-c",
    "-ab",
    "12",
    "a@b",
    "a#b",
    "alias/a",
    "a,b",
)


class PlainCreation(Creation):
    """Calls that create resources with a plain boto3 client, as the AWS command line would make them."""

    def client(self, service: str, region: str | None = None) -> Any:  # noqa: ANN401 - boto3's clients have no types
        keys = self.emulator.administrator
        return self.get_or_create(
            f"client of {service}",
            lambda: boto3.Session(keys.access_key_id, keys.secret_access_key).client(
                service, region or self.emulator.region, endpoint_url=self.emulator.endpoint_url
            ),
        )


@pytest.mark.parametrize(("call", "argument", "names", "code"), WRONG)
def test_an_invalid_name_is_refused(
    emulator: Emulator, call: str, argument: str, names: list[str], code: str
) -> None:
    creation = PlainCreation(emulator)
    for name in names:
        with pytest.raises(ClientError) as refusal:
            getattr(creation, call)(**{argument: name})
        assert refusal.value.response["Error"]["Code"] == code, name


@pytest.mark.parametrize(
    ("call", "changes"),
    [
        ("queue", {"QueueName": "a-b_c.fifo", "Attributes": {"FifoQueue": "true"}}),
        ("topic", {"Name": "a-b_c.fifo", "Attributes": {"FifoTopic": "true"}}),
        ("stage", {"StageName": "v1"}),
        ("role", {"RoleName": "a+=,.@-_"}),
        ("function_alias", {"Name": "r-01ABC"}),
        ("certificate", {"DomainName": "*.example.com"}),
    ],
)
def test_a_valid_name_is_accepted(emulator: Emulator, call: str, changes: dict[str, Any]) -> None:
    getattr(Creation(emulator), call)(**changes)


@pytest.mark.usefixtures("emulator")
def test_the_name_rules_match_botocores_models() -> None:
    """The rules and botocore's models accept and refuse the same names."""
    from local.emulator.answers.names import RULES  # noqa: PLC0415 - imports the emulator

    compared = 0
    for rule in RULES:
        shape = read_shape(rule.module.__name__.rpartition(".")[2], rule.function, rule.argument)
        if "pattern" not in shape or rule.function == "_create_function":
            continue
        for name in (*SAMPLES, "a" * shape["max"], "a" * (shape["max"] + 1)):
            pattern = compile_pattern(shape["pattern"], is_ascii=True)
            is_right = shape.get("min", 0) <= len(name) <= shape["max"] and pattern.fullmatch(name)
            assert (rule.constraint.find_problem(name) is None) == bool(is_right), (rule.function, name)
        compared += 1
    assert compared == 17


def read_shape(module: str, function: str, argument: str) -> dict[str, Any]:
    """Return botocore's shape of an argument of the operation that a function of the emulator answers."""
    service = {
        "apigateway": "apigatewayv2",
        "cloudwatch_logs": "logs",
        "cognito": "cognito-idp",
        "eventbridge": "events",
        "lambda_svc": "lambda",
    }.get(module, module)
    operation = "".join(
        part.capitalize() for part in function.removeprefix("_act").removeprefix("_cf").split("_")
    )
    operation = {"CreateOac": "CreateOriginAccessControl"}.get(operation, operation)
    model = read_model(service)
    shape: dict[str, Any] = model["shapes"][model["operations"][operation]["input"]["shape"]]
    member = next((name for name in shape["members"] if name.lower() == argument.lower()), None)
    if member is None:  # the argument is in a list or in another structure
        return dict(model["shapes"].get("TargetId", {})) if argument == "Id" else {}
    return dict(model["shapes"][shape["members"][member]["shape"]])


def read_model(service: str) -> dict[str, Any]:
    """Return the newest API model of a service in botocore."""
    folder = Path(botocore.__file__).parent / "data" / service
    file = max(folder.iterdir()) / "service-2.json.gz"
    model: dict[str, Any] = json.loads(gzip.decompress(file.read_bytes()))
    return model


def test_the_arn_of_a_key_value_store_matches_the_pattern_of_the_api_model(emulator: Emulator) -> None:
    """The ARN ends with a UUID. CloudFront's API and the API that reads and writes keys use the same ARN."""
    made = Creation(emulator).key_value_store(Tags={"Items": [{"Key": "Stage", "Value": "dev"}]})
    store = made["KeyValueStore"]
    client, keys = emulator.client("cloudfront"), emulator.client("cloudfront-keyvaluestore")
    pattern = read_model("cloudfront")["shapes"]["KeyValueStoreARN"]["pattern"]
    assert re.fullmatch(pattern, store["ARN"])
    assert store["ARN"].endswith(f"/{store['Id']}")
    assert client.describe_key_value_store(Name="store")["KeyValueStore"]["ARN"] == store["ARN"]
    assert client.list_tags_for_resource(Resource=store["ARN"])["Tags"]["Items"] == [
        {"Key": "Stage", "Value": "dev"}
    ]
    etag = keys.describe_key_value_store(KvsARN=store["ARN"])["ETag"]
    keys.put_key(KvsARN=store["ARN"], Key="host", Value="release", IfMatch=etag)
    assert keys.get_key(KvsARN=store["ARN"], Key="host")["Value"] == "release"
    assert emulator.read_key_values(store["ARN"])[1] == {"host": "release"}
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        keys.get_key(KvsARN=store["ARN"].rpartition("/")[0] + "/store", Key="host")


def test_a_new_store_of_the_same_name_is_empty(emulator: Emulator) -> None:
    creation = Creation(emulator)
    client, keys = emulator.client("cloudfront"), emulator.client("cloudfront-keyvaluestore")
    first = creation.key_value_store()["KeyValueStore"]["ARN"]
    etag = keys.describe_key_value_store(KvsARN=first)["ETag"]
    keys.put_key(KvsARN=first, Key="host", Value="release", IfMatch=etag)
    client.delete_key_value_store(Name="store", IfMatch=client.describe_key_value_store(Name="store")["ETag"])
    second = creation.key_value_store()["KeyValueStore"]["ARN"]
    assert second != first
    assert keys.list_keys(KvsARN=second)["Items"] == []
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        keys.list_keys(KvsARN=first)
