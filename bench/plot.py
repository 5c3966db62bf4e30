"""The plots of docs/performance.md."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import matplotlib as mpl
from matplotlib.figure import Figure


class Row(Protocol):
    """What is drawn of a row of bench/growth.py."""

    @property
    def entries(self) -> int: ...
    @property
    def workers(self) -> int: ...
    @property
    def reads_per_second(self) -> float: ...
    @property
    def load_seconds(self) -> float | None: ...


def plot_growth(rows: Sequence[Row], file: Path) -> None:
    """Reads a second, a line for each number of workers, and seconds to load over the size of the list; an SVG file."""
    mpl.rcParams["svg.hashsalt"] = "platestream"  # the same figures give the same file
    figure = Figure(figsize=(8, 3), layout="constrained")
    rate, load = figure.subplots(1, 2)
    for workers in sorted({row.workers for row in rows}):
        some = [row for row in rows if row.workers == workers]
        sizes, label = [row.entries for row in some], f"{workers} worker{'s' * (workers > 1)}"
        rate.plot(sizes, [row.reads_per_second / 1e6 for row in some], marker="o", label=label)
    loaded = [(row.entries, row.load_seconds) for row in rows if row.load_seconds is not None]
    load.plot([size for size, _ in loaded], [seconds for _, seconds in loaded], marker="o")
    rate.legend()
    rate.set_ylabel("million reads a second")
    load.set_ylabel("seconds to load the list")
    for axes in (rate, load):
        axes.set_xscale("log")
        axes.set_xlabel("entries on the list")
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    figure.savefig(file, format="svg", metadata={"Date": None})
