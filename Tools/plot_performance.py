"""Draws docs/performance.svg (or .png) from the table of measurements in docs/performance.json.

usage: plot_performance.py [TABLE.json|TABLE.csv] [OUT.svg|OUT.png]

The table has one entry a bar: {"row": "decode, 8 sequences", "system": "PyTorch f32", "tokens_per_second": 140}. Rows and
systems are drawn in the order in which the table first names them. A system whose name begins with "limit" is no program
but what the machine allows: it becomes a line. A system whose name begins with "GPT-2 Service" is drawn in colour.
"""

import csv
import json
import math
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

OURS = "GPT-2 Service"
LIMIT = "limit"
COLOURS = {"ours": "#d9480f", "other": "#868e96", "limit": "#343a40"}


def read(path):
    """The entries as (row, system, tokens a second)."""
    with open(path, newline="", encoding="utf-8") as file:
        entries = list(csv.DictReader(file)) if path.suffix == ".csv" else json.load(file)
    table = []
    for number, entry in enumerate(entries, 1):
        try:
            rate = float(entry["tokens_per_second"])
            row, system = str(entry["row"]), str(entry["system"])
        except (KeyError, TypeError, ValueError) as error:
            sys.exit(f"{path}: entry {number} needs row, system and a number as tokens_per_second ({error!r})")
        if not math.isfinite(rate) or rate < 0:
            sys.exit(f"{path}: entry {number} has {rate} tokens a second")
        table.append((row, system, rate))
    if not table:
        sys.exit(f"{path}: the table is empty")
    return table


def draw_row(axes, title, bars):
    """One group of bars, with the limit as a line across them."""
    limits = [rate for system, rate in bars if system.startswith(LIMIT)]
    bars = [(system, rate) for system, rate in bars if not system.startswith(LIMIT)]
    positions = range(len(bars))
    colours = [COLOURS["ours" if system.startswith(OURS) else "other"] for system, _ in bars]
    axes.barh(positions, [rate for _, rate in bars], color=colours)
    widest = max([rate for _, rate in bars] + limits + [1e-9])
    for position, (_, rate) in enumerate(bars):
        # Inside of a long bar, where no line of a limit crosses it.
        inside = rate > widest / 4
        axes.annotate(
            f"{rate:,.0f}", (rate, position), (-4 if inside else 4, 0), textcoords="offset points", fontsize=8,
            va="center", ha="right" if inside else "left", color="white" if inside else "black",
        )
    axes.set_yticks(positions, [system for system, _ in bars], fontsize=8)
    axes.invert_yaxis()
    for limit in limits:
        axes.axvline(limit, color=COLOURS["limit"], linestyle="--", linewidth=1)
        axes.text(limit, -0.6, f" limit {limit:,.0f}", fontsize=7, color=COLOURS["limit"], ha="right", va="bottom")
    axes.set_xlim(0, 1.1 * widest)
    axes.set_title(title, fontsize=10, loc="left", pad=14)
    axes.tick_params(axis="x", labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)


def draw(table, path):
    rows = list(dict.fromkeys(row for row, _, _ in table))
    columns = min(2, len(rows))
    lines = math.ceil(len(rows) / columns)
    most = max(sum(1 for row, _, _ in table if row == name) for name in rows)
    figure, axes = plt.subplots(lines, columns, figsize=(5.6 * columns, (0.9 + 0.26 * most) * lines), squeeze=False)
    for axis, name in zip(axes.flat, rows):
        draw_row(axis, name, [(system, rate) for row, system, rate in table if row == name])
    for axis in axes.flat[len(rows) :]:
        axis.remove()
    figure.supxlabel("tokens a second", fontsize=9)
    figure.tight_layout()
    # Without the time of drawing, and with ids that stay the same: a picture changes only where its figures do.
    metadata = {"Date": None} if path.suffix == ".svg" else {}
    figure.savefig(path, dpi=150, metadata=metadata)


def main():
    docs = Path(__file__).resolve().parent.parent / "docs"
    if len(sys.argv) > 3 or any(argument.startswith("-") for argument in sys.argv[1:]):
        sys.exit(__doc__)
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else docs / "performance.json"
    target = Path(sys.argv[2]) if len(sys.argv) > 2 else docs / "performance.svg"
    if target.suffix not in (".svg", ".png"):
        sys.exit(f"{target} can't be drawn; allowed are names that end with .svg or .png")
    plt.rcParams["svg.hashsalt"] = "performance"
    plt.rcParams["svg.fonttype"] = "none"
    draw(read(source), target)


if __name__ == "__main__":
    main()
