"""AWS's models of its services, which botocore loads from its data files."""

from functools import cache
from typing import cast

import botocore.session
from botocore.model import ServiceModel

from aws_models.constraints import Shape


@cache
def load_service(name: str) -> ServiceModel:
    """Return the model of a service.

    Args:
        name: The name of the service in boto3, such as `cognito-idp`.
    """
    return botocore.session.get_session().get_service_model(name)


@cache
def load_shape(reference: str) -> Shape:
    """Return a shape from the model of its service.

    Args:
        reference: Service and shape, such as `lambda.FunctionName`.

    Raises:
        botocore.model.NoShapeFoundError: The service has no such shape.
    """
    service, _, shape = reference.rpartition(".")
    return cast("Shape", load_service(service).shape_for(shape))


def list_enum_values(reference: str) -> tuple[str, ...]:
    """Return the values of an enum, such as `lambda.Runtime`.

    Raises:
        KeyError: The shape is not an enum.
    """
    return tuple(load_shape(reference).metadata["enum"])
