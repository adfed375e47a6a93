"""Cancel: a deployment that is not being released yet ends by hand."""

from attrs import frozen

from runtime.deploy.build_slot import BuildSlotRepository
from runtime.deploy.deployments import DeploymentRepository
from runtime.deploy.messages import BuildQueue
from runtime.deploy.model import Deployment, Status
from runtime.deploy.waiting import next_waiting
from runtime.shared.clock import Clock


@frozen(kw_only=True)
class Cancellation:
    """Cancels deployments, and lets the next one build."""

    deployments: DeploymentRepository
    slot: BuildSlotRepository
    build_queue: BuildQueue
    clock: Clock

    def cancel(self, user_id: str, deployment_id: str) -> Deployment:
        """Cancel a tenant's deployment. A build that runs is not stopped here; its end changes nothing more.

        Repeatable: a crash may have come between the write and the next deployment's message.

        Raises:
            DeploymentNotFoundError: There is no such deployment, or it is another tenant's.
            StaleDeploymentError: It is being released already, or has come to another end.
        """
        found = self.deployments.owned(user_id, deployment_id)
        # The index that finds it by its id alone may be behind.
        deployment = self.deployments.get(found.project_id, deployment_id)
        held_slot = deployment.status in {Status.BUILDING, Status.CANCELLED}
        if deployment.status is not Status.CANCELLED:
            deployment = self.slot.cancel_owned(user_id, deployment, at=self.clock())
        waiting = next_waiting(self.deployments, deployment, at=self.clock()) if held_slot else None
        if waiting:
            self.build_queue.send(waiting)
        return deployment
