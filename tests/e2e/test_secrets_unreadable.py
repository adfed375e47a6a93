"""Secrets are unreadable without the right to decrypt: a reader of the AWS account finds none of them (X2).

The reader's role has a policy like AWS's `ReadOnlyAccess`. The walk of `read_only_walk.py` makes every call
that this policy allows, and searches all answers, also objects, log events, rows and the code of functions.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import boto3
import pytest
from attrs import frozen
from botocore.exceptions import ClientError

from local.cloud import Cloud
from local.demo.visitor import Visitor
from local.layers import AWS_SERVICES
from local.platform_client import Json
from tests.e2e.read_only_walk import SERVICES, ReadOnlyWalk, make_read_only_policy
from tests.e2e.tiny_platform import TinyPlatform, TinyProject

SECRET: Final = "open-sesame-7301"
ROTATED: Final = "open-barley-4482"
PLAIN: Final = "visible-greeting-55"
ROLE: Final = "reader"
# The first line of the site's code reads the variable.
CODE: Final = """\
const first = process.env.TOKEN;
console.log("the token is", first);
export const handler = async (event) => ({
  statusCode: 200,
  headers: { "content-type": "application/json", "cache-control": "no-store" },
  body: JSON.stringify({ first, length: String(process.env.TOKEN).length }),
});
"""


@frozen(kw_only=True)
class SecretSite:
    """A site with a private repository and a secret, which was rotated after the first release.

    Attributes:
        releases: The ids of the deployments: the first one, and the one with the rotated secret.
        encrypted: The objects with the secrets of both releases, as the reader got them at the end.
        seen: What the site answered about its secret, by the time of the request.
        reader: Session of the reader.
        walk: The walk of the reader at the end.
        left: Bytes of the objects after the deletion of the project.
    """

    cloud: Cloud
    site: TinyProject
    encrypted: tuple[bytes, bytes]
    seen: Mapping[str, Any]
    reader: boto3.Session
    walk: ReadOnlyWalk
    left: int


@pytest.fixture(scope="module")
def secret_site(platform: TinyPlatform) -> SecretSite:
    site, cloud = platform.create_private_project("omega", tenant="heidi"), platform.cloud
    _set_variables(site, SECRET)
    first = site.release({"output/server-functions/default/index.mjs": CODE}, "First")
    assert first["status"] == "live", first
    seen = {"first": _read_token(site.project["url"])}
    site.client.promote(first["deploymentId"])
    _set_variables(site, ROTATED)
    second = site.release(message="Rotate")
    assert second["status"] == "ready", second
    seen["second at its own host"] = _read_token(second["url"])
    seen["first while the second is ready"] = _read_token(site.project["url"])
    site.client.promote(second["deploymentId"])
    seen["second"] = _read_token(site.project["url"])
    reader = _create_reader(cloud)
    walk = ReadOnlyWalk(
        session=reader,
        secrets={
            "secret variable": SECRET,
            "rotated variable": ROTATED,
            "plain variable": PLAIN,
            "webhook secret": site.webhook.secret,
            "deploy key": _read_private_key(cloud, site),
            "origin key": _compute_origin_key(cloud, first["deploymentId"]),
        },
    )
    walk.run()
    bucket = str(cloud.deployed.outputs["buckets"]["assets"])
    folder = f"secrets/omega/{site.project_id}/"
    read = reader.client("s3").get_object
    encrypted = tuple(
        read(Bucket=bucket, Key=f"{folder}{each['deploymentId']}/variables")["Body"].read()
        for each in (first, second)
    )
    site.client.delete_project(site.project_id)
    return SecretSite(
        cloud=cloud,
        site=site,
        encrypted=(encrypted[0], encrypted[1]),
        seen=seen,
        reader=reader,
        walk=walk,
        left=sum(
            each["Size"]
            for each in cloud.emulator.client("s3").list_objects_v2(Bucket=bucket, Prefix=folder)["Contents"]
        ),
    )


def _set_variables(site: TinyProject, token: str) -> None:
    site.client.set_variables(
        site.project_id,
        [
            {"name": "TOKEN", "value": token, "isSecret": True},
            {"name": "GREETING", "value": PLAIN, "isSecret": False},
        ],
    )


def _read_token(url: str) -> str:
    return str(Visitor(url=url).get("/").json()["first"])


def _create_reader(cloud: Cloud) -> boto3.Session:
    iam = cloud.emulator.client("iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust)["Role"]
    policy = json.dumps(make_read_only_policy())
    iam.put_role_policy(RoleName=ROLE, PolicyName="reads", PolicyDocument=policy)
    return cloud.emulator.create_role_session(role["Arn"])


def _read_private_key(cloud: Cloud, site: TinyProject) -> str:
    """Return a line of the private half of the site's deploy key. All keys have the same first line."""
    found = cloud.emulator.client("ssm").get_parameters_by_path(
        Path=f"/anchor/local/deploy-keys/{site.project_id}", WithDecryption=True
    )
    (parameter,) = found["Parameters"]
    return str(parameter["Value"].splitlines()[2])


