"""Functions that read the descendants of a process and their listening sockets from Linux's `/proc`."""

import re
from pathlib import Path

# The state LISTEN in `/proc/net/tcp`.
LISTENING = "0A"
# 127.0.0.1 and ::1 in the kernel's hexadecimal format.
LOOPBACK = {"0100007F", "00000000000000000000000001000000"}


def find_descendants(pid: int) -> set[int]:
    """Return the ids of a process and of its descendants, without processes that no longer exist."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:  # the process has ended
            continue
        parents[int(status.parent.name)] = int(fields[1])
    found = {pid} if pid in parents else set[int]()
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def find_listeners(pids: set[int]) -> list[tuple[str, int]]:
    """Return the address (in the kernel's hexadecimal format) and the port of each listening socket.

    Args:
        pids: The ids of the processes that have the sockets.
    """
    inodes = {inode for pid in pids for inode in _find_socket_inodes(pid)}
    found: list[tuple[str, int]] = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENING and fields[9] in inodes:
                address, port = fields[1].split(":")
                found.append((address, int(port, 16)))
    return found


def _find_socket_inodes(pid: int) -> set[str]:
    inodes: set[str] = set()
    try:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            match = re.fullmatch(r"socket:\[(\d+)\]", str(descriptor.readlink()))
            if match:
                inodes.add(match[1])
    except OSError:  # the process or the descriptor is gone
        pass
    return inodes
