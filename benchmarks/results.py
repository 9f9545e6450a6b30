"""Write the pages with figures from the stored runs: nothing is trained.

    python benchmarks/results.py [--check]

PAGES has the pages and their templates in benchmarks/; in the READMEs only the part between two
comments is written. The templates have placeholders in square brackets:

    [table SET SPLIT: ROW, ROW, ...]           tables of `compare`; the first row is the reference
    [change SET SPLIT: ROW - ROW: METRIC]      mean change with its 95 % interval
    [value SET SPLIT: ROW: METRIC]             mean and standard deviation over runs
    [rates SET]                                validation accuracy with each factor of the rates

Rows are compared on the splits and seeds that all of them have; the page says how many runs that
leaves out. A row without runs is named as missing.
"""

from __future__ import annotations

import argparse
import csv
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from rates import RATES
from stored_runs import RUNS, StoredRun, stored_runs

from mineral_recog.comparison.comparison_files import markdown
from mineral_recog.comparison.comparison_rows import COLUMNS, change_cell, metric_cells
from mineral_recog.comparison.summary import Comparison, Trial, compare
from mineral_recog.errors import DataError, UserError

ROOT = Path(__file__).parents[1]
PAGES = {
    "benchmarks/results.md": "docs/results.md",
    "benchmarks/choosing.md": "docs/choosing.md",
    "benchmarks/readme.md": "README.md",
    "benchmarks/readme.zh.md": "README.zh-CN.md",
}
BEGIN, END = "<!-- written by benchmarks/results.py -->\n", "<!-- end -->\n"
MISSING = "not run yet"
COLUMN_OF = {column.key: column for column in COLUMNS}


class Compared(NamedTuple):
    """A comparison of rows.

    Attributes:
        comparison: Comparison on the runs that all rows have; None without such runs.
        missing: Rows without runs, which are left out.
        unused: Number of runs of a row that another row does not have, where there are any.
    """

    comparison: Comparison | None
    missing: list[str]
    unused: dict[str, int]


def build_pages(root: Path, runs: Path) -> dict[Path, str]:
    """Return the text of every page of PAGES, by its path.

    Args:
        root: Root of the repository.
        runs: Folder of the stored runs.

    Raises:
        UserError: As for `build_page`.
    """
    pages = {}
    for template, target in PAGES.items():
        text = build_page((root / template).read_text("utf-8"), runs)
        page = root / target
        if page.is_file() and BEGIN in (old := page.read_text("utf-8")):
            before, rest = old.split(BEGIN)
            text = f"{before}{BEGIN}{text}{END}{rest.split(END, 1)[1]}"
        pages[page] = text
    return pages


def build_page(template: str, runs: Path) -> str:
    """Return the page: the template with every placeholder filled in.

    Raises:
        UserError: A placeholder is wrong, or stored runs do not fit together.
    """

    def fill(match: re.Match[str]) -> str:
        kind, body = match.groups()
        if kind == "rates":
            return rates_table(body.strip())
        parts = re.fullmatch(r"\s*(\w+)\s+(\w+):\s*([^:]+?)\s*(?::\s*(\w+)\s*)?", body)
        set_name, split, rows, metric = parts.groups() if parts else ("", "", "", None)
        if not parts or (metric is None) != (kind == "table"):
            raise DataError(f"{match[0]}: write it as in the description of benchmarks/results.py.")
        if metric not in (None, *COLUMN_OF):
            raise DataError(f"{match[0]}: the metric must be one of {', '.join(COLUMN_OF)}.")
        names = tuple(re.split(r"\s+-\s+" if kind == "change" else r"\s*,\s*", rows))
        match kind, names, metric:
            case "table", _, None:
                return table(set_name, split, names, runs)
            case "change", (row, reference), str():
                return change(set_name, split, row, reference, metric, runs)
            case "value", (row,), str():
                return value(set_name, split, row, metric, runs)
        raise DataError(f"{match[0]}: a change has two rows, ROW - ROW, and a value has one.")

    return re.sub(r"\[(table|change|value|rates)\b([^\]]*)\](?!\()", fill, template)


def table(set_name: str, split: str, rows: tuple[str, ...], runs: Path) -> str:
    """Return the tables of a comparison, and the rows and runs that are left out of it."""
    compared = comparison_of(set_name, split, rows, runs)
    parts = [f"{MISSING.capitalize()}."]
    if compared.comparison is not None:
        parts = [markdown(compared.comparison).strip("\n")]
    if compared.unused:
        unused = ", ".join(f"{count} of {row}" for row, count in compared.unused.items())
        parts.append(f"Left out, since not all rows have these runs: {unused}.")
    if compared.missing and compared.comparison is not None:
        parts.append(f"Not run yet: {', '.join(compared.missing)}.")
    return "\n\n".join(parts)


def change(set_name: str, split: str, row: str, reference: str, metric: str, runs: Path) -> str:
    """Return the change of a metric from a reference row to a row, with its 95 % interval."""
    compared = comparison_of(set_name, split, (reference, row), runs)
    if compared.comparison is None or compared.missing:
        return MISSING
    score = compared.comparison.scores[1]
    if metric not in score.changes:
        raise DataError(f"{set_name} {split}, {row} - {reference}: no change of {metric} is known.")
    cell = change_cell(score, COLUMN_OF[metric])
    return f"{cell.change} ({cell.low} to {cell.high})"


def value(set_name: str, split: str, row: str, metric: str, runs: Path) -> str:
    """Return the mean and the standard deviation of a metric over the runs of a row."""
    comparison = comparison_of(set_name, split, (row,), runs).comparison
    return MISSING if comparison is None else metric_cells(comparison, COLUMN_OF[metric])[0].text


@cache
def comparison_of(set_name: str, split: str, rows: tuple[str, ...], runs: Path) -> Compared:
    """Compare rows on the splits and seeds that all have."""
    stored = stored_runs(set_name, runs)
    by_row = {row: _by_key(stored.get(row, []), split) for row in rows}
    missing = [row for row in rows if not by_row[row]]
    present = {row: found for row, found in by_row.items() if found}
    if not present:
        return Compared(None, missing, {})
    common = set.intersection(*map(set, present.values()))
    unused = {row: n for row, found in present.items() if (n := len(found) - len(common))}
    trials = [trial_of(found[key], split) for found in present.values() for key in sorted(common)]
    command = f"python benchmarks/train_results.py {set_name} OUT PHOTOS --rows {','.join(present)}"
    return Compared(compare(trials, command, split) if trials else None, missing, unused)


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


def main() -> None:
    """Write the pages, or check them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="fail if a page is out of date")
    check = parser.parse_args().check
    try:
        pages = build_pages(ROOT, RUNS)
    except UserError as error:
        raise SystemExit(str(error)) from None
    for page, text in pages.items():
        if not check:
            page.write_text(text, "utf-8")
        elif page.read_text("utf-8") != text:
            raise SystemExit(f"{page} is out of date: run `python benchmarks/results.py`.")


if __name__ == "__main__":
    main()
