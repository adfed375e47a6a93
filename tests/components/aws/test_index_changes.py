"""T4: Pulumi shows a warning before an update that changes more than one index of a deployed table."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import callback_pb2, callback_pb2_grpc, resource_pb2

from components.aws.index_changes import find_changed_indexes
from components.aws.table import TenantTable, TenantTableArgs
from components.aws.table_design import Index, Key, TableDesign
from tests.components.recorder import Recorded, Recorder, record_program
from tests.components.stages import make_scope


def make_index(name: str, projection: str = "ALL", **properties: object) -> dict[str, Any]:
    keys = [{"attributeName": "userId", "keyType": "HASH"}]
    return {"name": name, "keySchemas": keys, "projectionType": projection} | properties


def make_inputs(*indexes: Mapping[str, Any]) -> dict[str, Any]:
    return {"globalSecondaryIndexes": list(indexes)}


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ({}, {}, ()),
        (make_inputs(make_index("A")), make_inputs(make_index("A")), ()),
        (make_inputs(make_index("A"), make_index("B")), make_inputs(make_index("B"), make_index("A")), ()),
        ({}, make_inputs(make_index("A")), ("A",)),
        (make_inputs(make_index("A")), make_inputs(), ("A",)),
        (make_inputs(make_index("A")), make_inputs(make_index("A", "KEYS_ONLY")), ("A",)),
        (
            make_inputs(make_index("A"), make_index("B")),
            make_inputs(make_index("C"), make_index("B")),
            ("A", "C"),
        ),
        (make_inputs(make_index("A", __defaults=["x"], rangeKey=None)), make_inputs(make_index("A")), ()),
        (make_inputs(make_index("A", hashKey="userId")), make_inputs(make_index("A")), ()),
        (make_inputs(make_index("A", keySchemas=[], hashKey="userId")), make_inputs(make_index("A")), ()),
        (make_inputs(make_index("A", keySchemas=None, hashKey="day")), make_inputs(make_index("A")), ("A",)),
        (make_inputs(make_index("A", rangeKey="day")), make_inputs(make_index("A")), ("A",)),
    ],
)
def test_added_removed_and_recreated_indexes_count_as_changes(
    old: dict[str, Any], new: dict[str, Any], changed: tuple[str, ...]
) -> None:
    """T4: a different order of indexes is no change. The engine's markers (`__...`) are ignored."""
    assert find_changed_indexes(old, new) == changed


class Engine(Recorder):
    """A recorder that calls the hooks before it updates a table, through the SDK's callback server.

    Pulumi's engine calls hooks in the same way.
    """

    def __init__(self, deployed: Mapping[str, Any], recorded: list[Recorded]) -> None:
        super().__init__(recorded)
        self.deployed = deployed

    def GetDeploymentInfo(self, request: empty_pb2.Empty) -> resource_pb2.DeploymentInfo:  # noqa: N802 - the SDK's name
        known = super().GetDeploymentInfo(request).supportedFeatures
        return resource_pb2.DeploymentInfo(
            supportedFeatures=[*known, resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS]
        )

    def RegisterResourceHook(self, request: resource_pb2.RegisterResourceHookRequest) -> empty_pb2.Empty:  # noqa: N802 - the SDK's name
        assert request.on_dry_run, "hooks also run in a preview"
        self.hook = request
        return empty_pb2.Empty()

    def RegisterResource(  # noqa: N802 - the SDK's name
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        if request.type == "aws:dynamodb/table:Table":
            assert list(request.hooks.before_update) == [self.hook.name]
            self.update(request)
        return super().RegisterResource(request)

    def update(self, request: resource_pb2.RegisterResourceRequest) -> None:
        old = json_format.ParseDict(dict(self.deployed), struct_pb2.Struct())
        call = resource_pb2.ResourceHookRequest(
            name=request.name, type=request.type, old_inputs=old, new_inputs=request.object
        )
        invocation = callback_pb2.CallbackInvokeRequest(
            token=self.hook.callback.token, request=call.SerializeToString()
        )
        with grpc.insecure_channel(self.hook.callback.target) as channel:
            answer = callback_pb2_grpc.CallbacksStub(channel).Invoke(invocation)
        assert not resource_pb2.ResourceHookResponse.FromString(answer.response).error


def record_warnings(caplog: pytest.LogCaptureFixture, deployed: list[dict[str, Any]]) -> list[str]:
    """Return the warnings of an update of a table.

    The update replaces the table's `deployed` indexes by the indexes `Users` and `Days`.
    """
    design = TableDesign(
        partition_key=Key("id"),
        indexes=(
            Index(name="Users", partition_key=Key("userId"), purpose="rows of a user"),
            Index(name="Days", partition_key=Key("day"), purpose="rows of a day"),
        ),
        tenant="userId",
    )
    record_program(
        lambda: TenantTable("things", TenantTableArgs(scope=make_scope(), design=design)),
        monitor=partial(Engine, make_inputs(*deployed)),
    )
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def test_changing_two_indexes_of_a_deployed_table_shows_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Requirement T4."""
    (warning,) = record_warnings(caplog, [])
    assert warning.startswith("things: this update adds, removes or recreates 2 indexes (Days, Users).")
    assert "Change one index per update" in warning


def test_changing_one_index_shows_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    """Requirement T4."""
    assert record_warnings(caplog, [make_index("Users")]) == []
