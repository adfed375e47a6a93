"""P7, P9, D2: a push succeeds after one fault at any call to AWS.

Manual work is only necessary if the webhook fails: the user redelivers the failed delivery on GitHub.
"""

import pytest

from tests.reliability_page import check_table
from tests.runtime.faults.injected import CallSite, Fault, Kind
from tests.runtime.faults.push_simulation import PushSimulation

pytestmark = pytest.mark.thorough

HEADS = ["Call", "Made by", *Kind]


@pytest.mark.parametrize("function", ["webhook", "orchestrator", "build events", "release"])
def test_a_push_survives_one_fault_at_each_call(simulation: PushSimulation, function: str) -> None:
    """D2, P9: the live release is always reachable, and an accepted push is live after at most two sweeps.

    If the webhook does not accept a push, GitHub shows a failed delivery.
    """
    rows: list[list[str]] = []
    for site in [each for each in simulation.injector.sites if each.function == function]:
        cells: list[str] = []
        for kind in Kind:
            observed = simulation.run_pushes(Fault(site, kind))
            assert observed.status in {"live", None}, (site, kind, observed)
            assert observed.status or function == "webhook", (site, kind, observed)
            assert observed.sweeps <= 2, (site, kind, observed)
            cells.append(str(observed))
        rows.append([_format_operation(site), f"`{site.call_path}`", *cells])
    assert rows
    check_table(f"calls of {function}", HEADS, sorted(rows))


def _format_operation(site: CallSite) -> str:
    name = "PUT of a presigned URL" if site.operation == "put" else site.operation
    return name if " " in name else "".join(word.capitalize() for word in name.split("_"))
