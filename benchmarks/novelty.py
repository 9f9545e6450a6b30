"""Compare scores for "a mineral, but none that this model knows", on minerals that were left out.

    python benchmarks/novelty.py RUN=FOLDER... [--kept KEPT]
    python benchmarks/novelty.py RUN... [--kept KEPT]

RUN=FOLDER: RUN was trained without a mineral whose photos are in FOLDER. This is the case of use.

RUN alone: each class of its data is left out in turn, with a new classifier fitted on the features
of the other classes, which takes seconds. The fine-tuned backbone has seen the class that is left
out, which flatters all scores that use its features, and those most that use nothing else. The
table compares scores of the pretrained features, and scores of logits among each other; for others
it shows what a score reaches once the features tell the class apart.

Known photos are those of the other classes in val (to choose by) and in test (to report); half of
the unknown photos go with each. Each table has a row for a score: mean AUROC, the lowest, that of
each mineral, the largest loss against plain softmax, and the share of the unknown photos that are
accepted with the limit that keeps 95 % of the validation photos. Above the tables stands the share
of the known test photos that both questions of "none of these" keep. KEPT receives the outputs of
the networks as .npz files, which a later call uses instead of computing them.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from novelty_scores import Floats, Known, Photos, Score, fit_scores, mean_of, standardised
from torch import Tensor, nn
from torch.nn import functional as F

from mineral_recog.calibration.calibration import Calibration
from mineral_recog.calibration.fitting import FittingPhotos, fit_with_gate
from mineral_recog.data.dataset import Dataset, photos_in, read_split
from mineral_recog.data.loaders import EvaluationLoader
from mineral_recog.models.bundle import read_bundle
from mineral_recog.models.gate_network import SIZE, build_gate, predict_gate
from mineral_recog.models.heads import LinearHead
from mineral_recog.models.joined_backbone import JoinedBackbone
from mineral_recog.models.network import Network
from mineral_recog.models.predictor import predict
from mineral_recog.models.pretrained import load_pretrained
from mineral_recog.models.run_files import training_data_of
from mineral_recog.progress import SILENT
from mineral_recog.recipes.recipe import Adjustment
from mineral_recog.training.posthoc import adjust

SPLITS = ("train", "val", "test")
BATCH, MAX_PER_CLASS = 32, 200
STEPS, RATE, DECAY, SQUARED_NORM = 1000, 0.1, 0.005, 64.0  # of stage crt in recipes/best.yaml
PAIRED = ("softmax", "entropy")  # scores whose mean with every other one is measured too


@dataclass(frozen=True)
class LeftOut:
    """A mineral that was left out: the known photos, and those of it that go with val and test."""

    name: str
    train: Photos
    known: tuple[Photos, Photos]
    unknown: tuple[Photos, Photos]
    weight: Floats
    bias: Floats


def main() -> None:
    """Compute or read the outputs, fit all scores for each mineral left out, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("runs", nargs="+", metavar="RUN[=FOLDER]")
    parser.add_argument("--kept", type=Path, help="folder for the outputs of the networks")
    arguments = parser.parse_args()
    results, shares = [], []
    for text in arguments.runs:
        run, _, folder = text.partition("=")
        arrays = kept_outputs(Path(run), Path(folder) if folder else None, arguments.kept)
        for left_out in [trained_without(arrays)] if folder else refitted(arrays):
            results.append((left_out.name, separations(left_out)))
            shares.append(accepted_share(left_out))
            print(f"{run}: without {left_out.name}, kept {100 * shares[-1]:.1f} %", flush=True)
    print(f"\nKnown test photos that are kept: {100 * np.mean(shares):.1f} % on average")
    for title, part in (("Validation photos (to choose)", 0), ("Test photos (to report)", 1)):
        print_table(title, [(name, values[part]) for name, values in results])


