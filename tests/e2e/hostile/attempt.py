"""Makes each AWS call of `attempts.json` with the credentials of the build, and prints the results."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = os.environ["AWS_ENDPOINT_URL"]
CONFIG = Config(retries={"total_max_attempts": 1}, parameter_validation=False)


def remove_account_id(request: Any, **_: object) -> None:  # noqa: ANN401 - botocore's prepared request
    """Remove the account id that botocore puts before the host name of a request's URL.

    The host name with the account id has no IP address.
    """
    host = urlsplit(request.url).netloc
    request.headers["Host"] = host  # the signature contains this host
    request.url = ENDPOINT + request.url.partition(host)[2]


@cache
def get_client(service: str) -> Any:  # noqa: ANN401 - boto3's clients have no types
    """Return the client of a service."""
    made = boto3.client(service, config=CONFIG)
    made.meta.events.register("before-send.cloudfront-keyvaluestore", remove_account_id)
    return made


def attempt_call(call: str, parameters: dict[str, object]) -> str:
    """Make a call, and return AWS's error code, or OK if the call succeeds."""
    service, _, operation = call.partition(".")
    try:
        getattr(get_client(service), operation)(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "OK"


if __name__ == "__main__":
    for each in json.loads(Path("attempts.json").read_text(encoding="utf-8"))["attempts"]:
        answer = attempt_call(each["call"], each["parameters"])
        print("ATTEMPT", json.dumps({"what": each["what"], "answer": answer}))  # noqa: T201 - output goes to the build log
    try:
        status = urlopen(os.environ["ANCHOR_DEPLOY_KEY_URL"]).status  # noqa: S310 - the URL is from the platform
    except HTTPError as error:
        status = error.code
    print("KEY URL answered", status)  # noqa: T201 - output goes to the build log
    for folder in (os.environ["CODEBUILD_SRC_DIR"], os.environ["HOME"], os.environ["TMPDIR"]):
        for path in Path(folder).rglob("*"):
            # The buildspec's own script contains these words, too.
            if path.is_file() and path.name != "attempt.py" and b"OPENSSH PRIVATE KEY" in path.read_bytes():
                print("PRIVATE KEY in", path)  # noqa: T201 - output goes to the build log
    # A test checks that the build log masks these values.
    print("SECRET", os.environ["AWS_SECRET_ACCESS_KEY"], os.environ["OWN_SECRET"])  # noqa: T201 - output goes to the build log
