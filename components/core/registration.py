"""How the program ends: with every registration on its way before the SDK begins to wait for them."""

import asyncio


async def begun() -> None:
    """Let every registration begin that the program asked for: the last line is `pulumi.run(begun)`.

    At the end of a program the SDK first waits for the registrations that have begun, each once, and then for
    the outputs that are still open, of which it looks at all again whenever one is known. Without this,
    nothing has begun by then, so that it waits for all outputs in the second way: that takes half of the
    program's time, and more for each resource the more there are (pulumi 3.272, `wait_for_rpcs`).
    """
    await asyncio.sleep(0)
