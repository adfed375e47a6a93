"""Runs a Pulumi program in this process. The Pulumi CLI uses a separate process, the language host."""

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

# Number of threads that create resources. They mostly wait for the emulator, so a few are enough.
THREAD_COUNT = 8


def run_main(root: Path) -> None:
    """Run `__main__.py` of the folder. The program can import the packages of the folder."""
    with _import_from(root):
        runpy.run_path(str(root / "__main__.py"), run_name="__main__")


@contextmanager
def _import_from(root: Path) -> Generator[None]:
    """Import packages from the folder until the context ends.

    If packages with the same names were imported from another checkout, they are replaced during this time.
    """
    packages = {file.parent.name for file in root.glob("*/__init__.py")}

    def is_from_another_root(name: str) -> bool:
        file = getattr(sys.modules[name], "__file__", None)
        return name.partition(".")[0] in packages and not Path(file or root).is_relative_to(root)

    others = {name: sys.modules[name] for name in list(sys.modules) if is_from_another_root(name)}
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
    """Run a program until all its resources are created, and raise the first failure.

    The SDK uses an event loop and context variables. Each run has its own, in a thread that ends with the
    run, so that several programs can run one after another. Programs can disable garbage collection,
    because their process usually ends with them. Therefore this function enables it at the end.
    """
    failures: list[BaseException] = []

    def run() -> None:
        try:
            contextvars.Context().run(_run_in_stack, program, monitor, project, stack, config)
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            failures.append(error)

    # A daemon thread, so that this process can end after Ctrl-C while the program still runs.
    thread = threading.Thread(target=run, name="program", daemon=True)
    thread.start()
    try:
        thread.join()
    finally:
        gc.enable()
    if failures:
        raise failures[0]


def _run_in_stack(
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
    # Pass all values except strings to the program as JSON, as the CLI does.
    pulumi.runtime.set_all_config(
        {name: value if isinstance(value, str) else json.dumps(value) for name, value in config.items()}
    )

    def run() -> None:
        program()

    with _create_event_loop() as loop:
        loop.run_until_complete(stack.run_in_stack(run))


@contextmanager
def _create_event_loop() -> Generator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    # `run_program` raises the first failure. Without this handler, the loop would also log every future that
    # failed because of the first failure.
    loop.set_exception_handler(lambda _loop, _context: None)
    loop.set_default_executor(ThreadPoolExecutor(max_workers=THREAD_COUNT, thread_name_prefix="resource"))
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
