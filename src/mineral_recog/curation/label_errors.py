"""Finds likely label errors with a trained model, and photos unlike every class that it knows.

A photo is a likely label error if the calibrated probability of its class is below a hundredth of
the mean that validation photos of this class get. This mean, the self-confidence of the class, is
the threshold of confident learning (Northcutt et al., "Confident Learning: Estimating Uncertainty
in Dataset Labels", JAIR 2021), which requires the other class to reach its mean. That rule was
right less often on validation photos; see docs/audit.md.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from mineral_recog.calibration.conformal import ConformalScores
from mineral_recog.calibration.temperature import Floats, Ints
from mineral_recog.curation.class_names import canonical_name
from mineral_recog.curation.finding_kinds import BilingualText
from mineral_recog.curation.findings import Finding, class_of
from mineral_recog.data.images import open_photo
from mineral_recog.identify.answer import PhotoOutputs
from mineral_recog.identify.identifier import Identifier, Observation
from mineral_recog.minerals.facts import MineralTable
from mineral_recog.text import encodable

# Share of a class's self-confidence; chosen on validation photos, see docs/audit.md.
MAX_RELATIVE_CONFIDENCE = 0.01
BATCH_SIZE = 32

OpenFile = Callable[[str], BinaryIO]


@dataclass(frozen=True)
class LabelErrors:
    """The findings of a model about photos.

    Attributes:
        findings: Findings of kind `doubted`, the least likely label first, then of kind `far`, the
            highest OOD score first.
        unknown_classes: Classes that the model does not know; it cannot doubt their photos.
    """

    findings: list[Finding]
    unknown_classes: tuple[str, ...]


def find_label_errors(
    identifier: Identifier,
    open_file: OpenFile,
    paths: Sequence[str],
    classes: Sequence[str],
    minerals: MineralTable,
    on_photos_done: Callable[[int], None] = lambda count: None,
) -> LabelErrors:
    """Find photos that a model doubts; photos that can no longer be read are skipped.

    A photo that is far from every class only gets a finding of that kind, because the class that
    the model names for it means little.

    Args:
        identifier: The model.
        open_file: Opens a photo by its name, from any thread.
        paths: Names of the photos, `<class>/<file>`.
        classes: Names of all class folders.
        minerals: The table that matches the model's classes with other names.
        on_photos_done: Called with the number of photos processed so far.
    """
    checker = _LabelChecker(identifier, classes, minerals)
    ranked_findings = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the survey has reported problems of the files
        for path, observation in _observe(identifier, open_file, paths, on_photos_done):
            if (finding := checker.check(path, observation.outputs)) is not None:
                ranked_findings.append(finding)
    ranked_findings.sort(key=lambda ranked: (ranked[1].kind, ranked[0]))
    unknown = tuple(encodable(name) for name in classes if name not in checker.model_class_of)
    return LabelErrors([finding for _, finding in ranked_findings], unknown)


class _LabelChecker:
    """Checks the labels of photos, after matching class folders with the classes of a model."""

    def __init__(
        self, identifier: Identifier, classes: Sequence[str], minerals: MineralTable
    ) -> None:
        self.identifier, self.calibration = identifier, identifier.bundle.calibration
        self.self_confidences = self_confidence(self.calibration.conformal)
        self.model_class_of = match_classes(classes, identifier.classes, minerals)
        folders = match_classes(identifier.classes, classes, minerals)
        self.folder_of = {name: encodable(classes[index]) for name, index in folders.items()}
        self.canonical_names = [canonical_name(name, minerals) for name in identifier.classes]

    def check(self, path: str, outputs: PhotoOutputs) -> tuple[float, Finding] | None:
        """Return the finding of a photo and its rank, lowest first; None if there is none."""
        limit = self.calibration.ood.threshold
        if outputs.ood_score > limit:
            detail = _far_detail(outputs.ood_score, limit)
            return -outputs.ood_score, Finding("far", (encodable(path),), detail)
        label = self.model_class_of.get(class_of(path))
        if label is None:
            return None
        probabilities = self.calibration.probabilities(outputs.logits[None])
        confidence = float(
            relative_confidences(probabilities, np.array([label]), self.self_confidences)[0]
        )
        predicted = int(probabilities[0].argmax())
        if (
            confidence >= MAX_RELATIVE_CONFIDENCE
            or self.canonical_names[predicted] == self.canonical_names[label]
        ):
            return None
        detail = _doubt_detail(self.identifier, probabilities[0], predicted, label)
        suggested = self.folder_of.get(self.identifier.classes[predicted], "")
        return confidence, Finding("doubted", (encodable(path),), detail, suggested)


def match_classes(
    names: Sequence[str], others: Sequence[str], minerals: MineralTable
) -> dict[str, int]:
    """Return the index in `others` of each of the names that has a match there.

    An equal name is preferred to one with the same meaning: by case, language or synonym.
    """
    exact = {name: index for index, name in enumerate(others)}
    by_canonical = {
        canonical_name(name, minerals): index for index, name in reversed([*enumerate(others)])
    }
    matches = {
        name: exact.get(name, by_canonical.get(canonical_name(name, minerals))) for name in names
    }
    return {name: index for name, index in matches.items() if index is not None}


def self_confidence(scores: ConformalScores) -> Floats:
    """Return the mean probability of each class on its own validation photos, [C], above 0.

    A class without validation photos gets the mean over all validation photos.
    """
    by_class = np.split(1 - scores.scores.astype(np.float64), np.cumsum(scores.counts)[:-1])
    overall = 1 - scores.scores.mean(dtype=np.float64) if scores.scores.size else 1.0
    means = np.array([values.mean() if values.size else overall for values in by_class])
    positive: Floats = np.maximum(means, np.finfo(np.float64).tiny)
    return positive


def relative_confidences(probabilities: Floats, labels: Ints, self_confidences: Floats) -> Floats:
    """Return the probability of each photo's label, divided by the label's self-confidence, [M].

    The result is at least 1 where no class is more probable than the label.

    Args:
        probabilities: Calibrated probabilities, [M, C].
        labels: The class of each photo's folder, [M].
        self_confidences: Self-confidence of each class, [C].
    """
    label_probabilities = probabilities[np.arange(len(labels)), labels]
    relative: Floats = label_probabilities / self_confidences[labels]
    return np.where(
        label_probabilities >= probabilities.max(axis=1), np.maximum(relative, 1), relative
    )


def _observe(
    identifier: Identifier,
    open_file: OpenFile,
    paths: Sequence[str],
    on_photos_done: Callable[[int], None],
) -> Iterator[tuple[str, Observation]]:
    """Yield the model's outputs for photos; at most one photo per thread is decoded at a time."""
    read_view = partial(_read_view, identifier, open_file)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(paths), BATCH_SIZE):
            batch = paths[start : start + BATCH_SIZE]
            views = dict(zip(batch, pool.map(read_view, batch), strict=True))
            readable = {path: view for path, view in views.items() if view is not None}
            if readable:
                observations = identifier.observe_batch(torch.stack(list(readable.values())))
                yield from zip(readable, observations, strict=True)
            on_photos_done(start + len(batch))


