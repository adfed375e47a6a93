"""One measurement of the program, in a process that `benchmarks.program` starts.

python -m benchmarks.program_child components 50 GRAPH    run __main__.py and write its resources to GRAPH
python -m benchmarks.program_child raw 50 GRAPH           register the resources of GRAPH without components
python -m benchmarks.program_child raw-usual 50 GRAPH     like `raw`, but without `enable_fast_registration`
python -m benchmarks.program_child alone LAYERS           run __main__.py once, with the sites of production
python -m benchmarks.program_child import                 import the modules that __main__.py imports
python -m benchmarks.program_child import-raw GRAPH       import the classes of the resources of GRAPH
"""

import ast
import importlib
import json
import pickle
import runpy
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import asdict, frozen

from benchmarks.memory import read_peak_memory

ROOT: Final = Path(__file__).parent.parent
STAGE: Final = "production"
# Sizes of the warm-up programs: number of sites of `__main__.py`, and number of resources of the flat
# program.
WARM_UP: Final = 1
WARM_UP_RESOURCES: Final = 250


@frozen(kw_only=True)
class Cost:
    """The cost of a measured operation.

    Attributes:
        cpu: CPU seconds of this process, over all threads.
        wall: Wall time in seconds.
        resources: Number of AWS resources.
        components: Number of components.
        megabytes: Peak memory of the process.
    """

    cpu: float
    wall: float
    resources: int = 0
    components: int = 0
    megabytes: int = 0


def main(arguments: Sequence[str]) -> Cost:
    """Run the measurement that the arguments select, and return its cost."""
    match arguments:
        case ["import"]:
            return _measure_time(_import_modules_of_program)
        case ["alone", layers]:
            return _measure_time(lambda: _run_program_alone(Path(layers)))
        case ["import-raw", graph]:
            return _measure_class_imports([each.type for each in pickle.loads(Path(graph).read_bytes())])  # noqa: S301 - written by this module
        case ["components", sites, graph]:
            return _measure_components(int(sites), Path(graph))
        case ["raw" | "raw-usual" as kind, _, graph]:
            return _measure_raw_program(Path(graph), fast_registration=kind == "raw")
        case _:
            raise SystemExit(__doc__)


def _measure_time(run: Callable[[], object]) -> Cost:
    cpu, wall = time.process_time(), time.perf_counter()
    run()
    return Cost(cpu=time.process_time() - cpu, wall=time.perf_counter() - wall)


def _import_modules_of_program() -> None:
    """Run the imports of `__main__.py`."""
    tree = ast.parse((ROOT / "__main__.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Import):
            for name in node.names:
                importlib.import_module(name.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            module = importlib.import_module(node.module)
            for name in node.names:
                if not hasattr(module, name.name):
                    importlib.import_module(f"{node.module}.{name.name}")


def _measure_class_imports(tokens: Sequence[str]) -> Cost:
    def load() -> None:
        raw = importlib.import_module("benchmarks.raw_program")
        for token in tokens:
            raw.find_class(token)

    return _measure_time(load)


def _measure_components(sites: int, graph: Path) -> Cost:
    from benchmarks.monitor import Registered, record_program  # noqa: PLC0415 - other children measure imports
    from local.engine.program import run_main  # noqa: PLC0415
    from tests.components.recorder import create_layers  # noqa: PLC0415

    def program() -> None:
        run_main(ROOT)

    with create_layers() as layers:
        record_program(program, STAGE, _build_configuration(WARM_UP, layers))
        registered: list[Registered] = []
        cost = _measure_time(
            lambda: registered.extend(record_program(program, STAGE, _build_configuration(sites, layers)))
        )
        custom = [each for each in registered if each.is_custom_resource]
        # Write the graph before the temporary layers are deleted, because it contains the layers' content.
        graph.write_bytes(pickle.dumps([each.to_recorded() for each in custom]))
    return _add_counts(cost, len(custom), len(registered) - len(custom))


def _run_program_alone(layers: Path) -> None:
    """Run the program as the language host does, with a monitor that answers at once."""
    import yaml  # noqa: PLC0415 - other children measure imports

    from benchmarks.monitor import record_program  # noqa: PLC0415
    from local.engine.program import run_main  # noqa: PLC0415
    from tests.components.stages import STAGE_FILES  # noqa: PLC0415

    file = (STAGE_FILES / f"Pulumi.{STAGE}.yaml").read_text(encoding="utf-8")
    record_program(
        lambda: run_main(ROOT), STAGE, {**yaml.safe_load(file)["config"], "anchor-deploy:layers": str(layers)}
    )


def _measure_raw_program(graph: Path, *, fast_registration: bool) -> Cost:
    from benchmarks.monitor import Registered, record_program  # noqa: PLC0415
    from benchmarks.raw_program import RawResource, convert_to_raw_resources  # noqa: PLC0415
    from benchmarks.recorded import find_differences  # noqa: PLC0415

    def program(resources: Sequence[RawResource]) -> None:
        runpy.run_path(
            str(ROOT / "benchmarks" / "flat_program.py"),
            init_globals={"resources": resources, "fast_registration": fast_registration},
            run_name="__main__",
        )

    recorded = pickle.loads(graph.read_bytes())  # noqa: S301 - written by this module
    resources = convert_to_raw_resources(recorded)
    record_program(lambda: program(resources[:WARM_UP_RESOURCES]), STAGE, {})
    registered: list[Registered] = []
    cost = _measure_time(lambda: registered.extend(record_program(lambda: program(resources), STAGE, {})))
    if wrong := find_differences([each.to_recorded() for each in registered], recorded):
        raise ValueError("\n".join(["the flat program has other resources than the program:", *wrong]))
    return _add_counts(cost, len(registered), 0)


def _add_counts(cost: Cost, resources: int, components: int) -> Cost:
    return Cost(
        cpu=cost.cpu,
        wall=cost.wall,
        resources=resources,
        components=components,
        megabytes=round(read_peak_memory() / 2**20),
    )


def _build_configuration(sites: int, layers: Path) -> Mapping[str, Any]:
    """Return the configuration of production with a number of sites."""
    from tests.components.recorder import read_configuration  # noqa: PLC0415

    config = read_configuration(STAGE)
    config["anchor-deploy:stage"]["sites"] = [{"name": f"site-{number:04}"} for number in range(sites)]
    return {**config, "anchor-deploy:layers": str(layers)}


if __name__ == "__main__":
    with warnings.catch_warnings():
        # pulumi_aws warns about deprecated classes when it loads its modules.
        warnings.simplefilter("ignore", DeprecationWarning)
        sys.stdout.write(json.dumps(asdict(main(sys.argv[1:]))) + "\n")
