"""The plots of docs/performance.md and docs/performance-storage.md."""

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


class StorageRow(Protocol):
    """What is drawn of a row of bench/storage_growth.py."""

    @property
    def reads(self) -> int: ...
    @property
    def insert_cpu_seconds_per_million(self) -> float: ...
    @property
    def search_p50_ms(self) -> float: ...
    @property
    def search_p95_ms(self) -> float: ...
    @property
    def bytes_a_read(self) -> float: ...


def plot_storage_growth(rows: Sequence[StorageRow], file: Path) -> None:
    """Cost of an insert, of a search, and disk, over the number of stored reads; an SVG file."""
    mpl.rcParams["svg.hashsalt"] = "platestream"
    figure = Figure(figsize=(10, 3), layout="constrained")
    insert, search, disk = figure.subplots(1, 3)
    sizes = [row.reads / 1e6 for row in rows]
    insert.plot(sizes, [row.insert_cpu_seconds_per_million for row in rows], marker="o")
    search.plot(sizes, [row.search_p50_ms for row in rows], marker="o", label="median")
    search.plot(sizes, [row.search_p95_ms for row in rows], marker="o", label="95 of 100")
    search.legend()
    disk.plot(sizes, [row.reads * row.bytes_a_read / 1e9 for row in rows], marker="o")
    labels = ("insert: CPU seconds a million reads", "search by plate: milliseconds", "disk: GB")
    for axes, label in zip((insert, search, disk), labels, strict=True):
        axes.set_xlabel("million reads stored")
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    figure.savefig(file, format="svg", metadata={"Date": None})


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
