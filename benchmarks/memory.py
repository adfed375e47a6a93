"""The most memory that this process has had."""

import resource
from pathlib import Path


def peak_memory() -> int:
    """Return the bytes, since the process became this program.

    What getrusage() says begins with the memory of the process that started it; it is used where there is no
    /proc, and in kilobytes, as Linux has it.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024
