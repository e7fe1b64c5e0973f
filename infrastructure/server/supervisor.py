"""Uvicorn's supervisor of worker processes, with bounds on the time to stop and to detect a dead worker."""

import logging
import time

from uvicorn.supervisors import Multiprocess

logger = logging.getLogger(__name__)

KILL_SECONDS = 5  # grace period after TIMEOUT_GRACEFUL_SHUTDOWN, before a worker is killed


class Workers(Multiprocess):
    """A parent of worker processes that replaces dead workers at once and kills workers that do not stop."""

    def keep_subprocess_alive(self) -> None:
        """Close the parent's copies of the workers' pipe ends, then check the workers.

        With its copy open, the parent sees no end of file when a worker dies during the health check, and waits for
        the reply until `timeout_worker_healthcheck`.
        """
        for worker in self.processes:
            worker.child_conn.close()
        super().keep_subprocess_alive()

    def join_all(self) -> None:
        """Wait for all workers, and kill those that are late."""
        deadline = time.monotonic() + (self.config.timeout_graceful_shutdown or 0) + KILL_SECONDS
        for worker in self.processes:
            worker.process.join(max(0, deadline - time.monotonic()))
            if worker.process.is_alive():
                logger.error("worker %s did not stop in time and is killed", worker.pid)
                worker.process.kill()
        super().join_all()
