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

    def send(self, deployment: Deployment | DeploymentMessage) -> None:
        """Send a deployment to be built."""
        self.client.send_message(QueueUrl=self.url, MessageBody=_message(deployment))

    def send_later(self, deployment: Deployment, *, seconds: int) -> None:
        """Send a deployment to be built after some time, a quarter of an hour at most."""
        self.client.send_message(QueueUrl=self.url, MessageBody=_message(deployment), DelaySeconds=seconds)

    def show_again(self, receipt: str, *, seconds: int) -> None:
        """Let a message that was received come again sooner, or later, than the queue would bring it.

        Args:
            receipt: The message's receipt handle.
            seconds: From now, up to twelve hours.
        """
        self.client.change_message_visibility(
            QueueUrl=self.url, ReceiptHandle=receipt, VisibilityTimeout=seconds
        )


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

    def send_again(self, deployment: Deployment, *, number: int) -> None:
        """Send a deployment whose message was lost, or waits for half an hour because its function died.

        It goes beside its project's other messages: behind one that died it would wait just as long. Releases
        of one project may run at once; it is only not worth their while.

        Args:
            deployment: `built` or `deploying`.
            number: Counts repetitions: within five minutes SQS drops what it has had before.
        """
        name = f"{deployment.deployment_id}-{number}"
        self.client.send_message(
            QueueUrl=self.url,
            MessageBody=_message(deployment),
            MessageGroupId=name,
            MessageDeduplicationId=name,
        )


def _message(deployment: Deployment | DeploymentMessage) -> str:
    return DeploymentMessage(
        project_id=deployment.project_id, deployment_id=deployment.deployment_id
    ).to_body()
