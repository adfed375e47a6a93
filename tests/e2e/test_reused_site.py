"""A6: a tenant keeps all that it can keep of a site. The next tenant of the site notices nothing of it.

Before freed sites had a quarantine, this attack succeeded. The next tenant created its project at once. Then
the copied credentials replaced a cached page of the next tenant and expired one of its tags, and both
function URLs of the former tenant answered. The aliases `live` and `$LATEST` had its code and its secret.
After all collections, its artifacts and its rows of tags were left.

The tests run after those of other files, because the collection also collects the releases of their sites.
"""

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
import requests
from attrs import frozen
from botocore.exceptions import ClientError

from local.cloud import Cloud
from local.demo.visitor import Visitor
from local.emulator.emulator import NotFoundInEmulatorError
from local.platform_client import Json, PlatformError
from runtime.shared.placeholder_code import PLACEHOLDER_CODE
from tests.e2e.collecting import collect_at
from tests.e2e.tiny_platform import TinyPlatform, TinyProject

SITE: Final = "zeta"
PREFIX: Final = f"anchor-local-site-{SITE}"
FUNCTIONS: Final = tuple(f"{PREFIX}-{name}" for name in ("server", "image", "revalidate"))
ROLES: Final = (*FUNCTIONS, f"{PREFIX}-build")
TABLE: Final = f"{PREFIX}-tags"
SECRET, VARIABLE = "secret-of-the-former-tenant", "value-of-the-former-tenant"
DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException"})


@frozen(kw_only=True)
class Former:
    """What the former tenant has kept.

    Attributes:
        releases: Its deployments, oldest first.
        function_urls: Hosts of the URLs of its server functions.
        presigned: URLs that it signed with the role of its server, for objects of its own.
        objects: Bucket and key of its objects.
        marks: Texts that name the tenant: ids, variables, secrets.
    """

    site: TinyProject
    releases: Sequence[Json]
    function_urls: Sequence[str]
    presigned: Sequence[str]
    objects: Sequence[tuple[str, str]]
    marks: Sequence[str]


@frozen(kw_only=True)
class Reuse:
    """Both tenants, and the refusals before the end of the quarantine.

    Attributes:
        refusals: Status of each early request of the next tenant to create a project, and whether the list of
            sites showed the site as available.
    """

    cloud: Cloud
    former: Former
    next: TinyProject
    release: Json
    refusals: Sequence[tuple[int, bool]]


def create_role_client(cloud: Cloud, role: str, service: str) -> Any:  # noqa: ANN401 - no types
    """Return a client with the copied credentials of a role of the site."""
    emulator = cloud.emulator
    session = emulator.create_role_session(f"arn:aws:iam::{emulator.account_id}:role/{role}")
    return session.client(service, region_name=emulator.region, endpoint_url=emulator.endpoint_url)


def list_objects(cloud: Cloud, *folders: str) -> Iterator[tuple[str, str]]:
    """Yield the bucket and the key of each object of the site in these folders."""
    pages = cloud.emulator.client("s3").get_paginator("list_objects_v2")
    for bucket in cloud.deployed.outputs["buckets"].values():
        for folder in folders:
            for page in pages.paginate(Bucket=bucket, Prefix=f"{folder}/{SITE}/"):
                yield from ((bucket, each["Key"]) for each in page.get("Contents", ()))


def plant(former: TinyProject, cloud: Cloud, name: str) -> None:
    """With copied credentials, write a page, a tag and a message, as the former tenant's code could."""
    bucket = cloud.deployed.outputs["buckets"]["assets"]
    create_role_client(cloud, FUNCTIONS[0], "s3").put_object(
        Bucket=bucket, Key=f"cache/{SITE}/{name}", Body=f"planted by {former.project_id}"
    )
    create_role_client(cloud, FUNCTIONS[0], "dynamodb").update_item(
        TableName=TABLE,
        Key={"tag": {"S": f"{former.project_id}/{name}"}, "path": {"S": "-"}},
        UpdateExpression="SET staleAt = :at",
        ExpressionAttributeValues={":at": {"N": "1"}},
    )
    create_role_client(cloud, FUNCTIONS[0], "sqs").send_message(
        QueueUrl=find_queue(cloud),
        MessageBody=f"planted by {former.project_id}",
        MessageGroupId=name,
        MessageDeduplicationId=name,
    )


def find_queue(cloud: Cloud) -> str:
    url: str = cloud.emulator.client("sqs").get_queue_url(QueueName=f"{PREFIX}-revalidate.fifo")["QueueUrl"]
    return url


