"""Peak memory of this process."""

import resource
from pathlib import Path


def read_peak_memory() -> int:
    """Return the peak memory in bytes.

    The function reads VmHWM where the system has it. ru_maxrss (in kilobytes) also includes the memory that
    the parent process used before exec.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024
