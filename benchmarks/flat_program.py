"""The program without components, run as `__main__.py` is.

`resources`, and whether it begins and ends `as_ours`, are put into it by whoever runs it
(`benchmarks/program_child.py`).
"""

import gc
from collections.abc import Sequence

import pulumi

from benchmarks.raw_program import RawResource, register
from components.core.registration import begun

resources: Sequence[RawResource] = globals()["resources"]
as_ours: bool = globals()["as_ours"]

if as_ours:
    gc.disable()
register(resources)
if as_ours:
    pulumi.run(begun)
