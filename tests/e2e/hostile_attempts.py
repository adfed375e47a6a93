"""AWS calls with which a hostile build attacks another tenant and the platform (P6)."""

import hashlib
import json
from typing import Any

from attrs import frozen

from components.deploy.build_tools import PREFIX as BUILD_TOOLS
from components.deploy.build_tools import make_zip
from local.cloud import Cloud
from tests.e2e.neighbour import VARIABLE, Neighbour
from tests.e2e.tiny_platform import TinyProject

PREFIX = "anchor-local"
_TRUST = '{"Version": "2012-10-17", "Statement": []}'


@frozen
class Attempt:
    """One AWS call of the hostile build.

    Attributes:
        what: The purpose of the call, which identifies the attempt.
        call: Service and operation in boto3, such as `s3.get_object`.
        parameters: The parameters of the operation.
    """

    what: str
    call: str
    parameters: dict[str, Any]


def make_attempt(what: str, call: str, **parameters: object) -> Attempt:
    return Attempt(what, call, parameters)


@frozen(kw_only=True)
class AttackTargets:
    """The targets of the hostile build, which knows all names and ids.

    Attributes:
        own: The project of the hostile build.
        neighbour: The attacked tenant.
    """

    cloud: Cloud
    own: TinyProject
    neighbour: Neighbour

    @property
    def site(self) -> str:
        return str(self.neighbour.site.project["site"])

    @property
    def own_site(self) -> str:
        return str(self.own.project["site"])

    def build_parameter_name(self, project: TinyProject, name: str) -> str:
        return f"/anchor/local/sites/{project.project['site']}/{project.project_id}/{name}"

    def build_role_arn(self, name: str) -> str:
        return f"arn:aws:iam::{self.cloud.emulator.account_id}:role/{PREFIX}-{name}"

    def list_allowed_attempts(self) -> list[Attempt]:
        """Return calls that every build may make. Their success proves that the credentials are valid."""
        buckets, own = self.cloud.deployed.outputs["buckets"], self.own_site
        group = {"logGroupName": f"/aws/codebuild/{PREFIX}-site-{own}-build"}
        return [
            make_attempt("get its identity", "sts.get_caller_identity"),
            make_attempt(
                "put its own artifact",
                "s3.put_object",
                Bucket=buckets["artifacts"],
                Key=f"artifacts/{own}/left-behind",
                Body="x",
            ),
            make_attempt("write its own log", "logs.create_log_stream", **group, logStreamName="another"),
            make_attempt(
                "read its own secrets",
                "ssm.get_parameters",
                Names=[self.build_parameter_name(self.own, "OWN_SECRET")],
                WithDecryption=True,
            ),
        ]

    def list_refused_attempts(self) -> list[Attempt]:
        """Return the hostile calls, which AWS must refuse."""
        return [
            *self._list_object_attempts(),
            *self._list_secret_attempts(),
            *self._list_key_attempts(),
            *self._list_log_attempts(),
            *self._list_row_attempts(),
            *self._list_function_attempts(),
            *self._list_message_attempts(),
            *self._list_build_attempts(),
            *self._list_release_attempts(),
            *self._list_permission_attempts(),
        ]

    def _list_object_attempts(self) -> list[Attempt]:
        buckets, site, own = self.cloud.deployed.outputs["buckets"], self.site, self.own_site
        deployment_id = self.neighbour.deployment["deploymentId"]
        folder = f"{site}/{self.neighbour.site.project_id}/{deployment_id}"
        artifact = {
            "Bucket": buckets["artifacts"],
            "Key": f"artifacts/{folder}/open-next.zip",
        }
        log = {
            "Bucket": buckets["logs"],
            "Key": f"logs/builds/{site}/{self.neighbour.build_id.rpartition(':')[2]}.gz",
        }
        page = {"Bucket": buckets["assets"], "Key": f"assets/{folder}/robots.txt"}
        cached = {"Bucket": buckets["assets"], "Key": f"cache/{folder}/index.cache"}
        copied = {
            "Bucket": buckets["artifacts"],
            "Key": f"artifacts/{own}/copy.zip",
            "CopySource": artifact,
        }
        digest = hashlib.sha256(make_zip()).hexdigest()
        tools = {"Bucket": buckets["artifacts"], "Key": f"{BUILD_TOOLS}{digest}.zip"}
        return [
            make_attempt("replace the build tools", "s3.put_object", **tools, Body="x"),
            make_attempt("delete the build tools", "s3.delete_object", **tools),
            make_attempt("read the neighbour's artifact", "s3.get_object", **artifact),
            make_attempt("copy the neighbour's artifact to its own", "s3.copy_object", **copied),
            make_attempt("replace the neighbour's artifact", "s3.put_object", **artifact, Body="x"),
            make_attempt("delete the neighbour's artifact", "s3.delete_object", **artifact),
            make_attempt("list artifacts", "s3.list_objects_v2", Bucket=buckets["artifacts"]),
            make_attempt("read an archived log", "s3.get_object", **log),
            make_attempt("replace an archived log", "s3.put_object", **log, Body="x"),
            make_attempt("replace a neighbour's page", "s3.put_object", **page, Body="x"),
            make_attempt(
                "write a file of its own site without a release",
                "s3.put_object",
                Bucket=buckets["assets"],
                Key=f"assets/{own}/evil.js",
                Body="x",
            ),
            make_attempt("write the neighbour's cache", "s3.put_object", **cached, Body="x"),
            make_attempt("list the files of sites", "s3.list_objects_v2", Bucket=buckets["assets"]),
            make_attempt("remove a bucket policy", "s3.delete_bucket_policy", Bucket=buckets["artifacts"]),
        ]

    def _list_secret_attempts(self) -> list[Attempt]:
        name = self.build_parameter_name(self.neighbour.site, VARIABLE)
        own = self.build_parameter_name(self.own, "OWN_SECRET")
        return [
            make_attempt(
                "read the neighbour's secret", "ssm.get_parameters", Names=[name], WithDecryption=True
            ),
            make_attempt(
                "read the neighbour's secret together with its own",
                "ssm.get_parameters",
                Names=[own, name],
                WithDecryption=True,
            ),
            make_attempt("read one secret", "ssm.get_parameter", Name=name, WithDecryption=True),
            make_attempt(
                "list secrets", "ssm.get_parameters_by_path", Path="/anchor/local/sites", Recursive=True
            ),
            make_attempt(
                "replace the neighbour's secret", "ssm.put_parameter", Name=name, Value="x", Overwrite=True
            ),
            make_attempt("replace its own secret", "ssm.put_parameter", Name=own, Value="x", Overwrite=True),
            make_attempt("delete the neighbour's secret", "ssm.delete_parameter", Name=name),
            make_attempt(
                "sign as the platform",
                "kms.generate_mac",
                KeyId=f"alias/{PREFIX}-signing",
                Message="x",
                MacAlgorithm="HMAC_SHA_256",
            ),
        ]

    def _list_key_attempts(self) -> list[Attempt]:
        """Return calls that read, replace or remove deploy keys, also the key of the own project."""
        folder, ssm = "/anchor/local/deploy-keys", self.cloud.emulator.client("ssm")
        (own,) = [
            parameter["Name"]
            for parameter in ssm.get_parameters_by_path(Path=f"{folder}/{self.own.project_id}")["Parameters"]
        ]
        theirs = f"{folder}/{self.neighbour.site.project_id}/{own.rpartition('/')[2]}"
        bucket = self.cloud.deployed.outputs["buckets"]["artifacts"]
        return [
            make_attempt("read its own deploy key", "ssm.get_parameters", Names=[own], WithDecryption=True),
            make_attempt("read its own deploy key alone", "ssm.get_parameter", Name=own, WithDecryption=True),
            make_attempt(
                "read another deploy key", "ssm.get_parameters", Names=[theirs], WithDecryption=True
            ),
            make_attempt("list deploy keys", "ssm.get_parameters_by_path", Path=folder, Recursive=True),
            make_attempt("replace its deploy key", "ssm.put_parameter", Name=own, Value="x", Overwrite=True),
            make_attempt("delete its deploy key", "ssm.delete_parameter", Name=own),
            make_attempt(
                "list the handovers of keys", "s3.list_objects_v2", Bucket=bucket, Prefix="deploy-keys/"
            ),
            make_attempt("read a handover", "s3.get_object", Bucket=bucket, Key=f"deploy-keys/{'0' * 64}"),
            make_attempt("leave a handover", "s3.put_object", Bucket=bucket, Key="deploy-keys/x", Body="x"),
        ]

    def _list_log_attempts(self) -> list[Attempt]:
        stream = self.neighbour.build_id.rpartition(":")[2]
        theirs = {"logGroupName": f"/aws/codebuild/{PREFIX}-site-{self.site}-build"}
        return [
            make_attempt("read the neighbour's log", "logs.get_log_events", **theirs, logStreamName=stream),
            make_attempt("search the neighbour's log", "logs.filter_log_events", **theirs),
            make_attempt(
                "write into the neighbour's log",
                "logs.put_log_events",
                **theirs,
                logStreamName=stream,
                logEvents=[{"timestamp": 0, "message": "x"}],
            ),
            make_attempt("delete the neighbour's log", "logs.delete_log_group", **theirs),
            make_attempt(
                "read the platform's log", "logs.filter_log_events", logGroupName=f"/aws/lambda/{PREFIX}-api"
            ),
        ]

    def _list_row_attempts(self) -> list[Attempt]:
        tables = {name: table["name"] for name, table in self.cloud.deployed.outputs["tables"].items()}
        project = {"projectId": {"S": self.neighbour.site.project_id}, "sk": {"S": "METADATA"}}
        deployment = {
            "projectId": {"S": self.neighbour.site.project_id},
            "deploymentId": {"S": self.neighbour.deployment["deploymentId"]},
        }
        return [
            make_attempt(
                "read the neighbour's project", "dynamodb.get_item", TableName=tables["projects"], Key=project
            ),
            make_attempt("read all projects", "dynamodb.scan", TableName=tables["projects"]),
            make_attempt(
                "read the neighbour's deployment",
                "dynamodb.get_item",
                TableName=tables["deployments"],
                Key=deployment,
            ),
            make_attempt(
                "write a deployment", "dynamodb.put_item", TableName=tables["deployments"], Item=deployment
            ),
            make_attempt(
                "declare a site of its own",
                "dynamodb.put_item",
                TableName=tables["projects"],
                Item={"projectId": {"S": "SITE#evil"}, "sk": {"S": "SITE"}},
            ),
            make_attempt(
                "write the neighbour's cache tags",
                "dynamodb.put_item",
                TableName=tables[f"site-{self.site}-tags"],
                Item={"tag": {"S": "x"}, "path": {"S": "x"}},
            ),
            make_attempt("read the images' rows", "dynamodb.scan", TableName=tables["images"]),
            make_attempt("read the shops' rows", "dynamodb.scan", TableName=tables["shops"]),
        ]

    def _list_function_attempts(self) -> list[Attempt]:
        functions = (
            "webhook",
            "orchestrator",
            "build-events",
            "release",
            "promote",
            "api",
            "sweep",
            "collect",
        )
        theirs, own = f"{PREFIX}-site-{self.site}-server", f"{PREFIX}-site-{self.own_site}-server"
        return [
            *(
                make_attempt(f"call {name}", "lambda.invoke", FunctionName=f"{PREFIX}-{name}", Payload="{}")
                for name in functions
            ),
            make_attempt("call the neighbour's site", "lambda.invoke", FunctionName=theirs, Payload="{}"),
            make_attempt(
                "read the neighbour's variables", "lambda.get_function_configuration", FunctionName=theirs
            ),
            make_attempt("fetch the neighbour's code", "lambda.get_function", FunctionName=theirs),
            make_attempt(
                "replace the neighbour's code",
                "lambda.update_function_code",
                FunctionName=theirs,
                S3Bucket=self.cloud.deployed.outputs["buckets"]["artifacts"],
                S3Key=f"artifacts/{self.own_site}/left-behind",
            ),
            make_attempt(
                "change its own site's role",
                "lambda.update_function_configuration",
                FunctionName=own,
                Role=self.build_role_arn("release"),
            ),
            make_attempt(
                "switch its own site to another version",
                "lambda.update_alias",
                FunctionName=own,
                Name="live",
                FunctionVersion="1",
            ),
            make_attempt(
                "allow everybody to call the release function",
                "lambda.add_permission",
                FunctionName=f"{PREFIX}-release",
                StatementId="evil",
                Action="lambda:InvokeFunction",
                Principal="*",
            ),
        ]

    def _list_message_attempts(self) -> list[Attempt]:
        queues = self.cloud.deployed.outputs["queues"]
        theirs = {name: self.neighbour.deployment[name] for name in ("projectId", "deploymentId")}
        body = json.dumps(theirs)
        fifo = {"MessageGroupId": "x", "MessageDeduplicationId": "x"}
        event = {
            "Source": "anchor",
            "DetailType": "CodeBuild Build State Change",
            "Detail": "{}",
        }
        return [
            make_attempt(
                "start a release",
                "sqs.send_message",
                QueueUrl=queues["releases"],
                MessageBody=body,
                **fifo,
            ),
            make_attempt(
                "start a build through the queue",
                "sqs.send_message",
                QueueUrl=queues["builds"],
                MessageBody=body,
            ),
            make_attempt("receive release messages", "sqs.receive_message", QueueUrl=queues["releases"]),
            make_attempt("empty the build queue", "sqs.purge_queue", QueueUrl=queues["builds"]),
            make_attempt("report the end of a build", "events.put_events", Entries=[event]),
        ]

    def _list_build_attempts(self) -> list[Attempt]:
        theirs, own = f"{PREFIX}-site-{self.site}-build", f"{PREFIX}-site-{self.own_site}-build"
        return [
            make_attempt("start the neighbour's build", "codebuild.start_build", projectName=theirs),
            make_attempt("start its own build", "codebuild.start_build", projectName=own),
            make_attempt("stop the neighbour's build", "codebuild.stop_build", id=self.neighbour.build_id),
            make_attempt(
                "look at the neighbour's build", "codebuild.batch_get_builds", ids=[self.neighbour.build_id]
            ),
            make_attempt(
                "give its own builds another role",
                "codebuild.update_project",
                name=own,
                serviceRole=self.build_role_arn("release"),
            ),
        ]

    def _list_release_attempts(self) -> list[Attempt]:
        outputs = self.cloud.deployed.outputs
        host = self.neighbour.site.visitor.host.partition(":")[0]
        store = {"KvsARN": outputs["keyValueStoreArn"]}
        return [
            make_attempt(
                "read the neighbour's key in the KeyValueStore",
                "cloudfront-keyvaluestore.get_key",
                **store,
                Key=host,
            ),
            make_attempt(
                "switch the neighbour's host to another release",
                "cloudfront-keyvaluestore.put_key",
                **store,
                Key=host,
                Value="{}",
                IfMatch="x",
            ),
            make_attempt(
                "read the origin secret of the distribution",
                "cloudfront.get_distribution_config",
                Id=outputs["distributionId"],
            ),
        ]

    def _list_permission_attempts(self) -> list[Attempt]:
        own = f"{PREFIX}-site-{self.own_site}-build"
        policy = (
            '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
        )
        return [
            make_attempt(
                "assume the role of the neighbour's builds",
                "sts.assume_role",
                RoleArn=self.build_role_arn(f"site-{self.site}-build"),
                RoleSessionName="evil",
            ),
            make_attempt(
                "assume the role of the release function",
                "sts.assume_role",
                RoleArn=self.build_role_arn("release"),
                RoleSessionName="evil",
            ),
            make_attempt(
                "grant itself all permissions",
                "iam.put_role_policy",
                RoleName=own,
                PolicyName="evil",
                PolicyDocument=policy,
            ),
            make_attempt(
                "change the trust policy of another role",
                "iam.update_assume_role_policy",
                RoleName=f"{PREFIX}-release",
                PolicyDocument=_TRUST,
            ),
            make_attempt("create a user", "iam.create_user", UserName="evil"),
            make_attempt("read a policy", "iam.get_role_policy", RoleName=own, PolicyName="grants"),
            make_attempt(
                "list users", "cognito-idp.list_users", UserPoolId=self.cloud.deployed.outputs["userPoolId"]
            ),
        ]
