"""The program without components, run as `__main__.py` is.

`resources`, and whether it runs `as_ours`, are put into it by whoever runs it
(`benchmarks/program_child.py`).
"""

from collections.abc import Sequence

from benchmarks.raw_program import RawResource, register
from components.core.registration import enable_fast_registration

resources: Sequence[RawResource] = globals()["resources"]
as_ours: bool = globals()["as_ours"]

if as_ours:
    enable_fast_registration()
register(resources)