def use_site(platform: TinyPlatform) -> Former:
    """Release a site twice, with variables and a secret, and keep everything that a tenant can keep."""
    cloud = platform.cloud
    site = platform.create_project(SITE, tenant="dora", repository="former")
    variables = [
        {"name": "TOKEN", "value": SECRET, "isSecret": True},
        {"name": "GREETING", "value": VARIABLE, "isSecret": False},
    ]
    site.client.set_variables(site.project_id, variables)
    releases = [site.release(message=f"Former {number}") for number in (1, 2)]
    assert [each["status"] for each in releases] == ["live", "live"], releases
    assert site.visitor.get("/api/env").json() == {"greeting": VARIABLE}
    plant(site, cloud, "before")
    functions = cloud.emulator.client("lambda")
    urls = [
        each["FunctionUrl"].partition("//")[2].strip("/")
        for each in functions.list_function_url_configs(FunctionName=FUNCTIONS[0])["FunctionUrlConfigs"]
    ]
    objects = tuple(list_objects(cloud, "assets", "cache", "artifacts"))
    signer = create_role_client(cloud, FUNCTIONS[0], "s3")
    presigned = [
        signer.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=43_200)
        for bucket, key in objects
        if key.startswith(("assets/", "cache/"))
    ]
    assert {requests.get(url, timeout=30).status_code for url in presigned} == {200}
    ids = [site.project_id, *(each["deploymentId"] for each in releases)]
    commits = [each["commitSha"] for each in releases]
    return Former(
        site=site,
        releases=releases,
        function_urls=urls,
        presigned=presigned,
        objects=objects,
        marks=(*ids, *(each.lower() for each in ids), *commits, SECRET, VARIABLE),
    )


@pytest.fixture(scope="module")
def reuse(platform: TinyPlatform) -> Reuse:
    cloud = platform.cloud
    former = use_site(platform)
    former.site.client.delete_project(former.site.project_id)
    # A concurrent request can write a secret after the deletion has listed all secrets.
    cloud.emulator.client("ssm").put_parameter(
        Name=f"/anchor/local/sites/{SITE}/{former.site.project_id}/LATE", Value=SECRET, Type="SecureString"
    )
    refusals = [try_to_create(platform)]
    now = datetime.now(UTC)
    for hours in (0, 1, 2):
        collect_at(cloud, now + timedelta(hours=hours, minutes=1))
        refusals.append(try_to_create(platform))
    plant(former.site, cloud, "after")
    collect_at(cloud, now + timedelta(hours=26))
    site = platform.create_project(SITE, tenant="erin", repository="next")
    release = site.release(message="Next")
    assert release["status"] == "live", release
    return Reuse(cloud=cloud, former=former, next=site, release=release, refusals=refusals)


def try_to_create(platform: TinyPlatform) -> tuple[int, bool]:
    client = platform.get_tenant_client("erin")
    listed = {each["site"]: each["available"] for each in client.call("GET", "/sites")["sites"]}
    with pytest.raises(PlatformError) as refused:
        client.create_project(name="Early", site=SITE, repository_url="https://github.com/a/b")
    return refused.value.status, listed[SITE]


def find_marks(former: Former, text: str) -> list[str]:
    return [mark for mark in former.marks if mark in text]


def test_nobody_else_gets_the_site_before_the_end_of_its_quarantine(reuse: Reuse) -> None:
    assert reuse.refusals == [(422, False)] * 4


def test_no_object_of_the_former_tenant_is_left(reuse: Reuse) -> None:
    """The build logs stay for the former tenant (`test_build_logs_of_the_former_tenant_are_its_own`)."""
    s3, left = (
        reuse.cloud.emulator.client("s3"),
        tuple(list_objects(reuse.cloud, "assets", "cache", "artifacts")),
    )
    assert len(reuse.former.objects) > 20
    assert not set(reuse.former.objects) & set(left)
    assert left
    for bucket, key in left:
        assert f"/{SITE}/{reuse.next.project_id}/" in key
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode("latin-1")
        assert find_marks(reuse.former, key + body) == []


def test_no_row_of_the_former_tenant_is_left_in_the_table_of_the_site(reuse: Reuse) -> None:
    rows = reuse.cloud.emulator.client("dynamodb").scan(TableName=TABLE)["Items"]
    assert find_marks(reuse.former, json.dumps(rows)) == []


def test_no_message_of_the_former_tenant_is_delivered(reuse: Reuse) -> None:
    sqs = reuse.cloud.emulator.client("sqs")
    for name in ("revalidate", "revalidate-dead"):
        url = sqs.get_queue_url(QueueName=f"{PREFIX}-{name}.fifo")["QueueUrl"]
        assert sqs.receive_message(QueueUrl=url, VisibilityTimeout=0).get("Messages", []) == []


