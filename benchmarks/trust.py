"""How believable a run's answers are, on its test photos, as Markdown tables.

    python benchmarks/trust.py RUN --others FOLDER --others FOLDER

RUN is a finished run. Each FOLDER holds pictures of something else: of a mineral that was left out
of training, of things, of landscapes. Fits on the run's training and validation photos.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from mineral_recog.bundle import Bundle, read_bundle
from mineral_recog.data.index import Index, photos_in, read_split
from mineral_recog.data.loading import EvaluationLoader
from mineral_recog.evaluation.evaluate import trained_on
from mineral_recog.method.prediction import Outputs, predict
from mineral_recog.trust.calibration import fit_trust
from mineral_recog.trust.figures import novelty_figures, trust_figures


def outputs(bundle: Bundle, index: Index) -> Outputs:
    """What the run's network says of photos."""
    loader = EvaluationLoader(index, bundle.network.preprocessing.image_size, 64, 0)
    return predict(bundle.network, loader, torch.device("cpu"))


def pictures(folder: Path) -> Index:
    """Pictures of something else, which have no class."""
    found = tuple(photos_in(folder))
    return Index(folder, ("other",), found, np.zeros(len(found), dtype=np.int64))


def table(rows: dict[str, dict[str, float]], *columns: str) -> None:
    """Print rows of figures by column; a figure that a row has not is left empty."""
    print(f"\n| | {' | '.join(columns)} |\n|---|{'---:|' * len(columns)}")
    for name, row in rows.items():
        print(f"| {name} | {' | '.join(f'{row[c]:.3f}' if c in row else '' for c in columns)} |")


def main(run: Path, others: list[Path]) -> None:
    """Fit, measure and print."""
    bundle, data = read_bundle(run), trained_on(run)
    train, val, test = (
        outputs(bundle, read_split(data, split, bundle.classes))
        for split in ("train", "val", "test")
    )
    trust = fit_trust(
        train.features, train.labels, val.features, val.logits, val.labels, bundle.groups
    )
    found = trust_figures(trust, test.labels, test.logits, test.features, bundle.groups)
    columns = ("ece_before", "ece_after", "coverage", "lowest_coverage", "set_size", "kept")
    by_group = {
        group or "all": {c: found[key] for c in columns if (key := c + suffix) in found}
        for group in ("", "head", "medium", "tail")
        for suffix in [f"_{group}" if group else ""]
    }
    table(by_group, *columns)
    told = {}
    for folder in others:
        strange = outputs(bundle, pictures(folder))
        told[folder.name] = novelty_figures(
            trust, test.logits, test.features, strange.logits, strange.features
        )
    if told:
        table(told, *next(iter(told.values())))
    print()
    for name, basis in zip(bundle.classes, trust.conformal.rests_on(), strict=True):
        print(f"{name}: its threshold rests on {basis}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path)
    parser.add_argument("--others", type=Path, action="append", default=[])
    options = parser.parse_args()
    main(options.run, options.others)
