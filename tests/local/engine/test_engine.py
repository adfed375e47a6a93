"""The engine creates the resources of a program. A second run does not change them (L1, G7, G8)."""

import gc
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from local.emulator.emulator import Emulator
from local.engine.engine import Deployment, Engine, EngineError, ResourceError, UnknownTypeError
from local.providers.core.registry import CREATORS
from local.providers.core.resource import CreatedResource, DeclaredResource, ProviderContext

CONFIG = {"aws:region": "ap-southeast-1"}
Deploy = Callable[[Callable[[], object]], Deployment]


@pytest.fixture
def engine(emulator: Emulator, tmp_path: Path) -> Engine:
    return Engine(emulator, root=tmp_path)


@pytest.fixture
def deploy(engine: Engine) -> Deploy:
    def deploy_program(program: Callable[[], object]) -> Deployment:
        return engine.deploy_program(program, stack="local", config=CONFIG)

    return deploy_program


class Shelf(pulumi.ComponentResource):
    """A component with one queue."""

    def __init__(self, name: str) -> None:
        super().__init__("anchor:test:Shelf", name)
        self.queue = aws.sqs.Queue(name, opts=pulumi.ResourceOptions(parent=self))
        self.register_outputs({})


def declare_queue(name: str = "builds", **arguments: Any) -> aws.sqs.Queue:  # noqa: ANN401 - any of the queue's
    return aws.sqs.Queue(name, name=name, **arguments)


def test_tables_have_their_indexes_expiry_and_recovery(emulator: Emulator, deploy: Deploy) -> None:
    def define_resources() -> None:
        table = aws.dynamodb.Table(
            "jobs",
            name="jobs",
            billing_mode="PAY_PER_REQUEST",
            hash_key="jobId",
            attributes=[{"name": "jobId", "type": "S"}, {"name": "shop", "type": "S"}],
            global_secondary_indexes=[
                {
                    "name": "ByShop",
                    "projection_type": "ALL",
                    "key_schemas": [{"attribute_name": "shop", "key_type": "HASH"}],
                }
            ],
            ttl={"attribute_name": "expiresAt", "enabled": True},
            point_in_time_recovery={"enabled": True},
            stream_enabled=True,
            stream_view_type="NEW_AND_OLD_IMAGES",
            tags={"Project": "anchor-deploy"},
        )
        aws.dynamodb.TableItem(
            "first", table_name=table.name, hash_key="jobId", item=json.dumps({"jobId": {"S": "1"}})
        )
        pulumi.export("arn", table.arn)

    deployment = deploy(define_resources)
    client = emulator.client("dynamodb")
    table = client.describe_table(TableName="jobs")["Table"]
    assert deployment.outputs == {"arn": table["TableArn"]}
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert [index["IndexName"] for index in table["GlobalSecondaryIndexes"]] == ["ByShop"]
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    ttl = client.describe_time_to_live(TableName="jobs")["TimeToLiveDescription"]
    assert (ttl["AttributeName"], ttl["TimeToLiveStatus"]) == ("expiresAt", "ENABLED")
    backups = client.describe_continuous_backups(TableName="jobs")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert client.get_item(TableName="jobs", Key={"jobId": {"S": "1"}})["Item"] == {"jobId": {"S": "1"}}
    assert client.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"] == [
        {"Key": "Project", "Value": "anchor-deploy"}
    ]


def test_buckets_have_their_lifecycle(emulator: Emulator, deploy: Deploy) -> None:
    def define_resources() -> None:
        bucket = aws.s3.Bucket("logs", bucket="the-logs")
        aws.s3.BucketLifecycleConfiguration(
            "logs",
            bucket=bucket.bucket,
            rules=[
                {
                    "id": "cold",
                    "status": "Enabled",
                    "filter": {"prefix": "logs/"},
                    "transitions": [
                        {"days": 30, "storage_class": "GLACIER"},
                        {"days": 365, "storage_class": "DEEP_ARCHIVE"},
                    ],
                    "abort_incomplete_multipart_upload": {"days_after_initiation": 7},
                }
            ],
        )

    deploy(define_resources)
    (rule,) = emulator.client("s3").get_bucket_lifecycle_configuration(Bucket="the-logs")["Rules"]
    assert rule["Filter"] == {"Prefix": "logs/"}
    assert rule["Transitions"] == [
        {"Days": 30, "StorageClass": "GLACIER"},
        {"Days": 365, "StorageClass": "DEEP_ARCHIVE"},
    ]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}


def test_a_second_run_plans_no_change(deploy: Deploy) -> None:
    """Requirement G7."""

    def define_resources() -> None:
        shelf = Shelf("shelf")
        bucket = aws.s3.Bucket("assets")
        pulumi.export("urls", [shelf.queue.url, bucket.bucket_regional_domain_name])

    first, second = deploy(define_resources), deploy(define_resources)
    assert len(first.created) == 2
    assert (second.created, second.updated, second.deleted) == ((), (), ())
    assert second.outputs == first.outputs
    assert second.resources == first.resources


