"""Environment variables of a site's functions: the project's own ones, and those of OpenNext 4.1.12."""

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from attrs import field, frozen

from runtime.deploy.model import Deployment, Project, Site
from runtime.deploy.releases.assets import build_project_prefix, build_release_prefix
from runtime.deploy.releases.cache_seed import build_cache_prefix
from runtime.deploy.releases.release_clients import SecretsClient
from runtime.deploy.releases.release_secrets import build_secrets_object_key
from runtime.shared.environment import LAMBDA_NAME, MAX_ENVIRONMENT_BYTES

_MASK: Final = "***"
_MIN_MASKED_LENGTH: Final = 4  # characters; masking shorter values would reveal more than it hides


class SiteEnvironmentError(Exception):
    """The variables cannot be set on a function. The message has their names, never a value."""


@frozen(kw_only=True)
class SiteEnvironment:
    """Environment variables of one release's functions.

    Attributes:
        server: Variables of the server function.
        image: Variables of the image function. They contain no variables of the project, because this
            function runs no code of the project.
        secrets: Values of the secret variables by name. The server function loads them when it starts.
    """

    server: Mapping[str, str] = field(repr=False)
    image: Mapping[str, str] = field(repr=False)
    secrets: Mapping[str, str] = field(repr=False)

    def mask_secrets(self, text: str) -> str:
        """Return a text from the site's code, with the values of secrets masked.

        Each line of a secret with several lines is also masked, because a log can show a single line.
        """
        values = self.secrets.values()
        parts = {part.strip() for secret in values for part in (secret, *secret.splitlines())}
        for part in sorted(parts, key=len, reverse=True):
            if len(part) >= _MIN_MASKED_LENGTH:
                text = text.replace(part, _MASK)
        return text


def make_site_environment(  # noqa: PLR0913 - each parameter becomes a variable
    *,
    project: Project,
    deployment: Deployment,
    site: Site,
    secrets: Mapping[str, str],
    origin_key: str,
    assets_bucket: str,
    region: str,
) -> SiteEnvironment:
    """Return the environment variables. The platform's variables override the project's.

    Raises:
        SiteEnvironmentError: The variables are larger than Lambda allows, or Lambda refuses a name.
    """
    # Earlier versions of the API accepted names with one character.
    refused = sorted(each.name for each in project.variables if not LAMBDA_NAME.fullmatch(each.name))
    if refused:
        raise SiteEnvironmentError(
            f"Lambda refuses the names of these environment variables: {', '.join(refused)}; use at least "
            "two characters"
        )
    release = {
        # The site's code can read its environment. The hash does not reveal the key, which is random.
        "ANCHOR_ORIGIN_KEY_HASH": hashlib.sha256(origin_key.encode()).hexdigest(),
        "ANCHOR_DEPLOYMENT_ID": deployment.deployment_id,
        "ANCHOR_COMMIT_SHA": deployment.commit_sha or "",
        **({"ANCHOR_SECURITY_HEADERS": "1"} if project.security_headers else {}),
    }
    server = {
        **{variable.name: variable.value or "" for variable in project.variables if not variable.is_secret},
        **release,
        "CACHE_BUCKET_NAME": assets_bucket,
        "CACHE_BUCKET_KEY_PREFIX": build_cache_prefix(deployment),
        "CACHE_BUCKET_REGION": region,
        "ANCHOR_FILES_PREFIX": build_project_prefix(deployment),
        "CACHE_DYNAMO_TABLE": site.tag_table,
        "REVALIDATION_QUEUE_URL": site.revalidation_queue_url,
        "REVALIDATION_QUEUE_REGION": region,
    }
    # Earlier versions of the API accepted some names that the platform uses.
    own_secrets = {name: value for name, value in secrets.items() if name not in server}
    if own_secrets:
        server["ANCHOR_SECRETS_OBJECT"] = build_secrets_object_key(deployment)
    image = {
        **release,
        "BUCKET_NAME": assets_bucket,
        "BUCKET_KEY_PREFIX": build_release_prefix(deployment),
    }
    size = len(json.dumps(server, separators=(",", ":"), ensure_ascii=False).encode())
    if size > MAX_ENVIRONMENT_BYTES:
        own = sorted(variable.name for variable in project.variables if not variable.is_secret)
        raise SiteEnvironmentError(
            f"the environment variables have {size} bytes; at most {MAX_ENVIRONMENT_BYTES} are allowed: "
            f"shorten {', '.join(own)}"
        )
    return SiteEnvironment(server=server, image=image, secrets=own_secrets)


def read_secrets(client: SecretsClient, project: Project, site: Site) -> dict[str, str]:
    """Return the values of a project's secret variables. Makes one call for every ten parameters.

    Raises:
        SiteEnvironmentError: A secret variable has no value in Parameter Store.
    """
    wanted = {
        site.build_secret_parameter_name(project.project_id, variable.name): variable.name
        for variable in project.variables
        if variable.is_secret
    }
    if not wanted:
        return {}
    found: dict[str, str] = {}
    folder, next_page = f"{site.secrets_path}/{project.project_id}", ""
    while True:
        response = (
            client.get_parameters_by_path(Path=folder, WithDecryption=True, NextToken=next_page)
            if next_page
            else client.get_parameters_by_path(Path=folder, WithDecryption=True)
        )
        # Other parameters in the folder belong to variables that were removed.
        found.update(
            (wanted[each["Name"]], each["Value"]) for each in response["Parameters"] if each["Name"] in wanted
        )
        next_page = response.get("NextToken", "")
        if not next_page:
            break
    missing = sorted(set(wanted.values()) - found.keys())
    if missing:
        raise SiteEnvironmentError(f"secret variables without a value: {', '.join(missing)}; set them again")
    return found
