"""Sessions whose clients speak to the embedded AWS only, whatever the user's own AWS settings are."""

import os
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config

from local.emulator.node_function import Credentials

_LOADER = botocore.loaders.create_loader()


class EmulatorSession(boto3.Session):
    """A session of the embedded AWS.

    Args:
        endpoint_url: Of the embedded AWS.
        region: Of its clients, unless they name another.
        credentials: Of the administrator or of a role.
    """

    def __init__(self, *, endpoint_url: str, region: str, credentials: Credentials) -> None:
        # No profile and no file of the user's: what they say would be mixed with what is given here.
        own_settings: dict[str, Any] = {
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
        session = botocore.session.Session(session_vars=own_settings)
        # Reading the services' models is most of the work of making a client: it is done once.
        session.register_component("data_loader", _LOADER)
        super().__init__(
            aws_access_key_id=credentials.access_key_id,
            aws_secret_access_key=credentials.secret_access_key,
            aws_session_token=credentials.session_token or None,
            region_name=region,
            botocore_session=session,
        )
        self._endpoint_url = endpoint_url

    def client(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - boto3's own signature
        """A client with the endpoint, as `boto3.Session.client`."""
        kwargs.setdefault("endpoint_url", self._endpoint_url)
        # No proxy of the user's network reaches loopback.
        config = Config(max_pool_connections=32, retries={"total_max_attempts": 2}, proxies={})
        kwargs.setdefault("config", config)
        client = super().client(*args, **kwargs)
        # AWS's rule for this service's endpoint puts the account before the host: a name without address.
        client.meta.events.register("before-send.cloudfront-keyvaluestore", self._without_account)
        return client

    def _without_account(self, request: Any, **_: object) -> None:  # noqa: ANN401 - botocore's prepared request
        url = urlsplit(request.url)
        if not request.url.startswith(self._endpoint_url):
            request.headers["Host"] = url.netloc  # as it was signed
            request.url = self._endpoint_url + request.url.partition(url.netloc)[2]