def test_urns_have_the_same_format_as_in_pulumi(deploy: Deploy) -> None:
    deployment = deploy(lambda: Shelf("shelf"))
    assert deployment.created == (
        "urn:pulumi:local::anchor-deploy::anchor:test:Shelf$aws:sqs/queue:Queue::shelf",
    )


def test_a_changed_argument_changes_the_resource_in_place(emulator: Emulator, deploy: Deploy) -> None:
    deploy(lambda: declare_queue(visibility_timeout_seconds=30))
    deployment = deploy(lambda: declare_queue(visibility_timeout_seconds=60))
    (resource,) = deployment.resources
    assert deployment.updated == (resource.urn,)
    attributes = emulator.client("sqs").get_queue_attributes(
        QueueUrl=resource.id, AttributeNames=["VisibilityTimeout"]
    )
    assert attributes["Attributes"] == {"VisibilityTimeout": "60"}


def test_resources_that_change_at_run_time_are_not_reset(emulator: Emulator, deploy: Deploy) -> None:
    """G8: `ignore_changes` applies to whole properties and to parts of properties."""

    def make_program(seconds: int, description: str) -> Callable[[], object]:
        ignored = pulumi.ResourceOptions(ignore_changes=["visibilityTimeoutSeconds", 'tags["Note"]'])
        return lambda: declare_queue(
            visibility_timeout_seconds=seconds, tags={"Note": description, "Kept": "1"}, opts=ignored
        )

    first = deploy(make_program(30, "first"))
    (resource,) = first.resources
    emulator.client("sqs").set_queue_attributes(QueueUrl=resource.id, Attributes={"VisibilityTimeout": "45"})
    assert deploy(make_program(60, "second")).updated == ()
    attributes = emulator.client("sqs").get_queue_attributes(
        QueueUrl=resource.id, AttributeNames=["VisibilityTimeout"]
    )
    assert attributes["Attributes"] == {"VisibilityTimeout": "45"}


def test_undeclared_resources_are_deleted_in_reverse_order(emulator: Emulator, deploy: Deploy) -> None:
    def declare_both_queues() -> None:
        dead = declare_queue("dead")
        declare_queue("builds", opts=pulumi.ResourceOptions(depends_on=[dead]))

    deploy(declare_both_queues)
    deployment = deploy(lambda: None)
    assert [urn.rpartition("::")[2] for urn in deployment.deleted] == ["builds", "dead"]
    assert emulator.client("sqs").list_queues().get("QueueUrls", []) == []


def test_a_resource_that_no_longer_exists_counts_as_deleted(emulator: Emulator, deploy: Deploy) -> None:
    (resource,) = deploy(declare_queue).resources
    emulator.client("sqs").delete_queue(QueueUrl=resource.id)
    assert deploy(lambda: None).deleted == (resource.urn,)


def test_an_unsupported_change_is_reported(deploy: Deploy) -> None:
    def make_program(policy: str) -> Callable[[], object]:
        def define_resources() -> None:
            topic = aws.sns.Topic("news")
            aws.sns.TopicSubscription(
                "ada", topic=topic.arn, protocol="email", endpoint="ada@example.com", filter_policy=policy
            )

        return define_resources

    deploy(make_program('{"level": ["error"]}'))
    problem = r"cannot change filterPolicy of urn:pulumi:.*::ada: restart the embedded cloud"
    with pytest.raises(EngineError, match=problem):
        deploy(make_program('{"level": ["warning"]}'))


def test_the_error_for_an_unknown_type_names_the_type_and_the_folder_to_add_it_to(deploy: Deploy) -> None:
    with pytest.raises(UnknownTypeError, match=r"aws:sfn/activity:Activity .*urn:.*::news.*local/providers"):
        deploy(lambda: aws.sfn.Activity("news"))


def test_a_refused_resource_is_reported_with_urn_and_cause(deploy: Deploy) -> None:
    with pytest.raises(ResourceError, match=r"(?s)cannot create .*NonExistentQueue.*URN: urn:.*::orphan"):
        deploy(lambda: aws.sqs.QueuePolicy("orphan", queue_url="http://127.0.0.1/1/nowhere", policy="{}"))


def test_after_a_failure_the_next_run_keeps_the_created_resources(deploy: Deploy) -> None:
    def declare_unsupported_resource() -> None:
        first = declare_queue("first")
        aws.sfn.Activity("news", opts=pulumi.ResourceOptions(depends_on=[first]))

    with pytest.raises(UnknownTypeError):
        deploy(declare_unsupported_resource)
    assert deploy(lambda: declare_queue("first")).created == ()


