"""Steps that create a release from a build, before visitors get the release.

Every step can be repeated. After a crash, all steps run again. Each step finds the resources that it created
before, or overwrites them with the same content.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from http import HTTPMethod
from typing import IO, Final

from attrs import evolve, field, frozen
from botocore.exceptions import ClientError

from runtime.deploy.model import EDGE_STORE_MEASURED, Deployment, Project, Release, Site
from runtime.deploy.releases.assets import (
    build_project_folder,
    list_asset_uploads,
    list_hashed_assets,
)
from runtime.deploy.releases.build_output.artifact import (
    Artifact,
    ArtifactLimits,
    ArtifactRefusedError,
    open_artifact,
)
from runtime.deploy.releases.build_output.known_holes import find_problem
from runtime.deploy.releases.build_output.manifest import SplitFunction
from runtime.deploy.releases.build_output.smoke_pages import SmokePages
from runtime.deploy.releases.bundles import (
    BundleStore,
    build_artifacts_prefix,
    build_site_artifacts_prefix,
)
from runtime.deploy.releases.cache_seed import TagSeeder, list_cache_uploads
from runtime.deploy.releases.edge_store import (
    EdgeEntry,
    EdgeEntryTooLargeError,
    EdgeStore,
    SplitOrigin,
    build_edge_keys,
    build_release_host,
    count_files_left_out,
)
from runtime.deploy.releases.publishing import FunctionPublisher, ReleaseFunctions, build_split_alias
from runtime.deploy.releases.release_clients import LambdaClient, S3Client, SecretsClient, TagTableClient
from runtime.deploy.releases.release_secrets import ReleaseSecrets, SecretEncryption
from runtime.deploy.releases.site_environment import SiteEnvironment, make_site_environment, read_secrets
from runtime.deploy.releases.smoke import CRAWLER, SmokeTarget, SmokeTest, SmokeTestError
from runtime.deploy.releases.uploading import Uploader
from runtime.deploy.releases.withdrawal import ReleaseWithdrawal
from runtime.shared.aws import AwsResponse
from runtime.shared.aws_errors import read_error_code
from runtime.shared.clock import Clock
from runtime.shared.logging import Log
from runtime.shared.signing import Signer

_CHUNK_BYTES: Final = 1024 * 1024
_URL_ID_LENGTH: Final = 32  # characters before `.lambda-url.` in the host of a function's URL
_ORIGIN_KEY_LENGTH: Final = 40


class Step(StrEnum):
    """The steps of a release, in order. The values are the names that users see."""

    VERIFY = "verify artifact"
    ASSETS = "upload assets"
    CACHE = "seed cache"
    PUBLISH = "publish functions"
    SMOKE = "smoke test"
    SWITCH = "switch"


def build_artifact_key(deployment: Deployment) -> str:
    """Return the S3 key of the artifact of a deployment's build."""
    return f"{build_artifacts_prefix(deployment)}/open-next.zip"


def build_former_artifact_key(deployment: Deployment) -> str:
    """Return the S3 key of the artifact of a build that version 0.1.0 of the platform has started."""
    return f"{build_site_artifacts_prefix(deployment.site)}/{deployment.deployment_id}/open-next.zip"


