"""The environment of a build: CodeBuild's variables and this machine's network settings."""

import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from attrs import field, frozen

from local.builds.aws import Credentials
from local.emulator.build_request import BuildRequest
from local.node import NodeInstallation

SYSTEM_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
TOOLS = ("git", "bash")
# Variables for proxies and private certificate authorities, with the names that the tools document.
NETWORK_VARIABLES = frozenset({
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "NODE_USE_SYSTEM_CA",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
})  # fmt: skip
# An npm setting is a credential, and is not passed to builds, if its name contains one of these words.
SECRET_WORDS = ("auth", "token", "password", "secret")


@frozen(kw_only=True)
class BuildMachine:
    """The settings of this machine for builds.

    Attributes:
        node: The folder with `node`, `npm` and `npx` for builds (`prepare_node_folder`).
        npm_cache: A cache folder that is kept between builds.
        endpoint_url: The URL of the emulated AWS.
        host_environment: The environment of this process. Only network settings and tool paths are used.
        git_configuration: Returns the text of the `.gitconfig` of a build, which makes git use the local git
            server (`GitServer.make_git_configuration`).
    """

    node: Path
    npm_cache: Path
    endpoint_url: str
    host_environment: Mapping[str, str] = field(repr=False)
    git_configuration: Callable[[], str] = field(default=lambda: "")


@frozen(kw_only=True)
class BuildFolders:
    """The folders of one build. All are below `root`, which is removed after the build."""

    root: Path

    @property
    def source(self) -> Path:
        """`CODEBUILD_SRC_DIR`: commands start in this folder, and artifacts are read from it."""
        return self.root / "src"

    @property
    def home(self) -> Path:
        """`HOME`. The folder contains none of the user's own files."""
        return self.root / "home"

    @property
    def temporary(self) -> Path:
        """`TMPDIR`, so that temporary files are removed with the build."""
        return self.root / "tmp"

    @property
    def state(self) -> Path:
        """Folder for data between commands, including the environment with its secrets."""
        return self.root / "state"

    @property
    def log(self) -> Path:
        """The file with the whole log, compressed by gzip."""
        return self.root / "log.gz"

    def create(self, git_configuration: str) -> None:
        """Create folders that only this user can access. They are empty, except for the `.gitconfig`."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True, mode=0o700)
        for folder in (self.source, self.home, self.temporary, self.state):
            folder.mkdir()
        (self.home / ".gitconfig").write_text(git_configuration, encoding="utf-8")


def make_build_environment(  # noqa: PLR0913 - the parts of the environment
    *,
    request: BuildRequest,
    machine: BuildMachine,
    folders: BuildFolders,
    variables: Mapping[str, str],
    credentials: Credentials,
    started_at: datetime,
) -> dict[str, str]:
    """Return the complete environment of every command of a build.

    `variables` are the build's variables with resolved secrets. They override the machine's settings.
    CodeBuild's variables override `variables` and the machine's settings.
    https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html
    """
    return {
        **read_network_settings(machine.host_environment),
        "PATH": make_tool_path(machine),
        "LANG": "C.UTF-8",
        "TMPDIR": str(folders.temporary),
        "npm_config_cache": str(machine.npm_cache),
        **variables,
        **credentials,
        "HOME": str(folders.home),
        "AWS_REGION": request.region,
        "AWS_DEFAULT_REGION": request.region,
        "AWS_ENDPOINT_URL": machine.endpoint_url,
        "CODEBUILD_BUILD_ARN": request.arn,
        "CODEBUILD_BUILD_ID": request.build_id,
        "CODEBUILD_BUILD_IMAGE": request.image,
        "CODEBUILD_BUILD_NUMBER": str(request.build_number),
        "CODEBUILD_BUILD_SUCCEEDING": "1",
        "CODEBUILD_CI": "true",
        "CODEBUILD_INITIATOR": request.initiator,
        "CODEBUILD_LOG_PATH": request.log_stream,
        "CODEBUILD_SRC_DIR": str(folders.source),
        "CODEBUILD_START_TIME": str(int(started_at.timestamp() * 1000)),
    }


def read_network_settings(host: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a package manager needs to reach its registry.

    npm's settings (`npm_config_*`) are included, except the cache folder and credentials. If the user has a
    .npmrc and no `npm_config_userconfig`, this variable gets the path of the .npmrc. The file can contain
    credentials of private registries.
    Loopback is excluded from proxies, because the emulator and the git server listen there.
    """
    settings = {
        name: value
        for name, value in host.items()
        if name.upper() in NETWORK_VARIABLES or _is_npm_setting(name.lower())
    }
    npmrc = Path(host.get("HOME", "/nonexistent")) / ".npmrc"
    if npmrc.is_file() and not any(name.lower() == "npm_config_userconfig" for name in settings):
        settings["npm_config_userconfig"] = str(npmrc)
    if any(name.upper().endswith("_PROXY") for name in settings):
        exempt = ",".join(filter(None, (host.get("NO_PROXY") or host.get("no_proxy"), "127.0.0.1,localhost")))
        settings |= {"NO_PROXY": exempt, "no_proxy": exempt}
    return settings


def _is_npm_setting(name: str) -> bool:
    is_excluded = name == "npm_config_cache" or any(word in name for word in SECRET_WORDS)
    return name.startswith("npm_config_") and not is_excluded


def prepare_node_folder(node: NodeInstallation, shims: Path) -> Path:
    """Return a folder with `node`, `npm` and `npx` of an installation, for the PATH of builds.

    The PyPI package of Node.js (local/node.py) has no such folder. Its `bin/npm` is a copy of npm's script,
    and this script does not run outside its original folder. For this package, the function creates the three
    commands in `shims`.
    """
    folder = node.node.parent
    if node.npm == (str(folder / "npm"),) and (folder / "npx").exists():
        return folder
    npm = Path(node.npm[-1])
    npx = npm.with_name(npm.name.replace("npm", "npx"))
    shims.mkdir(parents=True, exist_ok=True)
    for name, command in {
        "node": (str(node.node),),
        "npm": node.npm,
        "npx": (*node.npm[:-1], str(npx)),
    }.items():
        (shims / name).write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', encoding="utf-8")
        (shims / name).chmod(0o755)
    return shims


def make_tool_path(machine: BuildMachine, which: Callable[..., str | None] = shutil.which) -> str:
    """Return the PATH of builds: the folders of the chosen Node.js, build tools, Python and the system."""
    found = (which(tool, path=machine.host_environment.get("PATH")) for tool in TOOLS)
    folders = [
        str(machine.node),
        *(str(Path(tool).parent) for tool in found if tool),
        str(Path(sys.executable).parent),
        *SYSTEM_PATH,
    ]
    return ":".join(dict.fromkeys(folders))
