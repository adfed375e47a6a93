"""The report of `make bench`, and the correctness of its comparisons."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from attrs import evolve

from benchmarks import image_lists, preview, repositories
from benchmarks.__main__ import BENCHMARKS, main
from benchmarks.cold_start import find_handlers
from benchmarks.document import Machine, render_page
from benchmarks.model import Goal, Measurement, Report
from benchmarks.monitor import record_program
from benchmarks.plot import Line, Plot
from benchmarks.raw_program import (
    Attribute,
    Template,
    convert_to_raw_resources,
    find_class,
    register_resources,
)
from benchmarks.recorded import Recorded, find_differences
from runtime.shared.pages import Page
from tests.components.recorder import ROOT


def make_recorded_resource(resource_type: str, **changed: Any) -> Recorded:  # noqa: ANN401
    """Return a recorded resource `web` of an AWS type. Its only inputs are those in `changed`."""
    nothing: dict[str, Any] = {"inputs": {}, "references": {}, "after": frozenset(), "made": {}}
    urn = f"urn:pulumi:dev::anchor-deploy::anchor:web:Web${resource_type}::web"
    options = {
        "protect": False,
        "retain_on_delete": False,
        "ignore_changes": [],
        **changed.pop("options", {}),
    }
    given = {"urn": urn, "type": resource_type, "name": "web", "options": options}
    return Recorded(**{**given, **nothing, **changed})


ROLE = make_recorded_resource(
    "aws:iam/role:Role",
    inputs={"name": "anchor-web", "assumeRolePolicy": "{}"},
    made={("id",): "anchor-web", ("arn",): "arn:aws:iam::123456789012:role/anchor-web"},
)
POLICY = make_recorded_resource(
    "aws:iam/rolePolicy:RolePolicy",
    inputs={"role": "anchor-web", "policy": "{}"},
    references={"role": frozenset({ROLE.urn})},
    after=frozenset({ROLE.urn}),
)
FUNCTION = make_recorded_resource(
    "aws:lambda/function:Function",
    inputs={
        "name": "anchor-web",
        "role": "arn:aws:iam::123456789012:role/anchor-web",
        "memorySize": 512.0,
        "environment": {"variables": {"A": "1", "ROLE": "I am anchor-web."}},
        "code": pulumi.AssetArchive({"web.py": pulumi.StringAsset("pass")}),
    },
    references={"role": frozenset({ROLE.urn}), "environment": frozenset({ROLE.urn})},
    after=frozenset({ROLE.urn, POLICY.urn}),
    options={"protect": True, "ignore_changes": ["code"]},
)
GRAPH = (ROLE, POLICY, FUNCTION)


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
def test_a_goal_is_compared_with_the_rounded_value(goal: Goal, ratio: float, *, met: bool) -> None:
    measured = Measurement(name="one / other", value=ratio, goal=goal, detail="2 s / 1 s")
    assert measured.verdict == ("met" if met else "missed")


def test_a_measurement_without_a_goal_has_no_verdict() -> None:
    assert Measurement(name="one / other", value=3, detail="").verdict == ""


@pytest.mark.parametrize(
    ("unit", "shown", "wanted"),
    [("x", "1234.50", "at most 2 x"), ("s", "1234.50 s", "at most 2 s"), ("", "1,234", "at most 2")],
)
def test_a_value_and_its_goal_are_shown_with_the_same_unit(unit: str, shown: str, wanted: str) -> None:
    measured = Measurement(name="one", value=1234.5, unit=unit, goal=Goal(bound=2), detail="")
    assert (measured.value_text, measured.goal_text) == (shown, wanted)


def test_the_page_contains_measurements_machine_and_remarks() -> None:
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
    page = render_page([report], machine)
    assert "| one \\| other | 1.23 | at most 1.2 x | missed | 2 s / 1 s |" in page
    assert "2 cores of Abacus, Linux, Python 3.11.7, with pulumi 3.272.0, in 3 minutes." in page
    assert page.count("Because.") == 1
    assert "![A curve](benchmarks/curve.svg)" in page
    assert "### More\n\n| a |\n" in page
    assert "make bench" in page


def register_resource_graph() -> list[Recorded]:
    return [
        each.to_recorded()
        for each in record_program(lambda: register_resources(convert_to_raw_resources(GRAPH)), "dev", {})
    ]


def test_a_recorded_graph_can_be_registered_without_components() -> None:
    assert [(each.urn.split("::")[2], each.name) for each in register_resource_graph()] == [
        (each.type, each.name) for each in GRAPH
    ]
    assert find_differences(register_resource_graph(), GRAPH) == []


def test_an_input_equal_to_an_output_refers_to_the_resource_with_that_output() -> None:
    _, _, function = convert_to_raw_resources(GRAPH)
    assert function.wired == {
        "role": Attribute(0, "arn"),
        "environment": {
            "variables": {"A": "1", "ROLE": Template((Attribute(0, "id"),), ("I am ", 0, "."))},
        },
    }
    assert function.arguments["memory_size"] == 512
    assert function.after == (1,)


def test_an_input_that_repeats_a_value_refers_to_each_resource_with_that_output() -> None:
    user = evolve(ROLE, urn=f"{ROLE.urn}-user", made={("id",): "anchor-web"})
    both = frozenset({ROLE.urn, user.urn})
    function = evolve(FUNCTION, inputs={"layers": ["anchor-web", "anchor-web"]}, references={"layers": both})
    *_, raw = convert_to_raw_resources([ROLE, user, POLICY, function])
    assert {attribute.of for attribute in raw.wired["layers"]} == {0, 1}


def test_a_reference_to_a_resource_without_a_matching_output_raises_an_error() -> None:
    lost = evolve(FUNCTION, inputs={"role": "somebody's"}, references={"role": frozenset({ROLE.urn})})
    with pytest.raises(ValueError, match=r"role of .* contains no output of .*aws:iam/role:Role::web"):
        convert_to_raw_resources([ROLE, POLICY, lost])


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"inputs": {**FUNCTION.inputs, "memorySize": 1024.0}}, "inputs is"),
        ({"inputs": {**FUNCTION.inputs, "code": pulumi.AssetArchive({})}}, "inputs is"),
        ({"references": {}}, "references is"),
        ({"after": frozenset({ROLE.urn})}, "after is"),
        ({"options": {}}, "options is"),
        ({"urn": "urn:pulumi:dev::anchor-deploy::aws:lambda/function:Function::web2"}, "only in one program"),
    ],
)
def test_every_difference_between_two_programs_is_found(changed: dict[str, Any], expected: str) -> None:
    other = [ROLE, POLICY, evolve(FUNCTION, **changed)]
    found = find_differences(GRAPH, other)
    assert found
    assert all(line.startswith("aws:lambda/function:Function::web") and expected in line for line in found)


def test_classes_are_found_by_their_type_tokens() -> None:
    assert find_class("aws:lambda/function:Function") is aws.lambda_.Function
    assert find_class("aws:dynamodb/table:Table") is aws.dynamodb.Table


def test_the_monitor_distinguishes_components_from_resources() -> None:
    def define_resources() -> None:
        web = pulumi.ComponentResource("anchor:web:Web", "web")
        aws.sqs.Queue("web", name="anchor-web", opts=pulumi.ResourceOptions(parent=web))

    web, queue = record_program(define_resources, "dev", {})
    assert (web.is_custom_resource, queue.is_custom_resource) == (False, True)
    assert (
        queue.to_recorded().made["url",] == "https://sqs.ap-southeast-1.amazonaws.com/123456789012/anchor-web"
    )


def test_every_handler_is_measured() -> None:
    files = {file.stem for file in ROOT.glob("runtime/*/handlers/*.py")} - {"__init__"}
    assert {name.rpartition(".")[2] for name in find_handlers()} == files
    assert len(files) > 5


def test_the_minimum_times_and_the_maximum_calls_of_each_page_are_reported() -> None:
    slow, fast = image_lists.Cost(calls=1, cpu=9, wall=30), image_lists.Cost(calls=2, cpu=5, wall=40)
    assert image_lists.merge_walk_costs([[slow, fast], [fast, fast]]) == [
        image_lists.Cost(calls=2, cpu=5, wall=30),
        fast,
    ]


def test_each_page_of_an_image_list_takes_one_call() -> None:
    """The test lists 300 images and compares the numbers of calls. It does not compare times."""
    progress: list[str] = []
    report = image_lists.measure(progress.append, images=300, in_album=120, page=20)
    ratios = {each.name: each.value for each in report.measurements}
    assert ratios["DynamoDB calls / pages"] == 1
    assert ratios["album: DynamoDB calls for the first page / pages"] == 2
    assert ratios["album: DynamoDB calls for further pages / pages"] == 1
    assert len([name for name in ratios if "time" in name or "CPU" in name]) == 4
    assert "| 1 to 60 |" in report.tables[0][1]
    assert progress


@pytest.mark.parametrize("expected", [["2", "3", "1"], ["3", "2"], ["3", "2", "1", "0"]])
def test_a_list_in_the_wrong_order_or_with_wrong_images_raises_an_error(expected: list[str]) -> None:
    class FakeImageService:
        def list_images(self, _user: str, **_: object) -> Page[Any]:
            return Page(items=tuple(SimpleNamespace(image_id=name) for name in "321"), cursor=None)

    service: Any = FakeImageService()
    counter = image_lists.RequestCounter()
    assert len(image_lists.measure_pages(service, None, ["3", "2", "1"], page=3, counter=counter)) == 1
    with pytest.raises(ValueError, match="3 images were listed"):
        image_lists.measure_pages(service, None, expected, page=3, counter=counter)


def test_the_growth_of_times_compares_the_medians_of_the_first_and_the_last_fifth() -> None:
    assert image_lists.compute_medians_of_first_and_last_fifth([1, 9, 2, *[50] * 9, 4, 4, 99]) == (2, 4)
    assert image_lists.compute_medians_of_first_and_last_fifth([3, 5]) == (3, 5)


def test_the_error_for_an_unknown_benchmark_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["speed"]) == 1
    error = re.sub(r"\s+", " ", capsys.readouterr().err)
    assert f"unknown benchmark: speed. Known: {', '.join(BENCHMARKS)}" in error


def test_the_pynamodb_model_has_all_attributes_of_a_deployment() -> None:
    """Without this test, a missing attribute would only be found by the next run of the benchmark."""
    deployment = repositories._make_deployments()[0]
    row = repositories._to_pynamo(deployment)
    assert (row.deployment_id, row.commit_sha) == (deployment.deployment_id, deployment.commit_sha)
    assert deployment.release
    assert row.release.host == deployment.release.host


def test_previews_are_compared_by_their_medians() -> None:
    report = preview.create_report(
        {"unchanged": [9.0, 3.0, 4.0], "usual": [6.0, 6.0, 60.0], "alone": [4.0, 2.0, 1.0]}
    )
    assert [each.value for each in report.measurements] == [2.0, 1.5]
    assert [each.verdict for each in report.measurements] == ["missed", ""]
    assert "3 times" in report.method


def test_without_pulumi_the_page_says_that_the_previews_were_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(preview, "ROOT", tmp_path)
    report = preview.measure(lambda _text: None)
    assert report.measurements == ()
    machine = Machine(processor="p", cores=1, system="s", python="3", packages={}, minutes=1)
    page = " ".join(render_page([report], machine).split())
    assert "This benchmark was skipped: the machine has no Pulumi command line." in page
