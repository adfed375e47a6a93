"""The one message of the build and release queues: which deployment."""

import json
from typing import Self

from attrs import frozen

from runtime.deploy.model import Deployment
from runtime.shared.aws import SQSClient


@frozen(kw_only=True)
class DeploymentMessage:
    """Names a deployment; everything else is read from its row, which is newer than any message."""

    project_id: str
    deployment_id: str

    @classmethod
    def from_body(cls, body: str) -> Self:
        """Read `{"projectId", "deploymentId"}`.

        Raises:
            ValueError: The body is no JSON.
            KeyError: An id is absent.
        """
        fields = json.loads(body)
        return cls(project_id=fields["projectId"], deployment_id=fields["deploymentId"])

    def to_body(self) -> str:
        """Write `{"projectId", "deploymentId"}`."""
        return json.dumps({"projectId": self.project_id, "deploymentId": self.deployment_id})


@frozen(kw_only=True)
class BuildQueue:
    """Queue of deployments that wait for a build; a message may arrive twice and changes nothing then."""

    client: SQSClient
    url: str

    def send(self, deployment: Deployment) -> None:
        """Send a deployment to be built."""
        self.client.send_message(QueueUrl=self.url, MessageBody=_message(deployment))


@frozen(kw_only=True)
class ReleaseQueue:
    """FIFO queue of built deployments: those of one project are released one after the other."""

    client: SQSClient
    url: str

    def send(self, deployment: Deployment) -> None:
        """Send a deployment to be released. Within five minutes SQS drops repetitions."""
        self.client.send_message(
            QueueUrl=self.url,
            MessageBody=_message(deployment),
            MessageGroupId=deployment.project_id,
            MessageDeduplicationId=deployment.deployment_id,
        )


def _message(deployment: Deployment) -> str:
    return DeploymentMessage(
        project_id=deployment.project_id, deployment_id=deployment.deployment_id
    ).to_body()