def _read_view(identifier: Identifier, open_file: OpenFile, path: str) -> Tensor | None:
    """Return the network input of a photo, uint8 [3, S, S]; None if it cannot be read."""
    try:
        with open_file(path) as file:
            view: Tensor = identifier.transform(open_photo(file, identifier.short_side))
            return view
    except (OSError, MemoryError):
        return None


def _doubt_detail(
    identifier: Identifier, probabilities: Floats, predicted: int, label: int
) -> BilingualText:
    """Return the class that the model predicts and the photo's label, with probabilities."""
    classes = (predicted, label)
    english = [f"{_name(identifier, c, 'en')} {_percent(probabilities[c])} %" for c in classes]
    chinese = [f"{_name(identifier, c, 'zh')} {_percent(probabilities[c])}%" for c in classes]
    return {"en": "model says " + ", ".join(english), "zh": "模型判为" + "，".join(chinese)}


def _name(identifier: Identifier, label: int, language: str) -> str:
    mineral = identifier.minerals[label]
    if mineral is None:
        return encodable(identifier.classes[label])
    return mineral.chinese if language == "zh" else mineral.name


def _percent(probability: float) -> str:
    """Format in percent, with one significant digit below 1; never 0 or 100."""
    percent = 100 * probability
    if percent < 0.01:
        return "< 0.01"
    if percent > 99:
        return "> 99"
    return f"{percent:.0f}" if percent >= 1 else f"{percent:.1g}"


def _far_detail(ood_score: float, limit: float) -> BilingualText:
    return {
        "en": f"strangeness {ood_score:.3f}, limit {limit:.3f}",
        "zh": f"陌生程度 {ood_score:.3f}，界限 {limit:.3f}",
    }