def test_two_resources_with_one_name_are_refused(deploy: Deploy) -> None:
    with pytest.raises(EngineError, match="two resources have the URN"):
        deploy(lambda: [declare_queue("same"), declare_queue("same")])


def test_an_error_of_the_program_is_raised_unchanged(deploy: Deploy) -> None:
    def raise_lookup_error() -> None:
        raise LookupError("no such stage")

    with pytest.raises(LookupError, match="no such stage"):
        deploy(raise_lookup_error)


def test_each_resource_is_reported_after_its_creation(engine: Engine) -> None:
    """L3: the engine calls `on_resource` with the type of each resource and the seconds of its creation."""
    seen: list[tuple[str, float]] = []
    engine.deploy_program(
        lambda: declare_queue("shown"),
        stack="local",
        config=CONFIG,
        on_resource=lambda _urn, kind, seconds: seen.append((kind, seconds)),
    )
    ((kind, seconds),) = seen
    assert kind == "aws:sqs/queue:Queue"
    assert 0 < seconds < 10


def test_a_program_cannot_disable_the_garbage_collection_of_this_process(deploy: Deploy) -> None:
    """The program disables the collection to save time. The engine enables it again, even after an error."""

    def disable_gc_and_fail() -> None:
        gc.disable()
        raise ValueError("no such setting")

    deploy(gc.disable)
    assert gc.isenabled()
    with pytest.raises(ValueError, match="no such setting"):
        deploy(disable_gc_and_fail)
    assert gc.isenabled()


def test_the_program_can_look_up_its_account_and_region(deploy: Deploy) -> None:
    def export_account_and_region() -> None:
        pulumi.export("account", aws.get_caller_identity_output().account_id)
        pulumi.export("region", aws.get_region_output().region)

    assert deploy(export_account_and_region).outputs == {
        "account": "000000000000",
        "region": "ap-southeast-1",
    }


def test_the_error_names_an_unsupported_lookup(deploy: Deploy) -> None:
    with pytest.raises(Exception, match="aws:index/getAvailabilityZones:getAvailabilityZones"):
        deploy(lambda: pulumi.export("zones", aws.get_availability_zones_output().names))


def test_overrides_are_merged_into_the_settings_file_of_the_stage(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text(
        "import pulumi\nfrom beside import NAME\n"
        "pulumi.export('stage', pulumi.Config().require_object('stage'))\n"
        "pulumi.export('name', NAME)\npulumi.export('stack', pulumi.get_stack())\n"
    )
    (tmp_path / "beside.py").write_text("NAME = 'importable'\n")
    (tmp_path / "Pulumi.local.yaml").write_text(
        "config:\n  aws:region: ap-southeast-1\n"
        "  anchor-deploy:stage: {domain: localhost, sites: [{name: a}]}\n"
    )
    deployment = engine.deploy(overrides={"anchor-deploy:stage": {"architecture": "arm64"}})
    assert deployment.outputs == {
        "stage": {"domain": "localhost", "sites": [{"name": "a"}], "architecture": "arm64"},
        "name": "importable",
        "stack": "local",
    }
    with pytest.raises(EngineError, match=r"^Pulumi\.nowhere\.yaml does not exist"):
        engine.deploy(stack="nowhere")


def test_a_settings_file_with_invalid_yaml_is_refused_with_its_line(engine: Engine, tmp_path: Path) -> None:
    """Requirement Q1."""
    (tmp_path / "Pulumi.local.yaml").write_text("config:\n  aws:region: [\n")
    with pytest.raises(EngineError, match=r"^Pulumi\.local\.yaml, line 3, column 1: .*valid YAML$"):
        engine.deploy()


def test_a_deployed_program_can_be_destroyed_completely(
    emulator: Emulator, engine: Engine, deploy: Deploy
) -> None:
    """G3: a stage that is not production can be destroyed completely."""

    def define_resources() -> None:
        bucket = aws.s3.Bucket("assets", bucket="some-assets", force_destroy=True)
        aws.s3.BucketPolicy(
            "assets", bucket=bucket.bucket, policy='{"Version": "2012-10-17", "Statement": []}'
        )

    deploy(define_resources)
    emulator.client("s3").put_object(Bucket="some-assets", Key="a/b", Body=b"1")
    assert len(engine.destroy()) == 2
    assert emulator.client("s3").list_buckets()["Buckets"] == []


def test_resources_are_created_concurrently(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each creation waits at the barrier until the creation of the other resource has started."""
    both = threading.Barrier(2)

    def wait_and_create(_aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
        both.wait(10)
        return CreatedResource(id=declared.name)

    monkeypatch.setitem(CREATORS, "aws:sns/topic:Topic", wait_and_create)
    assert len(deploy(lambda: [aws.sns.Topic("one"), aws.sns.Topic("other")]).created) == 2
