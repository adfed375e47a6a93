"""The check of each call of a boto3 client, as a handler of botocore's events."""

from collections.abc import Mapping
from typing import Any, Final, cast

from botocore.exceptions import ClientError
from botocore.model import OperationModel

from aws_models.constraints import Shape, find_violations

# botocore emits this event for each call, after its own handlers have completed the parameters.
EVENT: Final = "before-parameter-build"


class InvalidCallError(ClientError):
    """A call with values that AWS would refuse. AWS's own error code differs between its services."""

    def __init__(self, operation: OperationModel, problems: list[str]) -> None:
        """Describe the problems of a call.

        Args:
            operation: The called operation.
            problems: One sentence for each violated constraint.
        """
        error = {"Code": "ValidationException", "Message": "; ".join(problems)}
        super().__init__({"Error": error}, operation.name)


def refuse_invalid_call(params: Mapping[str, Any], model: OperationModel, **_: object) -> None:
    """Refuse a call whose parameters violate AWS's model of the operation.

    Raises:
        InvalidCallError: The message names each member and the violated constraint.
    """
    shape = cast("Shape | None", model.input_shape)
    problems = list(find_violations(shape, params)) if shape else []
    if problems:
        raise InvalidCallError(model, problems)
