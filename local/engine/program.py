"""Runs a Pulumi program in this process, as the language host of the Pulumi CLI does in its own."""

import asyncio
import contextvars
import gc
import json
import runpy
import sys
import threading
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pulumi
from pulumi.runtime import settings, stack

from local.engine.monitor import Monitor

# Resources are made in these threads, which mostly wait for the emulator: a few at a time are enough.
THREADS = 8


def run_main(root: Path) -> None:
    """The program in the folder, with what lies beside it importable."""
    with _importable(root):
        runpy.run_path(str(root / "__main__.py"), run_name="__main__")


@contextmanager
def _importable(root: Path) -> Generator[None]:
    """Import the packages in the folder from there, whatever another checkout's of the same name are."""
    packages = {file.parent.name for file in root.glob("*/__init__.py")}

    def is_of_another_root(name: str) -> bool:
        file = getattr(sys.modules[name], "__file__", None)
        return name.partition(".")[0] in packages and not Path(file or root).is_relative_to(root)

    others = {name: sys.modules[name] for name in list(sys.modules) if is_of_another_root(name)}
    for name in others:
        del sys.modules[name]
    sys.path.insert(0, str(root))
    try:
        yield
    finally:
        sys.path.remove(str(root))
        if others:
            for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
                del sys.modules[name]
            sys.modules.update(others)


def run_program(
    program: Callable[[], object],
    monitor: Monitor,
    *,
    project: str,
    stack: str,
    config: Mapping[str, object],
) -> None:
    """Run a program against a monitor until all it registered is made; raises what failed first.

    The SDK turns an event loop of its own and keeps its settings in context variables: both live in a thread
    that is gone afterwards, so that programs can be run one after the other. A program may leave the
    collection of garbage turned off, as if its process ended with it; this one goes on.
    """
    failures: list[BaseException] = []

    def run() -> None:
        try:
            contextvars.Context().run(_run, program, monitor, project, stack, config)
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            failures.append(error)

    thread = threading.Thread(target=run, name="program", daemon=True)  # Ctrl-C does not wait for it
    thread.start()
    try:
        thread.join()
    finally:
        gc.enable()
    if failures:
        raise failures[0]


def _run(
    program: Callable[[], object],
    monitor: Monitor,
    project: str,
    stack_name: str,
    config: Mapping[str, object],
) -> None:
    settings.configure(
        settings.Settings(
            project=project,
            stack=stack_name,
            organization="organization",
            monitor=monitor,
            engine=monitor,
            dry_run=False,
        )
    )
    # Objects and lists are JSON to the program, as the CLI hands them over.
    pulumi.runtime.set_all_config(
        {name: value if isinstance(value, str) else json.dumps(value) for name, value in config.items()}
    )

    def run() -> None:
        program()

    with _event_loop() as loop:
        loop.run_until_complete(stack.run_in_stack(run))


@contextmanager
def _event_loop() -> Generator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    # A failure is raised once; the loop would report every future that shares it as well.
    loop.set_exception_handler(lambda _loop, _context: None)
    loop.set_default_executor(ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="resource"))
    asyncio.set_event_loop(loop)
    try:
        yield loop
    finally:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_default_executor())
        asyncio.set_event_loop(None)
        loop.close()
