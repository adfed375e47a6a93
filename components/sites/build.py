"""SiteBuild: the CodeBuild project of one site, with permissions for this site only."""

from pathlib import Path
from typing import Final

import attrs
import pulumi
import pulumi_aws as aws

from components.aws.bucket import RetainedBucket
from components.aws.keys import PlatformKeys
from components.core.component import Part
from components.core.grants import Grant, build_policy_document, build_trust_policy
from components.core.outputs import JoinedText, interpolate
from components.core.scope import BUILD_MEMORY, ResourceScope
from components.deploy.build_tools import BuildTools
from components.deploy.site_names import SiteNames, build_parameters_arn

BUILDSPEC: Final = Path(__file__).with_name("buildspec.yml")
_TIMEOUT_MINUTES: Final = 30
_NPM_CPU: Final = {"arm64": "arm64", "x86_64": "x64"}


@attrs.frozen(kw_only=True)
class SiteBuildArgs:
    """Arguments of `SiteBuild`.

    Attributes:
        scope: Values that the resources share, such as the name prefix.
        artifacts: Bucket of build artifacts.
        build_tools: The programs that a build runs.
        logs: Bucket of build logs.
        keys: Keys of the platform.
        secrets_path: Path of the site's secret variables in Parameter Store.
        compute_type: Compute type of CodeBuild: a key of `BUILD_MEMORY`.
    """

    scope: ResourceScope
    artifacts: RetainedBucket
    build_tools: BuildTools
    logs: RetainedBucket
    keys: PlatformKeys
    secrets_path: str
    compute_type: str = "BUILD_GENERAL1_SMALL"


class SiteBuild(Part):
    """The CodeBuild project of a site. The name of the project contains the name of the site.

    The project runs untrusted code. Its source is the platform's build tools, which fetch the repository. The
    buildspec is part of the project. So a repository can replace neither the buildspec nor the build tools.
    The role allows access only to resources of this site, and reading the build tools.

    Attributes:
        project_name: Name of the CodeBuild project.
    """

    def __init__(self, site: str, args: SiteBuildArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        scope = args.scope
        name = SiteNames(site).build
        full_name = f"{scope.prefix}-{name}"
        super().__init__(scope, opts)
        log_group = aws.cloudwatch.LogGroup(
            name,
            name=f"/aws/codebuild/{full_name}",
            retention_in_days=scope.log_retention_days,
            opts=self.retained_child_opts,
        )
        role = aws.iam.Role(
            name,
            name=full_name,
            assume_role_policy=build_trust_policy(
                "codebuild.amazonaws.com",
                {
                    "ArnEquals": {
                        "aws:SourceArn": JoinedText(
                            "arn:aws:codebuild:",
                            scope.region,
                            ":",
                            scope.account,
                            f":project/{full_name}",
                        )
                    }
                },
            ),
            opts=self.child_opts,
        )
        aws.iam.RolePolicy(
            name,
            name="grants",
            role=role.name,
            policy=build_policy_document(_build_grants(site, args, log_group)),
            opts=self.child_opts,
        )
        project = aws.codebuild.Project(
            name,
            name=full_name,
            description=f"Builds the site {site}",
            service_role=role.arn,
            source=aws.codebuild.ProjectSourceArgs(
                type="S3",
                location=args.build_tools.location,
                buildspec=BUILDSPEC.read_text(encoding="utf-8"),
            ),
            artifacts=aws.codebuild.ProjectArtifactsArgs(
                type="S3",
                location=args.artifacts.bucket_name,
                path=f"artifacts/{site}",
                # Every build replaces this name with the id of its deployment.
                name="unnamed",
                namespace_type="NONE",
                packaging="NONE",
                override_artifact_name=False,
                # The bucket encrypts the artifact. If CodeBuild encrypted it, the project would need a KMS
                # key, and the functions that read the artifact would need a grant for that key.
                encryption_disabled=True,
            ),
            environment=aws.codebuild.ProjectEnvironmentArgs(
                type="LINUX_CONTAINER",
                compute_type=args.compute_type,
                image="aws/codebuild/amazonlinux-x86_64-standard:5.0",
                image_pull_credentials_type="CODEBUILD",
                privileged_mode=False,
                environment_variables=[
                    aws.codebuild.ProjectEnvironmentEnvironmentVariableArgs(name=variable, value=value)
                    for variable, value in (
                        ("ANCHOR_BUILD_MEMORY", str(BUILD_MEMORY[args.compute_type])),
                        ("ANCHOR_LAMBDA_ARCH", _NPM_CPU[scope.architecture]),
                        ("NEXT_TELEMETRY_DISABLED", "1"),
                    )
                ],
            ),
            build_timeout=_TIMEOUT_MINUTES,
            queued_timeout=_TIMEOUT_MINUTES,
            cache=aws.codebuild.ProjectCacheArgs(type="LOCAL", modes=["LOCAL_CUSTOM_CACHE"]),
            logs_config=aws.codebuild.ProjectLogsConfigArgs(
                cloudwatch_logs=aws.codebuild.ProjectLogsConfigCloudwatchLogsArgs(
                    status="ENABLED", group_name=log_group.name
                ),
                s3_logs=aws.codebuild.ProjectLogsConfigS3LogsArgs(
                    status="ENABLED",
                    location=interpolate(args.logs.bucket_name, f"/{_get_log_folder(site)}"),
                    encryption_disabled=True,
                ),
            ),
            opts=self.child_opts,
        )
        self.project_name = project.name


def _get_log_folder(site: str) -> str:
    return f"logs/builds/{site}"


def _build_grants(site: str, args: SiteBuildArgs, log_group: aws.cloudwatch.LogGroup) -> tuple[Grant, ...]:
    secrets = build_parameters_arn(args.scope, args.secrets_path)
    return (
        Grant(
            actions=("logs:CreateLogStream", "logs:PutLogEvents"),
            # CodeBuild chooses the names of the log streams, one per build.
            resources=(JoinedText(log_group.arn, ":*"),),
        ),
        args.build_tools.grant_read(),
        args.artifacts.grant("PutObject", prefix=f"artifacts/{site}/"),
        args.logs.grant("PutObject", prefix=f"{_get_log_folder(site)}/"),
        # CodeBuild checks the buckets before it writes to them.
        Grant(
            actions=("s3:GetBucketAcl", "s3:GetBucketLocation"), resources=(args.artifacts.arn, args.logs.arn)
        ),
        Grant(actions=("ssm:GetParameters",), resources=(secrets,)),
        args.keys.grant_decrypt(secrets),
    )
