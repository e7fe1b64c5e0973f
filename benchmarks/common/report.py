"""Results of a benchmark for readers: a Markdown table, the raw figures as JSON, a picture."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.common import picture
from benchmarks.common.rounds import Row, find

RESULTS = Path(__file__).parent.parent / "results"


class Target(NamedTuple):
    """A goal: `measured` is at least `bound`, or with `at_most` no more than `bound`."""

    claim: str
    measured: float
    bound: float
    at_most: bool = False

    @property
    def is_met(self) -> bool:
        return self.measured <= self.bound if self.at_most else self.measured >= self.bound


def write(
    name: str,
    title: str,
    rows: Sequence[Row],
    bases: Sequence[str],
    told: Mapping[str, str],
    remarks: str = "",
    targets: Sequence[Target] = (),
) -> None:
    """Write `results/<name>.md`, `.json` and `.png`, and print the tables. The picture uses the first of `bases`."""
    tables = [f"## {operation}\n\n{_table(of, bases)}" for operation, of in by_operation(rows).items()]
    if targets:
        tables.append(f"## Targets\n\n{targets_table(targets)}")
    text = "\n\n".join(tables)
    save(name, f"# {title}\n\n{remarks.strip()}\n\n{text}\n\n{facts(told)}", {**told, "rows": raw(rows)})
    _plot(RESULTS / f"{name}.png", title, rows, bases[0])
    print(f"\n{text}\n\nwritten to benchmarks/results/{name}.md, .json and .png")


def save(name: str, text: str, figures: Any) -> None:
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text.strip() + "\n", encoding="utf-8")
    (RESULTS / f"{name}.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def table(header: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table; the first column is text, the others are figures."""
    marks = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in (header, marks, *lines))


def targets_table(targets: Sequence[Target]) -> str:
    lines = [
        (target.claim, figure(target.measured), ("<= " if target.at_most else ">= ") + f"{target.bound:g}", met)
        for target in targets
        for met in ["yes" if target.is_met else "no"]
    ]
    return table(("what", "measured", "target", "met"), lines)


def facts(told: Mapping[str, str]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in told.items())


def figure(value: float) -> str:
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def by_operation(rows: Sequence[Row]) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row.case.operation, []).append(row)
    return grouped


def _table(rows: Sequence[Row], bases: Sequence[str]) -> str:
    others = [find(rows, rows[0].case.operation, base) for base in bases]
    header = ("variant", "requests/s", *(f"x {base}" for base in bases), "p50 ms", "p99 ms", "MB a worker", "errors")
    return table(header, [_line(row, others) for row in rows])


def _line(row: Row, others: Sequence[Row]) -> tuple[object, ...]:
    """Return the cells of a row. Each ratio is the median over the rounds, with the lowest and the highest."""
    ratios = [_ratio(row, base) for base in others]
    times = f"{row.p50_ms:.1f}", f"{row.p99_ms:.1f}"
    return row.case.variant, f"{row.rate:,.0f}", *ratios, *times, f"{row.megabytes:.0f}", row.errors


def _ratio(row: Row, base: Row) -> str:
    if row is base:
        return "1"
    ratios = row.ratios(base)
    return f"{figure(row.ratio(base))} ({figure(ratios[0])}-{figure(ratios[-1])})"


def raw(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [
        {
            "operation": row.case.operation,
            "variant": row.case.variant,
            "path": row.case.path,
            "megabytes_a_worker": round(row.megabytes, 1),
            "samples": [asdict(sample) for sample in row.samples],
            "notes": [note for note in row.notes if note is not None],
        }
        for row in rows
    ]


def _plot(file: Path, title: str, rows: Sequence[Row], base: str) -> None:
    groups = by_operation(rows)
    heights = [len(of) + 2 for of in groups.values()]
    drawn, axes = picture.new(len(groups), sum(heights) * 0.42 + 0.6, height_ratios=heights)
    for axis, (operation, of) in zip(axes[:, 0], groups.items(), strict=True):
        other = find(of, operation, base)
        bars = [picture.Bar(row.case.variant, row.ratios(other), f"  ({row.rate:,.0f}/s)") for row in of]
        picture.draw_bars(axis, bars, f"requests/s relative to {base}")
        axis.set_title(operation, loc="left")
    picture.save(drawn, f"{title}: median and range of {len(rows[0].samples)} rounds", file)