@frozen(kw_only=True)
class ReleaseSteps:
    """The steps of a release and the clients that they need.

    Attributes:
        s3: S3 client for the artifacts bucket.
        uploader: Uploader for the assets bucket.
        tags: DynamoDB client for the sites' tag tables.
        secrets: SSM client that reads the projects' secrets.
        functions: Lambda client of the smoke test. Its read timeout is longer than the time that the edge
            waits for a page.
        kept_releases: Number of newest releases that each project keeps.
        release_bytes: Share of a release in the edge's store.
        region: Region of the site's bucket, table and queue.
        pause: Sleeps for the given number of seconds.
        jitter: Returns a random number in [0, 1).
    """

    s3: S3Client
    artifacts_bucket: str
    uploader: Uploader
    tags: TagTableClient
    secrets: SecretsClient
    encryption: SecretEncryption
    release_secrets: ReleaseSecrets
    signer: Signer
    publisher: FunctionPublisher
    functions: LambdaClient
    edge: EdgeStore
    withdrawal: ReleaseWithdrawal
    kept_releases: int
    release_bytes: int
    region: str
    clock: Clock
    pause: Callable[[float], None] = field(repr=False)
    jitter: Callable[[], float] = field(repr=False)
    limits: ArtifactLimits = field(factory=ArtifactLimits)

    def run(
        self,
        project: Project,
        deployment: Deployment,
        site: Site,
        on_step: Callable[[Step], None],
        log: Log,
    ) -> Release:
        """Create the release, and make it reachable at its own host.

        Args:
            project: The deployment's project.
            deployment: The deployment to release.
            site: The project's site.
            on_step: Called with each step when the step begins.
            log: Log to which the steps write warnings.

        Raises:
            ArtifactRefusedError: The build's artifact breaks a rule. Nothing was written.
            SiteEnvironmentError: The project's variables cannot be set on a function.
            PublishError: Lambda refuses a function.
            SmokeTestError: The release does not respond.
        """
        on_step(Step.VERIFY)
        with tempfile.TemporaryFile() as file:
            self._download(deployment, file)
            with open_artifact(file, self.limits) as artifact:
                _refuse_known_holes(artifact, site, log)
                self._refuse_large_entry(artifact, deployment, site)
                self._upload(artifact, deployment, site, on_step, log)
                on_step(Step.PUBLISH)
                environment = self._make_site_environment(project, deployment, site)
                if environment.secrets:
                    encrypted = self.encryption.encrypt(deployment, environment.secrets)
                    self.release_secrets.put(deployment, encrypted)
                release, split_origins = self._publish(artifact, deployment, site, environment)
                entry = _build_edge_entry(
                    artifact,
                    deployment,
                    server_origin=release.server_origin,
                    image_origin=release.image_origin,
                    split_origins=split_origins,
                    origin_key=self.signer.derive_origin_key(deployment.deployment_id),
                )
                splits, pages = artifact.manifest.split_functions, artifact.smoke_pages
                warnings = artifact.warnings
        on_step(Step.SMOKE)
        warnings += self._run_smoke_test(deployment, site, release, _SmokePaths(splits, pages), environment)
        keys = build_edge_keys(entry, release.host, max_bytes=self.release_bytes)
        warnings += tuple(_describe_files_left_out(entry, count_files_left_out(entry, keys)))
        release = evolve(release, warnings=warnings or None)
        on_step(Step.SWITCH)
        withdrawn = self.withdrawal.withdraw_surplus_releases(
            project.project_id, kept=self.kept_releases, at=self.clock()
        )
        size = self.edge.publish(keys)
        log.info(EDGE_STORE_MEASURED, keys=size.keys, bytes=size.bytes, withdrawn=withdrawn)
        return release

    def _refuse_large_entry(self, artifact: Artifact, deployment: Deployment, site: Site) -> None:
        """Refuse a release whose routing does not fit into the edge, before anything is written."""
        origin = f"{'x' * _URL_ID_LENGTH}.lambda-url.{self.region}.on.aws"
        entry = _build_edge_entry(
            artifact,
            deployment,
            server_origin=origin,
            image_origin=origin,
            split_origins=[origin] * len(artifact.manifest.split_functions),
            origin_key="k" * _ORIGIN_KEY_LENGTH,
        )
        host = build_release_host(deployment.deployment_id, site.host)
        try:
            build_edge_keys(evolve(entry, direct_files=()), host, max_bytes=self.release_bytes)
        except EdgeEntryTooLargeError as error:
            raise ArtifactRefusedError(str(error)) from None

    def _download(self, deployment: Deployment, file: IO[bytes]) -> None:
        response = self._get_artifact(build_artifact_key(deployment))
        # A build can still run while the platform is updated from version 0.1.0.
        response = response or self._get_artifact(build_former_artifact_key(deployment))
        if response is None:
            raise ArtifactRefusedError("the build has no artifact: check its log")
        size: int = response["ContentLength"]
        if size > self.limits.archive_bytes:
            raise ArtifactRefusedError(
                f"the artifact has {size} bytes; at most {self.limits.archive_bytes} are allowed"
            )
        shutil.copyfileobj(response["Body"], file, _CHUNK_BYTES)

    def _get_artifact(self, key: str) -> AwsResponse | None:
        try:
            return self.s3.get_object(Bucket=self.artifacts_bucket, Key=key)
        except ClientError as error:
            if read_error_code(error) != "NoSuchKey":
                raise
            return None

    def _upload(
        self,
        artifact: Artifact,
        deployment: Deployment,
        site: Site,
        on_step: Callable[[Step], None],
        log: Log,
    ) -> None:
        on_step(Step.ASSETS)
        present = list_hashed_assets(self.uploader.client, self.uploader.bucket, deployment)
        assets = list_asset_uploads(artifact, deployment, present=present)
        self.uploader.upload(artifact, assets, log)
        on_step(Step.CACHE)
        cached = list_cache_uploads(artifact, deployment, at=self.clock())
        self.uploader.upload(artifact, cached, log)
        if artifact.manifest.needs_tag_seed:
            seeder = TagSeeder(client=self.tags, table=site.tag_table, pause=self.pause, jitter=self.jitter)
            seeder.seed(artifact.iterate_tag_rows())

    def _make_site_environment(self, project: Project, deployment: Deployment, site: Site) -> SiteEnvironment:
        return make_site_environment(
            project=project,
            deployment=deployment,
            site=site,
            secrets=read_secrets(self.secrets, project, site),
            origin_key=self.signer.derive_origin_key(deployment.deployment_id),
            assets_bucket=self.uploader.bucket,
            region=self.region,
        )

    def _publish(
        self, artifact: Artifact, deployment: Deployment, site: Site, environment: SiteEnvironment
    ) -> tuple[Release, Sequence[str]]:
        """Publish the functions. Return the release, and the URL hosts of the split server functions."""
        manifest = artifact.manifest
        functions = ReleaseFunctions(
            publisher=self.publisher,
            store=BundleStore(client=self.s3, bucket=self.artifacts_bucket),
            artifact=artifact,
            deployment=deployment,
        )
        # Publish the functions in parallel, because most of the time is spent waiting for Lambda.
        with ThreadPoolExecutor() as pool:
            server = pool.submit(functions.publish_servers, site.server_function, environment.server)
            image = pool.submit(
                functions.publish_with_url,
                "image",
                site.image_function,
                manifest.image,
                environment.image,
                rules=artifact.cache_rules.create_image_rules(),
            )
            revalidation = manifest.revalidation and pool.submit(
                functions.publish, "revalidate", site.revalidation_function, manifest.revalidation, None
            )
        (server_version, server_origin), *splits = server.result()
        image_version, image_origin = image.result()
        host = build_release_host(deployment.deployment_id, site.host)
        release = Release(
            alias=functions.alias,
            server_version=server_version,
            server_origin=server_origin,
            image_version=image_version,
            image_origin=image_origin,
            host=host,
            url=site.build_url(host),
            revalidation_version=revalidation.result() if revalidation else None,
            split_versions=tuple(version for version, _ in splits) or None,
            base_path=manifest.base_path or None,
        )
        return release, tuple(origin for _, origin in splits)

    def _run_smoke_test(
        self,
        deployment: Deployment,
        site: Site,
        release: Release,
        paths: "_SmokePaths",
        environment: SiteEnvironment,
    ) -> tuple[str, ...]:
        """Send the requests of the smoke test, and return its warnings."""
        test = SmokeTest(
            targets=tuple(paths.list_targets(site, release)),
            host=release.host,
            origin_key=self.signer.derive_origin_key(deployment.deployment_id),
            request_id=f"smoke-test-{deployment.deployment_id}",
        )
        try:
            warnings = test.run(self.functions, self.clock)
        except SmokeTestError as error:
            # The lines are masked together, because a secret can have several lines.
            lines = (
                environment.mask_secrets("\n".join(error.log_lines)).split("\n") if error.log_lines else []
            )
            raise SmokeTestError(environment.mask_secrets(str(error)), lines) from None
        return tuple(environment.mask_secrets(warning) for warning in warnings)


