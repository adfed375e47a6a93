"""The flat program: it registers the resources of `__main__.py` without components.

`benchmarks/program_child.py` runs this file with the globals `resources` and `fast_registration`.
"""

from collections.abc import Sequence

from benchmarks.raw_program import RawResource, register_resources
from components.core.registration import enable_fast_registration

resources: Sequence[RawResource] = globals()["resources"]
fast_registration: bool = globals()["fast_registration"]

if fast_registration:
    enable_fast_registration()
register_resources(resources)
