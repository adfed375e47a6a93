"""Changed answers of AWS, for states that the emulator cannot produce."""

from collections.abc import Callable, Iterator
from typing import Any

from attrs import evolve

from first_account.model import Stage


def replace_answers(stage: Stage, service: str, operation: str, change: Callable[[Any], Any]) -> Stage:
    """Return a copy of the stage in which `change` is applied to each answer of one operation."""

    def get_client(name: str, region: str) -> Any:  # noqa: ANN401
        client = stage.get_client(name, region)
        if name != service:
            return client

        class Changed:
            def _get_paginator(self, name: str) -> Any:  # noqa: ANN401
                paginator = client.get_paginator(name)
                return ChangedPages(paginator) if name == operation else paginator

            def __getattr__(self, attribute: str) -> Any:  # noqa: ANN401
                if attribute == "get_paginator":
                    return self._get_paginator
                found = getattr(client, attribute)
                if attribute != operation:
                    return found
                return lambda **arguments: change(found(**arguments))

        class ChangedPages:
            def __init__(self, paginator: Any) -> None:  # noqa: ANN401
                self._paginator = paginator

            def paginate(self, **arguments: object) -> Iterator[Any]:
                return (change(page) for page in self._paginator.paginate(**arguments))

        return Changed()

    return evolve(stage, get_client=get_client)