@frozen
class _SmokePaths:
    """The parts of a build that the smoke test requests."""

    splits: Sequence[SplitFunction]
    pages: SmokePages

    def list_targets(self, site: Site, release: Release) -> Iterator[SmokeTarget]:
        """Yield the requests of the smoke test."""
        server = SmokeTarget(
            name="the server",
            function=site.server_function,
            alias=release.alias,
            path=self.pages.first_path,
        )
        first_page = self._find_target(server)
        yield from dict.fromkeys((server, first_page))
        yield evolve(first_page, user_agent=CRAWLER)
        for number, split in enumerate(self.splits, 1):
            yield evolve(
                server,
                name=f"the function {split.name}",
                alias=build_split_alias(release.alias, number),
                path=split.patterns[0].replace("*", "smoke-test"),
                method=HTTPMethod.OPTIONS,
            )
        yield SmokeTarget(
            name="the image function",
            function=site.image_function,
            alias=release.alias,
            path=f"{release.base_path or ''}/_next/image",
        )
        for page in self.pages.others:
            yield evolve(self._find_target(evolve(server, path=page.path)), is_required=False)

    def _find_target(self, server: SmokeTarget) -> SmokeTarget:
        """Return the request to the server, or to the part of the server that serves its path."""
        for number, split in enumerate(self.splits, 1):
            if any(_matches_pattern(server.path, pattern) for pattern in split.patterns):
                return evolve(
                    server,
                    name=f"the function {split.name}",
                    alias=build_split_alias(server.alias, number),
                )
        return server