def _compute_origin_key(cloud: Cloud, deployment_id: str) -> str:
    mac = cloud.emulator.client("kms").generate_mac(
        KeyId="alias/anchor-local-signing",
        MacAlgorithm="HMAC_SHA_256",
        Message=f"origin:{deployment_id}".encode(),
    )
    return str(mac["Mac"].hex()[:40])


def _list_places(secret_site: SecretSite, *secrets: str) -> set[str]:
    """Return the operations whose answers contained one of the secrets."""
    return {each.operation for each in secret_site.walk.findings if each.secret in secrets}


def test_no_answer_to_a_reader_contains_a_secret(secret_site: SecretSite) -> None:
    """X2, A4: neither the replaced nor the present value of a secret variable, nor another secret."""
    assert (
        _list_places(secret_site, "secret variable", "rotated variable", "webhook secret", "deploy key")
        == set()
    )


def test_the_key_of_the_edge_is_only_in_the_store_of_the_edge(secret_site: SecretSite) -> None:
    """CloudFront Functions cannot decrypt. Whoever reads the store can only bypass CloudFront."""
    places = _list_places(secret_site, "origin key")
    assert places == {"cloudfront-keyvaluestore.GetKey", "cloudfront-keyvaluestore.ListKeys"}


def test_the_walk_reads_what_it_searches(secret_site: SecretSite) -> None:
    """Without this test, a walk that reads nothing would pass. A plain variable is in these answers."""
    assert {
        "lambda.GetFunction",
        "lambda.GetFunctionConfiguration",
        "lambda.ListFunctions",
        "lambda.ListVersionsByFunction",
        "dynamodb.Scan",
        "codebuild.BatchGetBuilds",
    } <= _list_places(secret_site, "plain variable")
    assert set(AWS_SERVICES) <= set(SERVICES)
    read = secret_site.walk.answered
    assert {
        "logs.FilterLogEvents",
        "s3.GetObject",
        "ssm.GetParametersByPath",
        "ssm.GetParameterHistory",
    } <= read.keys()
    assert {each.partition(".")[0] for each in read} == set(SERVICES)


def test_the_reader_can_decrypt_nothing(secret_site: SecretSite) -> None:
    """Requirement X2."""
    with pytest.raises(ClientError, match="AccessDenied"):
        _decrypt(secret_site, secret_site.reader)


def test_only_the_role_of_the_site_can_decrypt_its_secrets(secret_site: SecretSite) -> None:
    """X2, P6: the role of another site may use the key only for its own site."""
    account = secret_site.cloud.emulator.account_id
    own, other = (
        secret_site.cloud.emulator.create_role_session(
            f"arn:aws:iam::{account}:role/anchor-local-site-{name}-server"
        )
        for name in ("omega", "beta")
    )
    assert _decrypt(secret_site, own) == {"TOKEN": ROTATED}
    with pytest.raises(ClientError, match="AccessDenied"):
        _decrypt(secret_site, other)


def test_the_first_line_of_the_site_sees_the_secret_of_its_release(secret_site: SecretSite) -> None:
    """A4, D2: a release that is not live yet has the new value, and the live one keeps its value."""
    assert secret_site.seen == {
        "first": SECRET,
        "first while the second is ready": SECRET,
        "second at its own host": ROTATED,
        "second": ROTATED,
    }


def test_an_older_release_starts_with_the_rotated_secret(secret_site: SecretSite) -> None:
    """X2: a rollback gets the value of today. The replaced value is in no release any more."""
    older, newer = secret_site.encrypted
    assert older == newer


def test_a_deleted_project_leaves_no_encrypted_secrets(secret_site: SecretSite) -> None:
    """Requirement X2."""
    assert secret_site.left == 0


def _decrypt(secret_site: SecretSite, session: boto3.Session) -> Json:
    context = {"site": "omega", "project": secret_site.site.project_id}
    answer = session.client("kms").decrypt(CiphertextBlob=secret_site.encrypted[0], EncryptionContext=context)
    found: Json = json.loads(answer["Plaintext"])
    return found
