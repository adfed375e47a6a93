"""References to projects and deployments: ids in any case, names, sites and URLs."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final
from urllib.parse import SplitResult, urlsplit

from attrs import frozen

from anchor.client import Client, Json
from anchor.errors import CommandError, UsageError, format_command
from anchor.ids import parse_id
from anchor.links import find_link
from anchor.terminal import Terminal

_GIT_SUFFIX: Final = re.compile(r"(\.git)?/*$")


@frozen(kw_only=True)
class References:
    """The references that the user gives to a command.

    Attributes:
        terminal: The API client, and the folder of the command.
    """

    terminal: Terminal

    def find_project_id(self, reference: str | None) -> str:
        """Return the id of a project.

        Args:
            reference: An id in any case, a name, a site, or a URL: of the site, of one of its releases, of
                the repository, or of the API. None means the linked project.

        Raises:
            CommandError: No project, or more than one, matches.
            UsageError: There is no reference, and the folder is not linked.
        """
        if reference is None:
            return self._get_linked_project_id()
        if project_id := parse_id(reference):
            return project_id
        url = _parse_url(reference)
        if url is None:
            return self._find_by_name(reference)["projectId"]
        if project_id := self._read_id(url, "projects", "webhook"):
            return project_id
        if deployment_id := self._read_deployment_id(url):
            return str(self.terminal.client.call("GET", "deployments", deployment_id)["projectId"])
        return self._find_by_url(reference, url)["projectId"]

    def find_deployment_id(self, reference: str | None) -> str:
        """Return the id of a deployment.

        Args:
            reference: An id in any case, or a URL of the release, of the API, or of a site. The URL of a
                site means the live deployment. Otherwise, a project's name or site means its newest
                deployment, and None means the newest deployment of the linked project.

        Raises:
            CommandError: No deployment matches.
            UsageError: There is no reference, and the folder is not linked.
        """
        if reference is not None:
            if deployment_id := self.parse_deployment_id(reference):
                return deployment_id
            url = _parse_url(reference)
            if url is not None and not self._read_id(url, "projects", "webhook"):
                return self._get_live_deployment_id(self._find_by_url(reference, url))
        return self._get_newest_deployment_id(self.find_project_id(reference))

    def parse_deployment_id(self, reference: str) -> str | None:
        """Return the id in a deployment's id or URL, without a request, or None for another reference.

        An id can also be that of a project.
        """
        if deployment_id := parse_id(reference):
            return deployment_id
        url = _parse_url(reference)
        return None if url is None else self._read_deployment_id(url)

    def _get_linked_project_id(self) -> str:
        link = find_link(self.terminal.get_folder())
        if link is None:
            raise UsageError(
                "no project was given, and this folder is not linked to one: add the project to the command,"
                f" or link the folder with `{format_command('link', 'PROJECT')}`"
                f" (`{format_command('projects', 'list')}` lists your projects)"
            )
        credentials = self.terminal.client.file.read()
        if link.api != credentials.api:
            # No sign-in with this URL is suggested, because a foreign repository may contain the link.
            raise CommandError(
                f"{link.folder} is linked to a project of {link.api}, but you are signed in to"
                f" {credentials.api}: if you trust that API, sign in to it with `{format_command('login')}`;"
                f" otherwise remove the link with `{format_command('unlink')}`"
            )
        return link.project_id

    def _read_deployment_id(self, url: SplitResult) -> str | None:
        """Return the id in the URL of a release, or in a deployment's URL of the API."""
        prefix, hyphens, _ = (url.hostname or "").partition("--")
        return (parse_id(prefix) if hyphens else None) or self._read_id(url, "deployments")

    def _read_id(self, url: SplitResult, *collections: str) -> str | None:
        """Return the id in a URL of the API, if the path begins with one of the collections."""
        api = urlsplit(self.terminal.client.file.read().api)
        if url.netloc.lower() != api.netloc.lower() or not url.path.startswith(f"{api.path}/"):
            return None
        collection, _, rest = url.path.removeprefix(f"{api.path}/").partition("/")
        return parse_id(rest.partition("/")[0]) if collection in collections else None

    def _find_by_name(self, name: str) -> Json:
        projects = _list_projects(self.terminal.client)
        found = [each for each in projects if name in (each["name"], each["site"])]
        if not found:
            known = [str(each[field]) for each in projects for field in ("name", "site")]
            close = get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise CommandError(
                f"there is no project {name!r}: {hint}`{format_command('projects', 'list')}` lists yours"
            )
        return _require_one(name, found)

    def _find_by_url(self, reference: str, url: SplitResult) -> Json:
        projects = _list_projects(self.terminal.client)
        netloc, repository = url.netloc.lower(), _GIT_SUFFIX.sub("", reference)
        found = [each for each in projects if urlsplit(str(each["url"] or "")).netloc.lower() == netloc]
        if not found:
            found = [
                each for each in projects if _GIT_SUFFIX.sub("", str(each["repositoryUrl"])) == repository
            ]
        if not found:
            raise CommandError(
                f"{reference} is not a URL of one of your projects:"
                f" `{format_command('projects', 'list')}` lists them"
            )
        return _require_one(reference, found)

    def _get_live_deployment_id(self, project: Json) -> str:
        if project["live"] is None:
            command = format_command("deployments", project["name"])
            raise CommandError(
                f"no deployment of {project['name']!r} is live yet: `{command}` lists its deployments"
            )
        return str(project["live"]["deploymentId"])

    def _get_newest_deployment_id(self, project_id: str) -> str:
        page = self.terminal.client.call("GET", "projects", project_id, "deployments", query={"limit": 1})
        if not page["deployments"]:
            raise CommandError(
                f"the project has no deployment yet: deploy it with `{format_command('deploy', project_id)}`"
            )
        return str(page["deployments"][0]["deploymentId"])


def _parse_url(reference: str) -> SplitResult | None:
    """Return the parts of a URL, or None if the reference is not a URL."""
    if "://" not in reference:
        return None
    try:
        return urlsplit(reference)
    except ValueError:
        raise UsageError(f"{reference} is not a valid URL") from None


def _list_projects(client: Client) -> list[Json]:
    return [*client.iterate_items("projects", "projects")]


def _require_one(reference: str, found: Sequence[Json]) -> Json:
    if len(found) > 1:
        lines = [
            f"\n  {each['projectId']}  {each['name']}  {each['site']}  {each['branch']}" for each in found
        ]
        raise CommandError(f"several projects match {reference!r}, so use an id:{''.join(lines)}")
    return found[0]
