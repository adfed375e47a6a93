"""A build runner that runs one build at a time. All builds wait until a test calls `resume`."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

from attrs import define, field

from local.emulator.build_request import BuildRequest, BuildResult
from local.emulator.emulator import Emulator

RunBuild = Callable[[BuildRequest], BuildResult]
DEADLINE: Final = 60.0


def fail_build(request: BuildRequest) -> BuildResult:
    """Return the result of a build that fails at once."""
    assert request.build_id
    return BuildResult(status="FAILED", phases=())


@define(eq=False)
class HeldBuilds:
    """Builds that wait until `resume` is called. Then they run one at a time, in the order of their start.

    Attributes:
        run: Runs one build.
        started: The ids of the deployments whose builds were started in CodeBuild.
        ran: The ids of the deployments whose builds are running or have run.
    """

    run: RunBuild
    started: list[str] = field(factory=list[str], init=False)
    ran: list[str] = field(factory=list[str], init=False)
    _free: bool = field(default=True, init=False)
    _held: bool = field(default=True, init=False)
    _changed: threading.Condition = field(factory=threading.Condition, init=False)

    def __call__(self, request: BuildRequest) -> BuildResult:
        (deployment_id,) = [
            each.value for each in request.environment_variables if each.name == "ANCHOR_DEPLOYMENT_ID"
        ]
        with self._changed:
            self.started.append(deployment_id)
            self._changed.notify_all()
            self._wait(lambda: self._free and not self._held and self._is_next(deployment_id))
            self._free = False
            self.ran.append(deployment_id)
        try:
            return self.run(request)
        finally:
            with self._changed:
                self._free = True
                self._changed.notify_all()

    def wait_until_started(self, deployment_id: str) -> None:
        """Wait until the build of a deployment is started in CodeBuild."""
        with self._changed:
            self._wait(lambda: deployment_id in self.started)

    def resume(self) -> None:
        """Let the waiting builds and all later builds run."""
        with self._changed:
            self._held = False
            self._changed.notify_all()

    def _is_next(self, deployment_id: str) -> bool:
        return self.started[len(self.ran)] == deployment_id

    def _wait(self, until: Callable[[], bool]) -> None:
        assert self._changed.wait_for(until, DEADLINE), f"started: {self.started}, ran: {self.ran}"


@contextmanager
def hold_builds(emulator: Emulator, run: RunBuild | None = None) -> Generator[HeldBuilds]:
    """Replace the emulator's build runner by `HeldBuilds` until the context ends.

    Args:
        emulator: The emulator.
        run: Runs one build. By default, the build runner that the emulator had before.
    """
    builds = emulator._get_internals().builds
    former = builds.run
    assert former
    held = HeldBuilds(run or former)
    emulator.set_build_runner(held)
    try:
        yield held
    finally:
        held.resume()
        emulator.set_build_runner(former)