def _matches_pattern(path: str, pattern: str) -> bool:
    """Return whether a pattern matches a path. `*` stands for any characters.

    The time is linear, because untrusted code chooses the pattern. An expression with many `.*` can be slow.
    """
    start, *rest = pattern.split("*")
    if not rest:
        return path == pattern
    *middle, end = rest
    position = len(start)
    for part in middle:
        position = path.find(part, position)
        if position < 0:
            return False
        position += len(part)
    return path.startswith(start) and path.endswith(end) and len(path) - len(end) >= position


def _build_edge_entry(  # noqa: PLR0913 - the parts that only a published release has
    artifact: Artifact,
    deployment: Deployment,
    *,
    server_origin: str,
    image_origin: str,
    split_origins: Sequence[str],
    origin_key: str,
) -> EdgeEntry:
    splits = artifact.manifest.split_functions
    return EdgeEntry(
        deployment_id=deployment.deployment_id,
        folder=build_project_folder(deployment),
        server_origin=server_origin,
        image_origin=image_origin,
        origin_key=origin_key,
        direct_files=artifact.served_files.direct,
        split_origins=tuple(
            SplitOrigin(origin=origin, patterns=split.patterns)
            for origin, split in zip(split_origins, splits, strict=True)
        ),
        base_path=artifact.manifest.base_path or "",
        asset_prefix=artifact.build.asset_prefix,
        images_ask_server=artifact.images_ask_server,
    )


def _describe_files_left_out(entry: EdgeEntry, number: int) -> Iterator[str]:
    """Yield a warning if the edge does not know all files that the bucket may answer."""
    if number:
        yield (
            f"The edge has no space for {number} of the {len(entry.direct_files)} files of this release. The "
            "server answers requests for them, which is slower. To avoid this, have fewer files in public/"
        )


def _refuse_known_holes(artifact: Artifact, site: Site, log: Log) -> None:
    problem = find_problem(artifact.next_versions)
    if problem and not site.allows_vulnerable_next:
        raise ArtifactRefusedError(
            f"{problem}. Only the operator of the platform can allow this version (allowVulnerableNext)"
        )
    if problem:
        log.warning("a Next.js version with known holes is allowed", reason=problem)
