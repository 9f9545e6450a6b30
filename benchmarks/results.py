"""Write docs/results.md from the stored runs: nothing is trained.

    python benchmarks/results.py [--check]

The template benchmarks/results.md has placeholders in square brackets, each in a line of its own or in
a sentence or table:

    [table SET SPLIT: ROW, ROW, ...]           tables of `compare`; the first row is the reference
    [change SET SPLIT: ROW - ROW: METRIC]      mean change with its 95 % interval
    [value SET SPLIT: ROW: METRIC]             mean and standard deviation over runs
    [rates SET]                                validation accuracy with each factor of the rates

Rows are compared on the splits and seeds that all of them have. A row without runs is named as missing.
"""

from __future__ import annotations

import argparse
import csv
import re
from functools import cache
from pathlib import Path

from rates import RATES
from stored_runs import RUNS, StoredRun, stored_runs

from mineral_recog.comparison.comparison_files import markdown
from mineral_recog.comparison.comparison_rows import COLUMNS, change_cell, metric_cells
from mineral_recog.comparison.summary import Comparison, Trial, compare

TEMPLATE = Path(__file__).with_name("results.md")
PAGE = Path(__file__).parents[1] / "docs" / "results.md"
MISSING = "not run yet"
COLUMN_OF = {column.key: column for column in COLUMNS}


def build_page(template: str, runs: Path = RUNS) -> str:
    """Return the page: the template with every placeholder filled in."""

    def fill(match: re.Match[str]) -> str:
        kind, set_name, split, rest = match.groups()
        parts = [part.strip() for part in (rest or "").split(":")]
        match kind:
            case "table":
                return table(set_name, split, tuple(re.split(r",\s*", parts[0])), runs)
            case "change":
                row, reference = parts[0].split(" - ")
                return change(set_name, split, row, reference, parts[1], runs)
            case "value":
                return value(set_name, split, parts[0], parts[1], runs)
            case _:
                return rates_table(set_name)

    return re.sub(r"\[(table|change|value|rates) (\w+)(?: (\w+): ([^\]]+))?\]", fill, template)


def table(set_name: str, split: str, rows: tuple[str, ...], runs: Path) -> str:
    """Return the tables of a comparison, and the rows that have no runs."""
    comparison, missing = comparison_of(set_name, split, rows, runs)
    note = f"\nNot run yet: {', '.join(missing)}.\n" if missing else ""
    return (markdown(comparison).strip() if comparison else MISSING + ".") + note


def change(set_name: str, split: str, row: str, reference: str, metric: str, runs: Path) -> str:
    """Return the change of a metric from a reference row to a row, with its 95 % interval."""
    comparison, missing = comparison_of(set_name, split, (reference, row), runs)
    if comparison is None or missing:
        return MISSING
    cell = change_cell(comparison.scores[1], COLUMN_OF[metric])
    return f"{cell.change} ({cell.low} to {cell.high})"


def value(set_name: str, split: str, row: str, metric: str, runs: Path) -> str:
    """Return the mean and the standard deviation of a metric over the runs of a row."""
    comparison, _ = comparison_of(set_name, split, (row,), runs)
    return MISSING if comparison is None else metric_cells(comparison, COLUMN_OF[metric])[0].text


@cache
def comparison_of(
    set_name: str, split: str, rows: tuple[str, ...], runs: Path
) -> tuple[Comparison | None, list[str]]:
    """Compare rows on the splits and seeds that all of them have; also return those without runs."""
    stored = stored_runs(set_name, runs)
    by_row = {row: _by_key(stored.get(row, []), split) for row in rows}
    present = [row for row in rows if by_row[row]]
    missing = [row for row in rows if not by_row[row]]
    if not present:
        return None, missing
    common = set.intersection(*(set(by_row[row]) for row in present))
    trials = [trial_of(by_row[row][key], split) for row in present for key in sorted(common)]
    command = f"python benchmarks/train_results.py {set_name} OUT PHOTOS --rows {','.join(present)}"
    return (compare(trials, command, split) if trials else None), missing


def _by_key(found: list[StoredRun], split: str) -> dict[tuple[str, int], StoredRun]:
    return {run.key: run for run in found if run.has(split)}


@cache
def trial_of(run: StoredRun, split: str) -> Trial:
    """Read a trial once, since several tables show it."""
    return run.trial(split)


def rates_table(set_name: str) -> str:
    """Return the validation accuracies of all recipes and factors of the learning rates."""
    tried: dict[str, dict[str, float]] = {}
    if RATES.exists():
        with RATES.open(encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file):
                if line["set"] == set_name:
                    of_recipe = tried.setdefault(line["recipe"], {})
                    of_recipe[line["lr_scale"]] = 100 * float(line["val_mean_accuracy"])
    if not tried:
        return MISSING + "."
    factors = list(next(iter(tried.values())))
    lines = [f"| recipe | {' | '.join(factors)} |", f"|---{'|---' * len(factors)}|"]
    for recipe, accuracies in tried.items():
        best = max(accuracies.values())
        cells = [f"**{a:.1f}**" if a == best else f"{a:.1f}" for a in accuracies.values()]
        lines.append(f"| {recipe} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="fail if the page is out of date")
    page = build_page(TEMPLATE.read_text("utf-8"))
    if parser.parse_args().check:
        raise SystemExit(0 if PAGE.read_text("utf-8") == page else f"{PAGE} is out of date")
    PAGE.write_text(page, "utf-8")
