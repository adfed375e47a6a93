"""A repository with a Next.js site, whose builds run the sites' buildspec with fake tools (`tools.py`)."""

import io
import json
import zipfile
from pathlib import Path

from attrs import frozen

from components.deploy.build_tools import make_zip
from local.emulator.build_request import BuildResult, BuildSource, EnvironmentVariable
from local.git_server import GitServer, Repository
from tests.local.builds.build_harness import BuildHarness

BUILDSPEC = Path("components/sites/buildspec.yml").read_text(encoding="utf-8")
NEXT = {"dependencies": {"next": "16.4.6"}}
OWN = json.dumps(
    {"name": "site", **NEXT, "devDependencies": {"@opennextjs/aws": "4.1.16"}, "anchor": {"openNext": "own"}}
)
SITE = {"package.json": OWN, "package-lock.json": "{}", "open-next.config.ts": "export default {}"}
TOOLS = Path(__file__).with_name("tools.py").read_text(encoding="utf-8")
Files = dict[str, str | None]
BUILD_TOOLS = "artifacts-bucket/build-tools/0123.zip"
ARTIFACT = "artifacts-bucket/artifacts/next-site/01J0/open-next.zip"


@frozen
class Site:
    """A repository with a Next.js site, and a build harness with fake tools that builds the site."""

    harness: BuildHarness
    server: GitServer
    repository: Repository

    def build(self, files: Files | None = None, **variables: str) -> BuildResult:
        """Commit these files and build the commit."""
        sha = self.repository.commit(files or {}, "Change")
        values = {
            "ANCHOR_REPOSITORY_URL": self.repository.url,
            "ANCHOR_COMMIT_SHA": sha,
            "ANCHOR_LAMBDA_ARCH": "x64",
        } | variables
        given = tuple(EnvironmentVariable(name=name, value=value) for name, value in values.items())
        self.harness.aws.objects[BUILD_TOOLS] = make_zip()
        source = BuildSource(type="S3", location=BUILD_TOOLS)
        return self.harness.run(BUILDSPEC, environment_variables=given, source=source)

    def read_messages(self) -> list[str]:
        """Return the lines of the log that the buildspec itself wrote."""
        return [
            line.removeprefix("==> ") for line in self.harness.aws.read_output() if line.startswith("==> ")
        ]

    def read_tool_calls(self) -> list[str]:
        """Return the command lines of the fake tools."""
        return [
            line.removeprefix("called: ")
            for line in self.harness.aws.read_output()
            if line.startswith("called")
        ]

    def open_artifact(self) -> zipfile.ZipFile:
        return zipfile.ZipFile(io.BytesIO(self.harness.aws.objects[ARTIFACT]))
