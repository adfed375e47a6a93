"""Threads that run in a given order, so that tests can run every interleaving of several writers."""

import threading
from collections.abc import Callable, Iterable, Iterator

from attrs import Factory, define


class StoppedError(BaseException):
    """A thread was stopped at its turn. The code under test must not catch this error."""


@define
class _Player:
    name: str
    may_go: threading.Semaphore = Factory(lambda: threading.Semaphore(0))
    dies: bool = False
    error: BaseException | None = None


@define(slots=False)
class Turns:
    """Runs functions in threads, one at a time. At each call of `take`, another thread may run."""

    _players: dict[int, _Player] = Factory(dict)
    _moved: threading.Semaphore = Factory(lambda: threading.Semaphore(0))

    def take(self) -> None:
        """Wait for the thread's turn. A function calls this before each action that others can see."""
        player = self._players[threading.get_ident()]
        self._moved.release()
        player.may_go.acquire()
        if player.dies:
            raise StoppedError

    def play(
        self,
        functions: Iterable[Callable[[], object]],
        order: Iterator[int],
        deaths: Iterable[tuple[int, int]] = (),
    ) -> None:
        """Run the functions until all have returned.

        Args:
            functions: Each function calls `take` before every action that the others can see.
            order: Number of the thread that runs next, modulo the number of unfinished threads.
            deaths: Pairs of a function's number and the turn at which it crashes.
        """
        going: list[_Player] = []
        dying = dict(deaths)
        turns: dict[str, int] = {}
        for number, function in enumerate(functions):
            player = _Player(str(number))
            thread = threading.Thread(target=self._run, args=(player, function), daemon=True)
            thread.start()
            self._moved.acquire()
            going.append(player)
        while going:
            player = going[next(order) % len(going)]
            turns[player.name] = turns.get(player.name, 0) + 1
            player.dies = dying.get(int(player.name)) == turns[player.name]
            player.may_go.release()
            self._moved.acquire()
            if player.error is not None or player.name in self._done:
                going.remove(player)
                if player.error is not None and not isinstance(player.error, StoppedError):
                    raise player.error

    def __attrs_post_init__(self) -> None:
        self._done: set[str] = set()

    def _run(self, player: _Player, function: Callable[[], object]) -> None:
        self._players[threading.get_ident()] = player
        try:
            self.take()
            function()
        except BaseException as error:  # noqa: BLE001 - `play` raises it again
            player.error = error
        self._done.add(player.name)
        self._moved.release()
