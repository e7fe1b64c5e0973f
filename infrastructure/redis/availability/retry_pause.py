"""The growing pause between two attempts to connect to Redis."""

import asyncio
import random
from contextlib import suppress

MIN_SECONDS, MAX_SECONDS = 0.05, 1.0
REFUSED_SECONDS = 5.0  # after an error that only a repair ends


class RetryPause:
    """A pause of random length, so that workers do not retry in step. It doubles until `reset`."""

    def __init__(self) -> None:
        self.seconds = MIN_SECONDS
        self._is_cut_short = asyncio.Event()

    def reset(self) -> None:
        self.seconds = MIN_SECONDS

    def begin_attempt(self) -> None:
        """Note that an attempt begins: an earlier `cut_short` does not count for the pause after it."""
        self._is_cut_short.clear()

    def cut_short(self) -> None:
        """End the current pause, or leave out the one after the current attempt."""
        self._is_cut_short.set()

    async def wait(self) -> None:
        length = self.seconds * random.uniform(0.5, 1)  # noqa: S311 # no secret
        self.seconds = min(2 * self.seconds, MAX_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(length):
                await self._is_cut_short.wait()
