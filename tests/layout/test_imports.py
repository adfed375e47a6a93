"""The import graph has no cycles. The contracts in pyproject.toml define the allowed directions."""

from graphlib import TopologicalSorter

import grimp

PACKAGES = (
    "anchor",
    "aws_models",
    "benchmarks",
    "components",
    "first_account",
    "local",
    "policies",
    "reference",
    "runtime",
)


def test_there_is_no_import_cycle() -> None:
    """Imports inside functions also count. The sorter raises `CycleError` with the names of the modules."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    order = list(TopologicalSorter(imports).static_order())
    assert len(order) > 300
