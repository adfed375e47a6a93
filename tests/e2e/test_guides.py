"""The code in the guides works on the embedded cloud as it is printed (W1)."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.cloud import Cloud
from local.node import find_node
from tests.docs.pages import read_page
from tests.packages.wheels import make_wheel, unpack_wheel
from tests.runtime.images.pictures import make_picture

# The application that uses the functions of the guide for the image service.
IMAGE_APPLICATION = """
const session = JSON.parse(process.env.SESSION);
const bytes = Buffer.from(process.env.PICTURE, "base64");
const file = new File([bytes], "photo.png", { type: "image/png" });
const image = await waitUntilInspected(session, await uploadImage(session, file, { title: "A" }), 100);
await renameImage(session, image.imageId, "B");
const listed = (await listImages(session)).map((each) => [each.imageId, each.title]);
await deleteImage(session, image.imageId);
console.log(JSON.stringify({ image, listed, left: (await listImages(session)).length }));
"""


def _join_blocks(guide: str, language: str) -> str:
    blocks = [
        block.text for block in read_page(f"docs/guides/{guide}.md").blocks if block.language == language
    ]
    assert len(blocks) > 1
    return "\n".join(blocks)


def test_a_web_application_uploads_images_as_in_the_guide(cloud: Cloud, tmp_path: Path) -> None:
    program = tmp_path / "application.mjs"
    program.write_text(_join_blocks("use-the-image-service", "js") + IMAGE_APPLICATION)
    token = cloud.sign_in(cloud.create_user("guide@example.com")).token
    session = {"api": cloud.deployed.outputs["images"]["apiEndpoint"], "token": token}
    done = subprocess.run(
        [find_node().node, program],
        env={
            **os.environ,
            "SESSION": json.dumps(session),
            "PICTURE": base64.b64encode(make_picture("image/png")).decode(),
        },
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["image"]["status"] == "ready"
    assert result["listed"] == [[result["image"]["imageId"], "B"]]
    assert result["left"] == 0


@pytest.fixture
def application_credentials(cloud: Cloud) -> dict[str, str]:
    """Environment variables with the permissions of a web application whose role has the store's policy."""
    iam = cloud.emulator.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "ecs-tasks.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    role = iam.create_role(RoleName="my-application", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    iam.attach_role_policy(
        RoleName="my-application", PolicyArn=cloud.deployed.outputs["shopStore"]["policyArn"]
    )
    return cloud.emulator.create_role_credentials(role["Arn"]).to_environment()


def test_another_repository_uses_the_shop_store_as_in_the_guide(
    cloud: Cloud, application_credentials: dict[str, str], tmp_path: Path
) -> None:
    unpack_wheel(make_wheel("shops", tmp_path / "dist"), tmp_path / "installed")
    program = tmp_path / "application.py"
    program.write_text(
        _join_blocks("use-the-shop-store", "python")
        + "\nassert headers['Authorization'].endswith('the shop system sent')\nprint(len(history.items))\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", program],
        env={
            **application_credentials,
            "AWS_ENDPOINT_URL": cloud.emulator.endpoint_url,
            "PYTHONPATH": str(tmp_path / "installed"),
            "SHOP_STORE": json.dumps(cloud.deployed.outputs["shopStore"]),
        },
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "import-products succeeded 200 of 200\n1\n"
