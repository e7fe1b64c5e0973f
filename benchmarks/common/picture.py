"""Style of all pictures: readable at half size, in colours that colour-blind readers tell apart."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# The palette of Okabe and Ito (2008), without its yellow, which is too light on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
OURS, OTHERS = COLOURS[0], "#9aa4b2"
WIDTH = 10  # inches

mpl.rcParams.update(
    {
        "font.size": 14,
        "axes.prop_cycle": cycler(color=COLOURS),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.alpha": 0.25,
    }
)


class Bar(NamedTuple):
    """Values of the rounds, of which the bar shows the median and the whisker the lowest and the highest."""

    name: str
    values: Sequence[float]
    note: str = ""


def new(rows: int, height: float, **arguments: Any) -> tuple[Figure, Any]:
    return plt.subplots(rows, 1, figsize=(WIDTH, height), squeeze=False, layout="constrained", **arguments)


def legend_beside(axis: Axes) -> None:
    axis.legend(loc="upper left", bbox_to_anchor=(1.01, 1.02), frameon=False, fontsize=12)


def draw_bars(axis: Axes, bars: Sequence[Bar], label: str) -> None:
    middles = [median(bar.values) for bar in bars]
    below = [middle - min(bar.values) for bar, middle in zip(bars, middles, strict=True)]
    above = [max(bar.values) - middle for bar, middle in zip(bars, middles, strict=True)]
    names = [bar.name for bar in bars]
    colours = [OURS if name.startswith("ours") else OTHERS for name in names]
    axis.barh(names, middles, color=colours, xerr=(below, above), ecolor="#24292f", capsize=3)
    for place, (bar, middle) in enumerate(zip(bars, middles, strict=True)):
        text = f"  {middle:.2f}{bar.note}" if middle >= 0.1 else f"  {middle:.3f}{bar.note}"
        axis.text(max(bar.values), place, text, va="center", fontsize=12)
    axis.set_xlabel(label)
    axis.set_xlim(0, 1.3 * max(map(max, (bar.values for bar in bars))))
    axis.invert_yaxis()
    axis.grid(visible=False, axis="y")


def save(picture: Figure, title: str, file: Path) -> None:
    picture.suptitle(title, fontsize=16)
    picture.savefig(file, dpi=110)
    plt.close(picture)
