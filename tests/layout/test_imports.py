"""The import graph has no cycles. Which folder may import which: see import-linter in pyproject.toml."""

from graphlib import TopologicalSorter

import grimp

PACKAGES = ("anchor", "benchmarks", "components", "local", "policies", "reference", "runtime")


def test_no_module_imports_itself_through_others() -> None:
    """Imports within functions count too. The sorter raises `CycleError`, which names the modules."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    order = list(TopologicalSorter(imports).static_order())
    assert len(order) > 300
