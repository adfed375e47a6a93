"""Threads that run in a given order, so that tests can run every interleaving of several writers."""

import threading
from collections.abc import Callable, Iterable, Iterator

from attrs import Factory, define


class StoppedError(BaseException):
    """A simulated crash of a thread at one of its steps. The code under test must not catch this error."""


@define
class _Thread:
    name: str
    may_continue: threading.Semaphore = Factory(lambda: threading.Semaphore(0))
    must_crash: bool = False
    error: BaseException | None = None


@define(slots=False)
class Interleaver:
    """Runs functions in threads, one at a time. At each call of `wait`, another thread may continue.

    A step of a thread is the code between two calls of `wait`.
    """

    _threads: dict[int, _Thread] = Factory(dict)
    _stopped: threading.Semaphore = Factory(lambda: threading.Semaphore(0))

    def wait(self) -> None:
        """Wait until the calling thread may continue.

        A function calls this before each action that other threads can see.
        """
        thread = self._threads[threading.get_ident()]
        self._stopped.release()
        thread.may_continue.acquire()
        if thread.must_crash:
            raise StoppedError

    def run(
        self,
        functions: Iterable[Callable[[], object]],
        order: Iterator[int],
        crashes: Iterable[tuple[int, int]] = (),
    ) -> None:
        """Run the functions until each one has returned or crashed.

        Args:
            functions: Each function calls `wait` before every action that the others can see.
            order: For each step, the index of its thread, modulo the number of unfinished threads.
            crashes: Pairs of a function's number, counted from 0, and a step's number, counted from 1. The
                function crashes at the beginning of this step.
        """
        unfinished: list[_Thread] = []
        crashing = dict(crashes)
        steps: dict[str, int] = {}
        for number, function in enumerate(functions):
            thread = _Thread(str(number))
            threading.Thread(target=self._run, args=(thread, function), daemon=True).start()
            self._stopped.acquire()
            unfinished.append(thread)
        while unfinished:
            thread = unfinished[next(order) % len(unfinished)]
            steps[thread.name] = steps.get(thread.name, 0) + 1
            thread.must_crash = crashing.get(int(thread.name)) == steps[thread.name]
            thread.may_continue.release()
            self._stopped.acquire()
            if thread.error is not None or thread.name in self._done:
                unfinished.remove(thread)
                if thread.error is not None and not isinstance(thread.error, StoppedError):
                    raise thread.error

    def __attrs_post_init__(self) -> None:
        self._done: set[str] = set()

    def _run(self, thread: _Thread, function: Callable[[], object]) -> None:
        self._threads[threading.get_ident()] = thread
        try:
            self.wait()
            function()
        except BaseException as error:  # noqa: BLE001 - `run` raises it again
            thread.error = error
        self._done.add(thread.name)
        self._stopped.release()