def test_no_parameter_of_the_former_tenant_is_left(reuse: Reuse) -> None:
    ssm = reuse.cloud.emulator.client("ssm")
    for folder in (f"/anchor/local/sites/{SITE}", "/anchor/local/deploy-keys"):
        found = ssm.get_parameters_by_path(Path=folder, Recursive=True, WithDecryption=True)["Parameters"]
        assert find_marks(reuse.former, json.dumps(found, default=str)) == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_version_alias_variable_or_code_of_the_former_tenant_is_left(reuse: Reuse, function: str) -> None:
    functions = reuse.cloud.emulator.client("lambda")
    versions = functions.list_versions_by_function(FunctionName=function)["Versions"]
    aliases = functions.list_aliases(FunctionName=function)["Aliases"]
    urls = functions.list_function_url_configs(FunctionName=function)["FunctionUrlConfigs"]
    assert find_marks(reuse.former, json.dumps([versions, aliases, urls], default=str)) == []
    own = reuse.release["deploymentId"].lower()
    assert {each["Name"] for each in aliases} == {f"r-{own}", "live"}
    assert len(versions) == 2  # `$LATEST` and the version of the next tenant
    for version in versions:
        where = functions.get_function(FunctionName=function, Qualifier=version["Version"])["Code"][
            "Location"
        ]
        with zipfile.ZipFile(io.BytesIO(requests.get(where, timeout=30).content)) as archive:
            for name in archive.namelist():
                assert find_marks(reuse.former, archive.read(name).decode("latin-1")) == []
                assert PLACEHOLDER_CODE not in archive.read(name).decode("latin-1")


def test_no_url_of_the_former_tenant_answers(reuse: Reuse) -> None:
    assert len(reuse.former.function_urls) >= 2
    for host in reuse.former.function_urls:
        with pytest.raises(NotFoundInEmulatorError):
            reuse.cloud.emulator.find_function_by_url(host)
    for release in reuse.former.releases:
        assert Visitor(url=release["url"]).get("/").status_code == 404
    for url in reuse.former.presigned:
        assert requests.get(url, timeout=30).status_code in {403, 404}
    _, keys = reuse.cloud.emulator.read_key_values(str(reuse.cloud.deployed.outputs["keyValueStoreArn"]))
    assert find_marks(reuse.former, json.dumps(dict(keys))) == []


def test_the_next_tenant_cannot_read_anything_of_the_former_one_from_the_api(reuse: Reuse) -> None:
    """A5."""
    client, former = reuse.next.client, reuse.former
    paths = [f"/projects/{former.site.project_id}{more}" for more in ("", "/deployments", "/env", "/logs")]
    for release in former.releases:
        paths += [f"/deployments/{release['deploymentId']}{more}" for more in ("", "/logs")]
    for path in paths:
        with pytest.raises(PlatformError) as refused:
            client.call("GET", path)
        assert refused.value.status == 404
    since = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for function in ("server", "image", "revalidation"):
        shown = client.call(
            "GET", f"/projects/{reuse.next.project_id}/logs?since={since}&function={function}"
        )
        assert find_marks(former, json.dumps(shown)) == []
    assert find_marks(former, "\n".join(client.read_build_log(reuse.release["deploymentId"]))) == []
    assert find_marks(former, json.dumps(client.call("GET", "/sites"))) == []


@pytest.mark.parametrize("role", ROLES)
def test_build_logs_of_the_former_tenant_are_its_own(reuse: Reuse, role: str) -> None:
    """No role of the site can read or list build logs. The former tenant reads them for 30 days."""
    s3, logs = (create_role_client(reuse.cloud, role, service) for service in ("s3", "logs"))
    bucket = reuse.cloud.deployed.outputs["buckets"]["logs"]
    stored = [key for found, key in list_objects(reuse.cloud, "logs/builds") if found == bucket]
    assert len(stored) >= 3
    group = f"/aws/codebuild/{PREFIX}-build"
    attempts = [lambda key=key: s3.get_object(Bucket=bucket, Key=key) for key in stored]
    attempts += [
        lambda: s3.list_objects_v2(Bucket=bucket, Prefix=f"logs/builds/{SITE}/"),
        lambda: logs.filter_log_events(logGroupName=group),
        lambda: logs.describe_log_streams(logGroupName=group),
    ]
    for attempt in attempts:
        with pytest.raises(ClientError) as refused:
            attempt()
        assert refused.value.response["Error"]["Code"] in DENIED
    assert reuse.former.site.client.read_build_log(reuse.former.releases[0]["deploymentId"])


def test_the_site_of_the_next_tenant_is_its_own(reuse: Reuse) -> None:
    assert reuse.next.visitor.get("/api/release").json() == {"release": reuse.release["commitSha"]}
    assert reuse.next.visitor.get("/api/env").json() == {"greeting": None}
    sites = reuse.former.site.client.call("GET", "/sites")["sites"]
    (shown,) = [each for each in sites if each["site"] == SITE]
    assert (shown["available"], shown["projectId"]) == (False, None)
