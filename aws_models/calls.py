"""A handler of botocore's events that checks the parameters of each call of a boto3 client."""

from collections.abc import Mapping
from typing import Any, Final, cast

from botocore.exceptions import ClientError
from botocore.model import OperationModel

from aws_models.constraints import Shape, find_violations

# botocore emits this event for each call, after its own handlers have completed the parameters.
EVENT: Final = "before-parameter-build"


_DEFAULT_CODE: Final = "ValidationException"
# The error codes of the services that do not use `ValidationException` for invalid values. Each code is in
# the service's API reference, on the page about errors.
_CODES: Final[Mapping[str, str]] = {
    "apigatewayv2": "BadRequestException",
    "cloudfront": "InvalidArgument",
    "cloudwatch": "ValidationError",
    "codebuild": "InvalidInputException",
    "cognito-idp": "InvalidParameterException",
    "iam": "ValidationError",
    "logs": "InvalidParameterException",
    "route53": "InvalidInput",
    "s3": "InvalidArgument",
    "sns": "InvalidParameter",
    "sqs": "InvalidParameterValue",
    "sts": "ValidationError",
}


class InvalidCallError(ClientError):
    """A call has values that AWS would refuse. The error code is the code of the service for such values."""

    def __init__(self, operation: OperationModel, problems: list[str]) -> None:
        """Describe the problems of a call.

        Args:
            operation: The called operation.
            problems: One sentence for each violated constraint.
        """
        code = _CODES.get(operation.service_model.service_name, _DEFAULT_CODE)
        error = {"Code": code, "Message": "; ".join(problems)}
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
