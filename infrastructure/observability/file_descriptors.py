"""Detection of exhausted file descriptors."""

import logging
import os
from collections.abc import Callable

from infrastructure.observability.log_targets import IN_ERROR_LOG

logger = logging.getLogger(__name__)


class FileDescriptorWatch:
    """Watch that reports when this process has no free file descriptor.

    Nobody else does: libuv accepts such connections and closes them at once, without a word to the application.
    """

    def __init__(self, count: Callable[[], None]) -> None:
        """`count` is called once for each time of exhaustion."""
        self._count = count
        self._is_exhausted = False

    def check(self) -> None:
        """Try to get a file descriptor. Log the begin and the end of a time without any."""
        try:
            os.close(os.open(os.devnull, os.O_RDONLY))
        except OSError as error:
            if not self._is_exhausted:
                self._is_exhausted = True
                self._count()
                logger.warning(
                    "new connections are closed at once: %s; raise the limit (ulimit -n) or lower LIMIT_CONCURRENCY",
                    error.strerror,
                    extra=IN_ERROR_LOG,
                )
            return
        if self._is_exhausted:
            self._is_exhausted = False
            logger.info("there are free file descriptors again", extra=IN_ERROR_LOG)
