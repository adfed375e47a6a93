"""SiteBuild: where a site is built, with the rights of that site alone (P5, P6)."""

from pathlib import Path
from typing import Final

import attrs
import pulumi
import pulumi_aws as aws

from components.aws.bucket import RetainedBucket
from components.aws.keys import PlatformKeys
from components.core.component import Part
from components.core.grants import Grant, policy_document, trust_policy
from components.core.outputs import Joined, composed
from components.core.stage import StageConfig
from components.deploy.site_names import SiteNames, secrets_arn

BUILDSPEC: Final = Path(__file__).with_name("buildspec.yml")
_MINUTES: Final = 30
_SHARP_CPU: Final = {"arm64": "arm64", "x86_64": "x64"}


@attrs.frozen(kw_only=True)
class SiteBuildArgs:
    """What a SiteBuild is made of.

    Attributes:
        stage: The stage it belongs to.
        account: The AWS account's id.
        artifacts: Where what was built is put.
        logs: Where the logs are kept.
        keys: The platform's keys.
    """

    stage: StageConfig
    account: pulumi.Input[str]
    artifacts: RetainedBucket
    logs: RetainedBucket
    keys: PlatformKeys


class SiteBuild(Part):
    """The CodeBuild project of the site whose name it gets.

    It runs code of strangers. The project has no source, and the buildspec is part of it: the repository,
    which the buildspec fetches, has no say in it. The role reaches what belongs to the site and nothing else.

    Attributes:
        project_name: The CodeBuild project's name.
    """

    def __init__(self, site: str, args: SiteBuildArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        stage = args.stage
        name = SiteNames(site).build
        full_name = f"{stage.prefix}-{name}"
        super().__init__(stage, opts)
        log_group = aws.cloudwatch.LogGroup(
            name,
            name=f"/aws/codebuild/{full_name}",
            retention_in_days=stage.log_retention_days,
            opts=self.kept,
        )
        role = aws.iam.Role(
            name,
            name=full_name,
            assume_role_policy=trust_policy(
                "codebuild.amazonaws.com",
                {
                    "ArnEquals": {
                        "aws:SourceArn": Joined(
                            f"arn:aws:codebuild:{stage.region}:", args.account, f":project/{full_name}"
                        )
                    }
                },
            ),
            opts=self.inside,
        )
        aws.iam.RolePolicy(
            name,
            name="grants",
            role=role.name,
            policy=policy_document(_grants(site, args, log_group)),
            opts=self.inside,
        )
        project = aws.codebuild.Project(
            name,
            name=full_name,
            description=f"Builds the site {site}",
            service_role=role.arn,
            source=aws.codebuild.ProjectSourceArgs(
                type="NO_SOURCE", buildspec=BUILDSPEC.read_text(encoding="utf-8")
            ),
            artifacts=aws.codebuild.ProjectArtifactsArgs(
                type="S3",
                location=args.artifacts.bucket_name,
                path=f"artifacts/{site}",
                # Every build is started with the name of its deployment instead.
                name="unnamed",
                namespace_type="NONE",
                packaging="NONE",
                override_artifact_name=False,
                # The bucket encrypts. CodeBuild would take a KMS key, which readers would need a grant for.
                encryption_disabled=True,
            ),
            environment=aws.codebuild.ProjectEnvironmentArgs(
                type="LINUX_CONTAINER",
                compute_type="BUILD_GENERAL1_SMALL",
                image="aws/codebuild/amazonlinux-x86_64-standard:5.0",
                image_pull_credentials_type="CODEBUILD",
                privileged_mode=False,
                environment_variables=[
                    aws.codebuild.ProjectEnvironmentEnvironmentVariableArgs(name=variable, value=value)
                    for variable, value in (
                        ("ANCHOR_LAMBDA_ARCH", _SHARP_CPU[stage.architecture]),
                        ("NEXT_TELEMETRY_DISABLED", "1"),
                    )
                ],
            ),
            build_timeout=_MINUTES,
            queued_timeout=_MINUTES,
            cache=aws.codebuild.ProjectCacheArgs(type="LOCAL", modes=["LOCAL_CUSTOM_CACHE"]),
            logs_config=aws.codebuild.ProjectLogsConfigArgs(
                cloudwatch_logs=aws.codebuild.ProjectLogsConfigCloudwatchLogsArgs(
                    status="ENABLED", group_name=log_group.name
                ),
                s3_logs=aws.codebuild.ProjectLogsConfigS3LogsArgs(
                    status="ENABLED",
                    location=composed(args.logs.bucket_name, f"/{_log_folder(site)}"),
                    encryption_disabled=True,
                ),
            ),
            opts=self.inside,
        )
        self.project_name = project.name


def _log_folder(site: str) -> str:
    return f"logs/builds/{site}"


def _grants(site: str, args: SiteBuildArgs, log_group: aws.cloudwatch.LogGroup) -> tuple[Grant, ...]:
    secrets = secrets_arn(args.stage, args.account, site)
    return (
        Grant(
            actions=("logs:CreateLogStream", "logs:PutLogEvents"),
            # The streams of the group are named by CodeBuild, one for each build.
            resources=(Joined(log_group.arn, ":*"),),
        ),
        args.artifacts.grant("PutObject", under=f"artifacts/{site}/"),
        args.logs.grant("PutObject", under=f"{_log_folder(site)}/"),
        # CodeBuild looks at the buckets before it writes to them.
        Grant(
            actions=("s3:GetBucketAcl", "s3:GetBucketLocation"), resources=(args.artifacts.arn, args.logs.arn)
        ),
        Grant(actions=("ssm:GetParameters",), resources=(secrets,)),
        args.keys.grant_decrypt(secrets),
    )
