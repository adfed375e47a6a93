"""Changes to a deployed dev stage that people, or the functions of the platform, make in AWS."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any, Final

from attrs import frozen

from local.emulator.emulator import Emulator

_ALLOW_ALL: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


@frozen(kw_only=True)
class Drift:
    """A change that `pulumi refresh` must show and `pulumi up --refresh` must revert.

    Attributes:
        resource: Type and name of the resource, as the output of Pulumi's commands shows them.
        changed: Name of the changed property in that output. None if the resource is deleted.
        make: Makes the change.
        read: Reads the value that the change affects.
    """

    resource: str
    changed: str | None
    make: Callable[[Emulator], object]
    read: Callable[[Emulator], object]


def _change_table(emulator: Emulator) -> None:
    emulator.client("dynamodb").update_table(TableName="anchor-dev-projects", DeletionProtectionEnabled=True)


def _read_table(emulator: Emulator) -> object:
    table = emulator.client("dynamodb").describe_table(TableName="anchor-dev-projects")["Table"]
    return table["DeletionProtectionEnabled"]


def _find_queue(emulator: Emulator) -> str:
    return emulator.client("sqs").get_queue_url(QueueName="anchor-dev-builds")["QueueUrl"]


def _change_queue(emulator: Emulator) -> None:
    emulator.client("sqs").set_queue_attributes(
        QueueUrl=_find_queue(emulator), Attributes={"VisibilityTimeout": "7"}
    )


def _read_queue(emulator: Emulator) -> object:
    answer = emulator.client("sqs").get_queue_attributes(
        QueueUrl=_find_queue(emulator), AttributeNames=["VisibilityTimeout"]
    )
    return answer["Attributes"]


def _change_function(emulator: Emulator) -> None:
    emulator.client("lambda").update_function_configuration(FunctionName="anchor-dev-api", Timeout=3)


def _read_function(emulator: Emulator) -> object:
    return emulator.client("lambda").get_function_configuration(FunctionName="anchor-dev-api")["Timeout"]


def _get_alarm(emulator: Emulator, name: str) -> dict[str, Any] | None:
    alarms = emulator.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return alarms[0] if alarms else None


def _change_alarm(emulator: Emulator) -> None:
    alarm = _get_alarm(emulator, "anchor-dev-api-errors")
    assert alarm
    inputs = emulator.client("cloudwatch").meta.service_model.operation_model("PutMetricAlarm").input_shape
    given = {name: value for name, value in alarm.items() if name in inputs.members}
    emulator.client("cloudwatch").put_metric_alarm(**{**given, "Threshold": 1000.0})


def _read_alarm(emulator: Emulator) -> object:
    alarm = _get_alarm(emulator, "anchor-dev-api-errors")
    return alarm and (alarm["Threshold"], alarm["MetricName"])


def _build_bucket_name(emulator: Emulator) -> str:
    return f"anchor-dev-{emulator.account_id}-artifacts"


def _change_bucket(emulator: Emulator) -> None:
    rules = _read_bucket(emulator)
    emulator.client("s3").put_bucket_lifecycle_configuration(
        Bucket=_build_bucket_name(emulator),
        LifecycleConfiguration={"Rules": [{**rule, "Status": "Disabled"} for rule in rules]},
    )


def _read_bucket(emulator: Emulator) -> list[dict[str, Any]]:
    client = emulator.client("s3")
    return client.get_bucket_lifecycle_configuration(Bucket=_build_bucket_name(emulator))["Rules"]


def _change_role(emulator: Emulator) -> None:
    client = emulator.client("iam")
    (name,) = client.list_role_policies(RoleName="anchor-dev-webhook")["PolicyNames"]
    client.put_role_policy(
        RoleName="anchor-dev-webhook", PolicyName=name, PolicyDocument=json.dumps(_ALLOW_ALL)
    )


def _read_role(emulator: Emulator) -> object:
    client = emulator.client("iam")
    (name,) = client.list_role_policies(RoleName="anchor-dev-webhook")["PolicyNames"]
    return client.get_role_policy(RoleName="anchor-dev-webhook", PolicyName=name)["PolicyDocument"]


def _delete_alarm(emulator: Emulator) -> None:
    emulator.client("cloudwatch").delete_alarms(AlarmNames=["anchor-dev-webhook-errors"])


def _read_deleted_alarm(emulator: Emulator) -> object:
    alarm = _get_alarm(emulator, "anchor-dev-webhook-errors")
    return alarm and (alarm["Threshold"], alarm["MetricName"])


DRIFTS: Final = (
    Drift(
        resource="aws:dynamodb:Table projects",
        changed="deletionProtectionEnabled",
        make=_change_table,
        read=_read_table,
    ),
    Drift(
        resource="aws:sqs:Queue builds",
        changed="visibilityTimeoutSeconds",
        make=_change_queue,
        read=_read_queue,
    ),
    Drift(resource="aws:lambda:Function api", changed="timeout", make=_change_function, read=_read_function),
    Drift(
        resource="aws:cloudwatch:MetricAlarm api-errors",
        changed="threshold",
        make=_change_alarm,
        read=_read_alarm,
    ),
    Drift(
        resource="aws:s3:BucketLifecycleConfiguration artifacts",
        changed="rules",
        make=_change_bucket,
        read=_read_bucket,
    ),
    Drift(resource="aws:iam:RolePolicy webhook", changed="policy", make=_change_role, read=_read_role),
    Drift(
        resource="aws:cloudwatch:MetricAlarm webhook-errors",
        changed=None,
        make=_delete_alarm,
        read=_read_deleted_alarm,
    ),
)


# A secret variable that `make_release` stores in the environment of a function, as a release does.
SITE_SECRET: Final = "2f1c8e0d9b7a6f5e4d3c2b1a0918273645546372"


def make_release(emulator: Emulator) -> None:
    """Make the changes that a release makes in AWS.

    These are the code and the environment of functions, a version, an alias, a key of the KeyValueStore, a
    row and a file.
    """
    functions = emulator.client("lambda")
    functions.update_function_code(FunctionName=_SERVER, ZipFile=_build_code())
    functions.update_function_configuration(
        FunctionName=_REVALIDATE, Environment={"Variables": {"SITE_SECRET": SITE_SECRET}}
    )
    version = functions.publish_version(FunctionName=_REVALIDATE)["Version"]
    functions.update_alias(FunctionName=_REVALIDATE, Name="live", FunctionVersion=version)
    store = _find_store(emulator)
    keys = emulator.client("cloudfront-keyvaluestore")
    keys.put_key(
        KvsARN=store,
        Key="www.example.com",
        Value="{}",
        IfMatch=keys.describe_key_value_store(KvsARN=store)["ETag"],
    )
    emulator.client("dynamodb").put_item(
        TableName="anchor-dev-projects", Item={"projectId": {"S": "01"}, "sk": {"S": "METADATA"}}
    )
    emulator.client("s3").put_object(Bucket=_build_bucket_name(emulator), Key="artifact", Body=b"content")


def read_release(emulator: Emulator) -> dict[str, object]:
    """Return what `make_release` changed."""
    functions = emulator.client("lambda")
    keys = emulator.client("cloudfront-keyvaluestore").list_keys(KvsARN=_find_store(emulator))["Items"]
    versions = functions.list_versions_by_function(FunctionName=_REVALIDATE)["Versions"]
    files = emulator.client("s3").list_objects_v2(Bucket=_build_bucket_name(emulator))
    revalidate = functions.get_function_configuration(FunctionName=_REVALIDATE)
    return {
        "code": functions.get_function_configuration(FunctionName=_SERVER)["CodeSha256"],
        "environment": revalidate.get("Environment"),
        "versions": [version["Version"] for version in versions],
        "alias": functions.get_alias(FunctionName=_REVALIDATE, Name="live")["FunctionVersion"],
        "keys": {each["Key"]: each["Value"] for each in keys},
        "rows": emulator.client("dynamodb").scan(TableName="anchor-dev-projects")["Items"],
        "files": [file["Key"] for file in files.get("Contents", [])],
    }


_SERVER: Final = "anchor-dev-site-next-site-server"
_REVALIDATE: Final = "anchor-dev-site-next-site-revalidate"


def _build_code() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("index.mjs", "export const handler = async () => ({ statusCode: 200 });")
    return content.getvalue()


def _find_store(emulator: Emulator) -> str:
    (store,) = emulator.client("cloudfront").list_key_value_stores()["KeyValueStoreList"]["Items"]
    return store["ARN"]
