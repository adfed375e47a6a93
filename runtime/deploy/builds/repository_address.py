"""Addresses of git repositories: HTTPS URLs, SSH URLs and the short SSH form `git@host:path`.

Document: git's manual, git-fetch, "GIT URLS".
"""

import re
from typing import Final, Self
from urllib.parse import urlsplit

from attrs import frozen

_INVISIBLE: Final = re.compile(r"[\x00-\x20\x7f-\xa0\u2000-\u200f\u2028-\u202f\u2060\ufeff]")
# ssh reads a host or user that begins with a hyphen as an option. The shell of the git server could interpret
# other characters of a path.
_SSH_HOST: Final = r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)"
_SSH_USER: Final = r"(?P<user>[A-Za-z_][A-Za-z0-9_.-]*)"
_SSH_PATH: Final = r"(?P<path>[A-Za-z0-9_.~][A-Za-z0-9_.~+@/-]*)"
_SSH_URL: Final = re.compile(rf"ssh://{_SSH_USER}@{_SSH_HOST}(?::(?P<port>[1-9][0-9]{{0,4}}))?/{_SSH_PATH}")
_SSH_SHORT_FORM: Final = re.compile(rf"{_SSH_USER}@{_SSH_HOST}:/?{_SSH_PATH}")
_MAX_PORT: Final = 65_535
_FORMS: Final = (
    "must be an https URL of a repository, such as https://github.com/owner/name, "
    "or its SSH address, such as git@github.com:owner/name.git"
)
_SETTINGS_PAGES: Final = {
    "github.com": "https://github.com/{path}/settings/keys",
    "gitlab.com": "https://gitlab.com/{path}/-/settings/repository",
    "bitbucket.org": "https://bitbucket.org/{path}/admin/access-keys/",
}


class RepositoryAddressError(ValueError):
    """The address is not allowed. The message says what is allowed, and never contains the address."""


@frozen(kw_only=True)
class RepositoryAddress:
    """The address of a repository.

    Attributes:
        url: The address as the user gave it.
        is_ssh: Whether the address names the SSH protocol.
        host: Host name in lower case.
        port: None for the default port of the protocol.
        path: Path without a slash at its ends and without `.git`.
    """

    url: str
    is_ssh: bool
    host: str
    port: int | None
    path: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """Parse an address.

        Raises:
            RepositoryAddressError: The address is not an https URL or an SSH address of a repository, or it
                contains a password.
        """
        if _INVISIBLE.search(url):
            raise RepositoryAddressError(_FORMS)
        ssh = _SSH_URL.fullmatch(url) or _SSH_SHORT_FORM.fullmatch(url)
        if ssh:
            parts = ssh.groupdict()
            port = int(parts["port"]) if parts.get("port") else None
            path = _remove_suffix(parts["path"])
            if not path or ".." in path.split("/") or (port or 0) > _MAX_PORT:
                raise RepositoryAddressError(_FORMS)
            return cls(url=url, is_ssh=True, host=parts["host"].lower(), port=port, path=path)
        return cls._parse_https(url)

    @classmethod
    def _parse_https(cls, url: str) -> Self:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise RepositoryAddressError(_FORMS) from None
        if parts.scheme not in {"https", "ssh"} or not parts.hostname or port == 0:
            raise RepositoryAddressError(_FORMS)
        if (parts.scheme == "https" and "@" in parts.netloc) or parts.password is not None:
            raise RepositoryAddressError(
                "must not contain a user name or password: everyone with access to the project would see it"
            )
        if parts.scheme != "https" or not parts.path.strip("/"):
            raise RepositoryAddressError(_FORMS)
        if parts.query or parts.fragment:
            raise RepositoryAddressError("must not have a query or fragment")
        return cls(
            url=url, is_ssh=False, host=parts.hostname.lower(), port=port, path=_remove_suffix(parts.path)
        )

    @property
    def ssh_url(self) -> str | None:
        """Address for git over SSH. None if it cannot be derived, such as from a URL with a port."""
        if self.is_ssh:
            return self.url
        ssh_url = f"ssh://git@{self.host}/{self.path}.git"
        return ssh_url if self.port is None and _SSH_URL.fullmatch(ssh_url) else None

    @property
    def settings_page(self) -> str | None:
        """URL of the page where the owner of the repository adds a deploy key. None if it is unknown."""
        page = _SETTINGS_PAGES.get(self.host)
        return page.format(path=self.path) if page else None

    def is_same_repository(self, other: "RepositoryAddress") -> bool:
        """Return whether two addresses name the same repository.

        Ports are compared only between addresses of the same protocol. Case is ignored.
        """
        ports_match = self.is_ssh != other.is_ssh or self.port == other.port
        return ports_match and self.host == other.host and self.path.lower() == other.path.lower()


def _remove_suffix(path: str) -> str:
    return path.strip("/").removesuffix(".git").rstrip("/")