def kept_outputs(run: Path, folder: Path | None, kept: Path | None) -> dict[str, np.ndarray]:
    """Return the outputs for all photos of a run; read from the folder `kept` if they are there."""
    file = kept / f"{'-'.join(run.absolute().parts[-3:])}.npz" if kept else None
    if file and file.is_file():
        with np.load(file) as arrays:
            return dict(arrays)
    network = joined(run)
    size, share = network.preprocessing.image_size, network.preprocessing.center_share
    datasets = {split: at_most(read_split(training_data_of(run), split)) for split in SPLITS}
    if folder:
        paths = tuple(photos_in(folder))
        datasets["left_out"] = Dataset(folder, (folder.name,), paths, np.zeros(len(paths), int))
    arrays, gate = {"classes": np.array(datasets["train"].classes)}, build_gate(network)
    for name, dataset in datasets.items():
        loader, gate_loader = (
            EvaluationLoader(dataset, side, BATCH, 0, center_share=share)
            for side in (size, gate.image_size)
        )
        outputs = predict(network, loader)
        arrays |= {f"{name}_{k}": getattr(outputs, k) for k in ("features", "logits", "labels")}
        parts = predict_gate(network, gate, gate_loader)
        arrays |= {f"{name}_gate_{k}": part for k, part in enumerate(parts)}
    arrays["weight"] = network.classifier.weight.detach().numpy()
    arrays["bias"] = network.classifier.bias.detach().numpy()
    arrays["folder"] = np.array(folder.name if folder else "")
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, **arrays)
    return arrays


def joined(run: Path) -> Network:
    """Return the network of a run, with the pretrained features beside the fine-tuned ones."""
    bundle = read_bundle(run)
    network = bundle.network
    if isinstance(network.backbone, JoinedBackbone):
        return network
    size = network.preprocessing.image_size
    backbone = JoinedBackbone(network.backbone)
    backbone.pretrained = load_pretrained(bundle.backbone, True, size, SILENT).backbone.eval()
    classes, width = network.classifier.weight.shape
    head = LinearHead(2 * width, classes)
    with torch.no_grad():
        head.weight.copy_(F.pad(network.classifier.weight, (0, width)))
        head.bias.copy_(network.classifier.bias)
    return Network(backbone, head, network.preprocessing)


def at_most(dataset: Dataset) -> Dataset:
    """Return a dataset of at most 200 random photos of each class."""
    rng = np.random.default_rng(0)
    of_class = (np.flatnonzero(dataset.labels == c) for c in range(len(dataset.classes)))
    return dataset.subset(
        np.concatenate([np.sort(rng.permutation(c)[:MAX_PER_CLASS]) for c in of_class])
    )


def photos_of(arrays: dict[str, np.ndarray], name: str) -> Photos:
    """Return the kept photos of a split."""
    features, logits = (arrays[f"{name}_{k}"].astype(np.float64) for k in ("features", "logits"))
    parts = sorted(key for key in arrays if key.startswith(f"{name}_gate_"))
    gate = tuple(arrays[key].astype(np.float64) for key in parts)
    return Photos(features, logits, arrays[f"{name}_labels"], gate)


def trained_without(arrays: dict[str, np.ndarray]) -> LeftOut:
    """Return the mineral that a run was trained without."""
    train, val, test, others = (photos_of(arrays, name) for name in (*SPLITS, "left_out"))
    halves = tuple(others.rows(np.arange(i, len(others.labels), 2)) for i in (0, 1))
    weight, bias = arrays["weight"].astype(np.float64), arrays["bias"].astype(np.float64)
    return LeftOut(str(arrays["folder"]), train, (val, test), halves, weight, bias)


def refitted(arrays: dict[str, np.ndarray]) -> Iterator[LeftOut]:
    """Yield each class of a run as one that is left out, with a classifier of the others."""
    train, val, test = (photos_of(arrays, name) for name in SPLITS)
    for label, name in enumerate(arrays["classes"]):
        known, unknown = (
            [
                photos.rows(np.flatnonzero((photos.labels == label) == left))
                for photos in (train, val, test)
            ]
            for left in (False, True)
        )
        known = [
            replace(photos, labels=photos.labels - (photos.labels > label)) for photos in known
        ]
        weight, bias = fit_head(known[0], known[1])
        known, unknown = (
            [replace(p, logits=p.features @ weight.T + bias) for p in photos]
            for photos in (known, unknown)
        )
        parts = (known[1], known[2]), (unknown[1], unknown[2])
        yield LeftOut(str(name), known[0], *parts, weight, bias)


