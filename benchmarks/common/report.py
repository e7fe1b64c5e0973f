"""Results as a stranger reads them: a Markdown table, the raw figures as JSON, a picture."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import matplotlib as mpl

from benchmarks.common.rounds import Row

mpl.use("Agg")

import matplotlib.pyplot as plt

RESULTS = Path(__file__).parent.parent / "results"
OURS, OTHERS = "#1f6feb", "#9aa4b2"


def write(name: str, title: str, rows: Sequence[Row], base: str, told: Mapping[str, str], remarks: str = "") -> None:
    """`results/<name>.md`, `.json` and `.png`; the table is printed too."""
    sections = "\n\n".join(f"## {operation}\n\n{_table(of, base)}" for operation, of in by_operation(rows).items())
    save(name, f"# {title}\n\n{remarks.strip()}\n\n{sections}\n\n{facts(told)}", {**told, "rows": _raw(rows)})
    _plot(RESULTS / f"{name}.png", title, rows, base)
    print(f"\n{sections}\n\nwritten to benchmarks/results/{name}.md, .json and .png")


def save(name: str, text: str, figures: Any) -> None:
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text.strip() + "\n", encoding="utf-8")
    (RESULTS / f"{name}.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def table(header: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    """The first column is text, the others are figures."""
    marks = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in (header, marks, *lines))


def facts(told: Mapping[str, str]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in told.items())


def by_operation(rows: Sequence[Row]) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row.case.operation, []).append(row)
    return grouped


def _table(rows: Sequence[Row], base: str) -> str:
    header = ("variant", "requests/s", f"× {base}", "(lowest–highest)", "p50 ms", "p99 ms", "MB a worker", "errors")
    return table(header, [_line(row) for row in rows])


def _line(row: Row) -> tuple[object, ...]:
    low, high = row.ratios[0], row.ratios[-1]
    times = f"{row.p50_ms:.1f}", f"{row.p99_ms:.1f}"
    return row.case.variant, f"{row.rate:,.0f}", f"{row.ratio:.2f}", f"{low:.2f}–{high:.2f}", *times, *_costs(row)


def _costs(row: Row) -> tuple[str, int]:
    return f"{row.megabytes:.0f}", row.errors


def _raw(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [
        {
            "operation": row.case.operation,
            "variant": row.case.variant,
            "ratio": round(row.ratio, 4),
            "megabytes_a_worker": round(row.megabytes, 1),
            "samples": [asdict(sample) for sample in row.samples],
            "notes": [note for note in row.notes if note is not None],
        }
        for row in rows
    ]


def _plot(file: Path, title: str, rows: Sequence[Row], base: str) -> None:
    groups = by_operation(rows)
    height = sum(len(of) for of in groups.values()) * 0.32 + len(groups) * 0.8 + 0.6
    heights = [len(of) + 1.5 for of in groups.values()]
    figure, axes = plt.subplots(len(groups), 1, figsize=(9, height), squeeze=False, height_ratios=heights)
    for axis, (operation, of) in zip(axes[:, 0], groups.items(), strict=True):
        names = [row.case.variant for row in of]
        colours = [OURS if name.startswith("ours") else OTHERS for name in names]
        bars = axis.barh(names, [row.rate for row in of], color=colours)
        axis.bar_label(bars, [f"{row.rate:,.0f}  (× {row.ratio:.2f})" for row in of], padding=4, fontsize=8)
        axis.set_title(f"{operation}: requests/s (× {base})", fontsize=9, loc="left")
        axis.invert_yaxis()
        axis.margins(x=0.22)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=11)
    figure.tight_layout()
    figure.savefig(file, dpi=130)
    plt.close(figure)
