"""Garbage collector settings that keep the slowest responses fast: no scan of start-up objects, higher thresholds."""

import gc

# A successful request leaves no reference cycles, an error does. With the default thresholds the collector scans all
# requests in progress again and again. With thresholds five times as high as these, memory still grew after ten
# minutes of load, because the cycles of errors stayed too long.
THRESHOLDS = (10_000, 10, 10)


def settle_garbage_collection() -> None:
    """Exclude all existing objects from further collections. Call once, after the start."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