def fit_head(train: Photos, val: Photos) -> tuple[Floats, Floats]:
    """Return W and b, fitted like stage crt of `best`, but from zero and on one view."""
    generator = torch.Generator().manual_seed(0)
    counts = np.bincount(train.labels)
    scale = np.sqrt(SQUARED_NORM / (train.features**2).sum(axis=1).mean())
    features = torch.tensor(train.features * scale, dtype=torch.float32)
    labels = torch.from_numpy(train.labels)
    head = LinearHead(features.shape[1], len(counts))
    for values in (head.weight, head.bias):
        nn.init.zeros_(values)
    optimizer = torch.optim.SGD(head.parameters(), lr=RATE, momentum=0.9, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    balanced: Tensor = torch.from_numpy(1 / counts[train.labels])
    for _ in range(STEPS):
        drawn = torch.multinomial(balanced, BATCH, replacement=True, generator=generator)
        optimizer.zero_grad()
        F.cross_entropy(head(features[drawn]), labels[drawn]).backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        head.weight *= scale
    prior = torch.from_numpy(counts / counts.sum()).float()
    after = Adjustment(kind="logit_adjustment")
    adjust(head, after, prior, val.features.astype(np.float32), val.labels)
    return head.weight.detach().double().numpy(), head.bias.detach().double().numpy()


def separations(left_out: LeftOut) -> tuple[dict[str, tuple[float, float]], ...]:
    """Return AUROC and share of accepted unknown photos by score, with val and with test."""
    train, val = left_out.train, left_out.known[0]
    scores = fit_scores(Known(train, left_out.weight, left_out.bias))
    single = {name: standardised(score, val) for name, score in scores.items()}
    for first, second in itertools.product(PAIRED, single):
        if first != second:
            scores[f"{first} + {second}"] = mean_of(single[first], single[second])
    scores["none of these"] = partial(ood_scores, fit_ours(train, val))
    return tuple(
        {name: separation(score, val, *photos) for name, score in scores.items()}
        for photos in zip(left_out.known, left_out.unknown, strict=True)
    )


def fit_ours(train: Photos, val: Photos) -> Calibration:
    """Return the calibration, as training fits it, but without groups of classes."""
    groups = ("",) * val.logits.shape[1]
    photos = (FittingPhotos(**vars(rows)) for rows in (train, val))
    specimens = [str(number) for number in range(len(train.labels))]
    return fit_with_gate(*photos, groups, SIZE, specimens)


def ood_scores(calibration: Calibration, photos: Photos) -> Floats:
    """Return the OOD scores of photos, [M]."""
    assert calibration.gate is not None
    gate_scores = calibration.gate.scores(photos.gate)
    return calibration.ood_scores(photos.features, photos.logits, gate_scores)


def accepted_share(left_out: LeftOut) -> float:
    """Return the share of the known test photos that are not called "none of these"."""
    calibration, test = fit_ours(left_out.train, left_out.known[0]), left_out.known[1]
    assert calibration.gate is not None
    no_mineral = calibration.gate.scores(test.gate).no_mineral
    return float(calibration.accepts(ood_scores(calibration, test), no_mineral).mean())


def separation(score: Score, val: Photos, known: Photos, unknown: Photos) -> tuple[float, float]:
    """Return the AUROC of a score, and the share of unknown photos below the limit of val."""
    low, high = score(known), score(unknown)
    auroc = ((low < high[:, None]).mean() + (low <= high[:, None]).mean()) / 2
    limit = np.quantile(score(val), 0.95)
    return float(auroc), float((high <= limit).mean())


def print_table(title: str, results: list[tuple[str, dict[str, tuple[float, float]]]]) -> None:
    """Print a row for each score, that of the highest mean AUROC first."""
    names = [name for name, _ in results]
    columns = ("score", "mean", "lowest", "loss to softmax", "accepted", *names)
    print(f"\n{title}\n\n| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    aurocs = {
        score: np.array([values[score][0] for _, values in results]) for score in results[0][1]
    }
    for score in sorted(aurocs, key=lambda name: -aurocs[name].mean()):
        values = aurocs[score]
        loss = (values - aurocs["softmax"]).min()
        accepted = np.mean([by_score[score][1] for _, by_score in results])
        each = " | ".join(f"{value:.3f}" for value in values)
        print(
            f"| {score} | {values.mean():.3f} | {values.min():.3f} | {loss:+.3f} "
            f"| {accepted:.0%} | {each} |"
        )


if __name__ == "__main__":
    main()
