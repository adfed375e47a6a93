"""The request bodies for projects and deployments, with their validation rules."""

import re
from typing import Annotated

from attrs import field, frozen

from runtime.deploy.builds.host_keys import find_host_key_problem
from runtime.deploy.builds.repository_address import RepositoryAddress, RepositoryAddressError
from runtime.shared.api.changes import UNCHANGED
from runtime.shared.api.inputs import Rule
from runtime.shared.api.shapes import Shape

_NAME_LENGTHS = range(3, 51)
_URL_LENGTH = 500
_BRANCH_LENGTH = 200
_ROOT_DIRECTORY_LENGTH = 200
_MESSAGE_LENGTH = 2_000
_INVISIBLE = re.compile(r"[\x00-\x20\x7f-\xa0\u2000-\u200f\u2028-\u202f\u2060\ufeff]")
_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_SITE = re.compile(r"[a-z][a-z0-9-]{1,26}[a-z0-9]")
_NOT_IN_BRANCH = re.compile(r"[~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)")


def _find_name_problem(name: str) -> str | None:
    if len(name) not in _NAME_LENGTHS or name != name.strip() or not name.isprintable():
        return "must be 3 to 50 visible characters, without spaces around them"
    return None


def _find_site_problem(site: str) -> str | None:
    if not _SITE.fullmatch(site) or "--" in site:
        return "must be a site's name: 3 to 28 of a-z, 0-9 and single hyphens, starting with a letter"
    return None


def _find_repository_problem(url: str) -> str | None:
    if len(url) > _URL_LENGTH:
        return f"must have at most {_URL_LENGTH} characters"
    try:
        RepositoryAddress.parse(url)
    except RepositoryAddressError as error:
        return str(error)
    return None


def _find_branch_problem(branch: str) -> str | None:
    # The rules of git check-ref-format, and no leading hyphen, which git would read as an option.
    if (
        not 0 < len(branch) <= _BRANCH_LENGTH
        or branch.startswith(("-", "/", "."))
        or branch.endswith(("/", "."))
        or branch == "@"
        or _NOT_IN_BRANCH.search(branch)
        or _INVISIBLE.search(branch)
    ):
        return "must be a branch name that git allows, such as main"
    return None


def _find_root_directory_problem(directory: str) -> str | None:
    parts = directory.split("/") if directory else []
    if (
        len(directory) > _ROOT_DIRECTORY_LENGTH
        or not directory.isprintable()
        or "\\" in directory
        or not {"", ".", "..", ".git", "node_modules"}.isdisjoint(parts)
        or any(part.startswith("-") or part != part.strip() for part in parts)
    ):
        return "must be a folder of the repository, such as apps/web, or empty for the root of the repository"
    return None


def _find_sha_problem(sha: str) -> str | None:
    return None if _SHA.fullmatch(sha) else "must be a commit's full id: 40 hexadecimal digits in lower case"


def _find_message_problem(message: str) -> str | None:
    if not message.strip() or len(message) > _MESSAGE_LENGTH or "\0" in message:
        return f"must be a text of at most {_MESSAGE_LENGTH} characters, such as a commit message"
    return None


_Name = Annotated[
    str,
    Rule(_find_name_problem),
    Shape({"minLength": _NAME_LENGTHS.start, "maxLength": _NAME_LENGTHS.stop - 1}),
]
_Site = Annotated[str, Rule(_find_site_problem), Shape({"pattern": f"^{_SITE.pattern}$"})]
_RepositoryUrl = Annotated[
    str,
    Rule(_find_repository_problem),
    Shape({"pattern": "^(https|ssh)://|^[A-Za-z_][A-Za-z0-9_.-]*@", "maxLength": _URL_LENGTH}),
]
_HostKey = Annotated[str, Rule(find_host_key_problem)]
_Branch = Annotated[str, Rule(_find_branch_problem), Shape({"minLength": 1, "maxLength": _BRANCH_LENGTH})]
_RootDirectory = Annotated[
    str, Rule(_find_root_directory_problem), Shape({"maxLength": _ROOT_DIRECTORY_LENGTH})
]
_Message = Annotated[str, Rule(_find_message_problem), Shape({"minLength": 1, "maxLength": _MESSAGE_LENGTH})]
_Sha = Annotated[str, Rule(_find_sha_problem), Shape({"pattern": f"^{_SHA.pattern}$"})]


@frozen(kw_only=True)
class NewProject:
    """The body of `POST /projects`.

    Attributes:
        repository_url: HTTPS URL, or SSH address for a repository that is fetched with a deploy key.
        host_keys: Public keys of the git server in OpenSSH form, at most ten. Needed for a deploy key if the
            server is not github.com, gitlab.com or bitbucket.org.
        root_directory: Folder of the Next.js site in the repository, such as `apps/web`. Empty for the root
            of the repository.
        security_headers: Whether answers of the site's functions get `X-Frame-Options: SAMEORIGIN`,
            `X-Content-Type-Options: nosniff` and `Referrer-Policy: strict-origin-when-cross-origin`, unless
            the site sets the header itself. A change applies to later releases.
    """

    name: _Name
    site: _Site
    repository_url: _RepositoryUrl
    branch: _Branch = "main"
    host_keys: tuple[_HostKey, ...] = ()
    root_directory: _RootDirectory = ""
    security_headers: bool = False


@frozen(kw_only=True)
class ProjectChanges:
    """The body of `PATCH /projects/{projectId}`. Absent fields stay unchanged. The site cannot be changed.

    Attributes:
        host_keys: Public keys of the git server in OpenSSH form, at most ten. If this field is absent and the
            new repository is on another host, the host keys of the project are removed.
        pinned: Only false is allowed: automatic releases can then replace the promoted release again.
        root_directory: Folder of the Next.js site in the repository, such as `apps/web`. Empty for the root
            of the repository.
        security_headers: Whether answers of the site's functions get `X-Frame-Options: SAMEORIGIN`,
            `X-Content-Type-Options: nosniff` and `Referrer-Policy: strict-origin-when-cross-origin`, unless
            the site sets the header itself. A change applies to later releases.
    """

    name: _Name = field(default=UNCHANGED)
    repository_url: _RepositoryUrl = field(default=UNCHANGED)
    branch: _Branch = field(default=UNCHANGED)
    host_keys: tuple[_HostKey, ...] = field(default=UNCHANGED)
    pinned: bool = field(default=UNCHANGED)
    root_directory: _RootDirectory = field(default=UNCHANGED)
    security_headers: bool = field(default=UNCHANGED)


@frozen(kw_only=True)
class PromotionOptions:
    """The optional body of `POST /deployments/{deploymentId}/promote`.

    Attributes:
        pin: Whether the project is pinned afterwards. By default, the project is pinned. Only if the
            deployment is already live, the pin stays unchanged by default.
    """

    pin: bool | None = None


@frozen(kw_only=True)
class NewDeployment:
    """The body of `POST /projects/{projectId}/deployments`: at least one field.

    Attributes:
        branch: The branch whose head is deployed if no commit is given. The default is the project's branch.
        commit_sha: Full id of the commit to deploy.
        message: Text that is shown in place of the commit's message. It is empty by default, because the
            platform does not read the repository.
    """

    branch: _Branch = field(default=UNCHANGED)
    commit_sha: _Sha = field(default=UNCHANGED)
    message: _Message = field(default=UNCHANGED)
