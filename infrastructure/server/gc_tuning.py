"""A calmer garbage collector, which leaves alone what the start has made: the slowest answers are much faster."""

import gc

# An answer leaves nothing to it, an error does. The standard thresholds have it visit all requests under way again and
# again; with five times as high ones memory still grew after ten minutes of load, by what errors had left.
THRESHOLDS = (10_000, 10, 10)


def settle_garbage_collection() -> None:
    """Leave out of all further collections what the start has made; for after the start."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
