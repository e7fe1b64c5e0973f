"""Imported once, by the process that all workers are copied from: a copy starts sooner and shares the memory.

That process ends after the parent and all workers. A signal for the whole group must not end it sooner, because the
parent then takes the workers for dead.
"""

import gc
import importlib
import os
import signal
from contextlib import suppress

for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL))

# A worker that imports a broken module itself reports the error, and the parent handles its death.
with suppress(Exception):
    importlib.import_module("main")
# The collector of a worker would write to each object, and so copy the shared memory.
gc.collect()
gc.freeze()
