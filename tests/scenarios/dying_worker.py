"""The production launcher with workers that are killed after a change of a category, before they drop the stamps."""

import os
import signal

from run_production import main
from services.cache_service import CacheService, ChangedRows


def die(_cache: CacheService, changed_rows: ChangedRows) -> None:
    if "categories" in changed_rows:
        os.kill(os.getpid(), signal.SIGKILL)


setattr(CacheService, "invalidate_from_thread", die)  # noqa: B010 # also in workers, which import this module

if __name__ == "__main__":
    main()
