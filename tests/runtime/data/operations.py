"""The operations of all repositories, combined from the modules `..._operations.py`."""

from tests.runtime.data import build_operations, deploy_operations, image_operations, shop_operations
from tests.runtime.data.operation import Operation

OPERATIONS: tuple[Operation, ...] = (
    *build_operations.OPERATIONS,
    *deploy_operations.OPERATIONS,
    *image_operations.OPERATIONS,
    *shop_operations.OPERATIONS,
)
