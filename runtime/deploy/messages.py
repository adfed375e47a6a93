"""The messages of the build and release queues. Each message names a deployment."""

import json
from typing import Self

from attrs import frozen

from runtime.deploy.model import Deployment
from runtime.shared.aws import SQSClient


@frozen(kw_only=True)
class DeploymentMessage:
    """The ids of a deployment. Receivers read all other data from the deployment's row."""

    project_id: str
    deployment_id: str

    @classmethod
    def from_body(cls, body: str) -> Self:
        """Parse `{"projectId", "deploymentId"}`.

        Raises:
            ValueError: The body is not JSON.
            KeyError: An id is missing.
        """
        fields = json.loads(body)
        return cls(project_id=fields["projectId"], deployment_id=fields["deploymentId"])

    def to_body(self) -> str:
        """Return `{"projectId", "deploymentId"}` as JSON."""
        return json.dumps({"projectId": self.project_id, "deploymentId": self.deployment_id})


@frozen(kw_only=True)
class BuildQueue:
    """The queue of deployments to build. A message can arrive twice; processing it again is harmless."""

    client: SQSClient
    url: str

    def send(self, deployment: Deployment | DeploymentMessage) -> None:
        """Send the build message of a deployment."""
        self.client.send_message(QueueUrl=self.url, MessageBody=_make_message_body(deployment))

    def send_delayed(self, deployment: Deployment, *, seconds: int) -> None:
        """Send the build message of a deployment after a delay of at most 900 seconds."""
        self.client.send_message(
            QueueUrl=self.url, MessageBody=_make_message_body(deployment), DelaySeconds=seconds
        )

    def change_visibility_timeout(self, receipt: str, *, seconds: int) -> None:
        """Set the time at which a received message is delivered again.

        Args:
            receipt: Receipt handle of the message.
            seconds: Delay from now, at most 43,200 (12 hours).
        """
        self.client.change_message_visibility(
            QueueUrl=self.url, ReceiptHandle=receipt, VisibilityTimeout=seconds
        )


@frozen(kw_only=True)
class ReleaseQueue:
    """The FIFO queue of built deployments. The releases of one project run one after the other."""

    client: SQSClient
    url: str

    def send(self, deployment: Deployment) -> None:
        """Send the release message of a deployment. SQS drops duplicates within five minutes."""
        self.client.send_message(
            QueueUrl=self.url,
            MessageBody=_make_message_body(deployment),
            MessageGroupId=deployment.project_id,
            MessageDeduplicationId=deployment.deployment_id,
        )

    def resend(self, deployment: Deployment, *, number: int) -> None:
        """Send the release message of a deployment again, in a separate message group.

        This is needed if the first message was lost, or if the function that received it crashed. After a
        crash, SQS blocks the project's own message group for the visibility timeout of half an hour. A
        separate group avoids this wait. Concurrent releases of one project are safe, but they can do the same
        work twice.

        Args:
            deployment: A `built` or `deploying` deployment, or the target of an interrupted promotion.
            number: Part of the deduplication id. The number must be new, because SQS drops a message
                with a deduplication id that it received in the last five minutes.
        """
        name = f"{deployment.deployment_id}-{number}"
        self.client.send_message(
            QueueUrl=self.url,
            MessageBody=_make_message_body(deployment),
            MessageGroupId=name,
            MessageDeduplicationId=name,
        )


def _make_message_body(deployment: Deployment | DeploymentMessage) -> str:
    return DeploymentMessage(
        project_id=deployment.project_id, deployment_id=deployment.deployment_id
    ).to_body()
