"""Sessions whose clients use only the embedded AWS, whatever the user's AWS settings are."""

import os
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config

from aws_models.calls import EVENT, refuse_invalid_call
from local.emulator.node_function import Credentials

_LOADER = botocore.loaders.create_loader()


class EmulatorSession(boto3.Session):
    """A session of the embedded AWS.

    Args:
        endpoint_url: The URL of the embedded AWS.
        region: The default region of the clients.
        credentials: Credentials of the administrator or of a role.
    """

    def __init__(self, *, endpoint_url: str, region: str, credentials: Credentials) -> None:
        # Ignore the user's AWS profile and AWS files. Otherwise botocore would mix their settings with the
        # arguments of this session.
        own_settings: dict[str, Any] = {
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
        session = botocore.session.Session(session_vars=own_settings)
        # All sessions share this loader, because loading the services' models is slow.
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
        """Return a client as `boto3.Session.client` does, but for the emulator's endpoint.

        The client refuses calls with values that AWS would refuse, because the emulator accepts many of them.
        """
        kwargs.setdefault("endpoint_url", self._endpoint_url)
        # Use no proxy, because the user's proxy cannot reach this machine's loopback address.
        config = Config(max_pool_connections=32, retries={"total_max_attempts": 2}, proxies={})
        kwargs.setdefault("config", config)
        client = super().client(*args, **kwargs)
        client.meta.events.register_last(EVENT, refuse_invalid_call)
        # In calls for KeyValueStores, botocore puts the account ID before the host name. The resulting name
        # does not resolve, so remove the account ID.
        client.meta.events.register("before-send.cloudfront-keyvaluestore", self._remove_account_id)
        return client

    def _remove_account_id(self, request: Any, **_: object) -> None:  # noqa: ANN401 - botocore's prepared request
        url = urlsplit(request.url)
        if not request.url.startswith(self._endpoint_url):
            request.headers["Host"] = url.netloc  # the signature contains the host name with the account ID
            request.url = self._endpoint_url + request.url.partition(url.netloc)[2]
