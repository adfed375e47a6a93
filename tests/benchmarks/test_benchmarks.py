"""What `make bench` says of a measurement, and that it compares what it claims to compare."""

import re
from types import SimpleNamespace
from typing import Any

import pulumi_aws as aws
import pytest
from google.protobuf import struct_pb2

from benchmarks import image_lists, repositories
from benchmarks.__main__ import BENCHMARKS, main
from benchmarks.cold_start import handlers
from benchmarks.document import Machine, write
from benchmarks.model import Goal, Measurement, Report
from benchmarks.monitor import Registered, run
from benchmarks.plot import Line, Plot
from benchmarks.raw_program import class_of, raw_resources, register
from runtime.shared.pages import Page
from tests.components.recorder import ROOT

ROLE = ("aws:iam/role:Role", "web", {"name": "anchor-web", "assumeRolePolicy": "{}"})
FUNCTION = (
    "aws:lambda/function:Function",
    "web",
    {
        "name": "anchor-web",
        "role": "arn:role/web",
        "memorySize": 512.0,
        "environment": {"variables": {"A": "1"}},
    },
)


def graph() -> list[tuple[str, str, dict[str, Any], dict[str, str]]]:
    return [(*ROLE, {"arn": "arn:role/web", "id": "anchor-web"}), (*FUNCTION, {"arn": "arn:function/web"})]


def plain(resources: list[Registered]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(each.type, each.name, each.portable()[2]) for each in resources]


@pytest.mark.parametrize(
    ("goal", "ratio", "met"),
    [
        (Goal(bound=1.2), 1.2, True),
        (Goal(bound=1.2), 1.204, True),
        (Goal(bound=1.2), 1.21, False),
        (Goal(bound=1.5, kind="at least"), 1.5, True),
        (Goal(bound=1.5, kind="at least"), 1.49, False),
    ],
)
def test_a_goal_is_judged_by_the_number_that_is_shown(goal: Goal, ratio: float, *, met: bool) -> None:
    measured = Measurement(name="one / other", value=ratio, goal=goal, detail="2 s / 1 s")
    assert measured.verdict == ("met" if met else "missed")


def test_without_a_goal_there_is_no_verdict() -> None:
    assert Measurement(name="one / other", value=3, detail="").verdict == ""


@pytest.mark.parametrize(
    ("unit", "shown", "wanted"),
    [("x", "1234.50", "at most 2 x"), ("s", "1234.50 s", "at most 2 s"), ("", "1,234", "at most 2")],
)
def test_a_value_and_its_goal_are_shown_in_the_same_unit(unit: str, shown: str, wanted: str) -> None:
    measured = Measurement(name="one", value=1234.5, unit=unit, goal=Goal(bound=2), detail="")
    assert (measured.shown, measured.wanted) == (shown, wanted)


def test_the_page_says_what_was_measured_where_and_why_a_goal_was_missed() -> None:
    missed = Measurement(
        name="one | other", value=1.234, goal=Goal(bound=1.2), detail="2 s / 1 s", remark="Because."
    )
    plot = Plot(name="curve", title="A curve", x="x", y="y", lines=(Line(name="one", points=[(1, 2)]),))
    report = Report(
        title="The subject",
        method="Twice.",
        measurements=(missed, missed),
        plots=(plot,),
        tables=(("More", "| a |"),),
    )
    machine = Machine(
        processor="Abacus",
        cores=2,
        system="Linux",
        python="3.11.7",
        packages={"pulumi": "3.272.0"},
        minutes=3.4,
    )
    page = write([report], machine)
    assert "| one \\| other | 1.23 | at most 1.2 x | missed | 2 s / 1 s |" in page
    assert "2 cores of Abacus, Linux, Python 3.11.7, with pulumi 3.272.0, in 3 minutes." in page
    assert page.count("Because.") == 1
    assert "![A curve](benchmarks/curve.svg)" in page
    assert "### More\n\n| a |\n" in page
    assert "make bench" in page


def test_a_recorded_graph_becomes_the_same_resources_without_components() -> None:
    registered = run(lambda: register(raw_resources(graph())), "dev", {})
    assert plain(registered) == [
        ROLE,
        # The ARN that the benchmark's own engine gave to the role, and not the one that was recorded.
        (*FUNCTION[:2], {**FUNCTION[2], "role": "arn:aws:iam::123456789012:role/anchor-web"}),
    ]


def test_what_other_resources_have_made_is_wired_and_not_written_down() -> None:
    _, function = raw_resources(graph())
    assert function.wired == {"role": (0, "arn")}
    assert "role" not in function.arguments
    assert function.arguments["memory_size"] == 512


def test_classes_are_found_by_their_type_tokens() -> None:
    assert class_of("aws:lambda/function:Function") is aws.lambda_.Function
    assert class_of("aws:dynamodb/table:Table") is aws.dynamodb.Table


def test_the_monitor_tells_components_from_resources() -> None:
    registered = Registered(type="t", name="n", custom=False, inputs=struct_pb2.Struct(), made={})
    assert registered.portable() == ("t", "n", {}, {})


def test_every_handler_is_measured() -> None:
    files = {file.stem for file in ROOT.glob("runtime/*/handlers/*.py")} - {"__init__"}
    assert {name.rpartition(".")[2] for name in handlers()} == files
    assert len(files) > 5


def test_lists_of_images_are_walked_through_call_by_call_in_their_order() -> None:
    """Issue 6, line 5, on some hundred images; what took how long is not judged here."""
    said: list[str] = []
    report = image_lists.measure(said.append, images=300, in_album=120, page=20)
    ratios = {each.name: each.value for each in report.measurements}
    assert ratios["calls of DynamoDB for a page / pages"] == 1
    assert ratios["an album: calls for its first page / pages"] == 2
    assert ratios["an album: calls for a page after the first / pages"] == 1
    assert len([name for name in ratios if "time" in name or "CPU" in name]) == 4
    assert "| 1 to 60 |" in report.tables[0][1]
    assert said


@pytest.mark.parametrize("expected", [["2", "3", "1"], ["3", "2"], ["3", "2", "1", "0"]])
def test_a_list_in_another_order_or_with_other_images_is_not_measured(expected: list[str]) -> None:
    class Gallery:
        def all_images(self, _user: str, **_: object) -> Page[Any]:
            return Page(items=tuple(SimpleNamespace(image_id=name) for name in "321"), cursor=None)

    gallery: Any = Gallery()
    sent = image_lists.Sent()
    assert len(image_lists.walk(gallery, None, ["3", "2", "1"], page=3, sent=sent)) == 1
    with pytest.raises(ValueError, match="3 images were listed"):
        image_lists.walk(gallery, None, expected, page=3, sent=sent)


def test_growth_compares_the_medians_of_the_first_and_the_last_fifth() -> None:
    assert image_lists.growth([1, 9, 2, *[50] * 9, 4, 4, 99]) == (2, 4)
    assert image_lists.growth([3, 5]) == (3, 5)


def test_an_unknown_benchmark_is_named_with_those_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["speed"]) == 1
    said = re.sub(r"\s+", " ", capsys.readouterr().err)
    assert f"no benchmark speed; there are {', '.join(BENCHMARKS)}" in said


def test_a_deployment_is_whole_as_the_other_librarys_row() -> None:
    """A new attribute of the model must not wait for the next run of the benchmark to be noticed."""
    deployment = repositories._deployments()[0]
    row = repositories._own(deployment)
    assert (row.deployment_id, row.commit_sha) == (deployment.deployment_id, deployment.commit_sha)
    assert deployment.release
    assert row.release.host == deployment.release.host
