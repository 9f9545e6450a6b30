"""Finds likely label errors with a trained model, and photos unlike every class that it knows.

A photo is a likely label error if the calibrated probability of its class is below a hundredth of
the mean that validation photos of this class get. This mean, the self-confidence of the class, is
the threshold of confident learning (Northcutt et al., "Confident Learning: Estimating Uncertainty
in Dataset Labels", JAIR 2021), which requires the other class to reach its mean. That rule was
right less often on validation photos; see docs/audit.md.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from mineral_recog.calibration.conformal import ConformalScores
from mineral_recog.calibration.temperature import Floats, Ints
from mineral_recog.curation.class_names import canonical_name
from mineral_recog.curation.finding_kinds import BilingualText
from mineral_recog.curation.findings import Finding, LabelErrors, class_of
from mineral_recog.data.images import open_photo_with_header
from mineral_recog.data.readers.source import Source
from mineral_recog.i18n import tr
from mineral_recog.identify.answer import PhotoOutputs
from mineral_recog.identify.identifier import Identifier
from mineral_recog.identify.observation import Observation, View
from mineral_recog.minerals.facts import MineralTable, read_minerals
from mineral_recog.progress import SILENT, Progress
from mineral_recog.text import encodable

# Share of a class's self-confidence; chosen on validation photos, see docs/audit.md.
MAX_RELATIVE_CONFIDENCE = 0.01


def find_label_errors(
    identifier: Identifier, source: Source, paths: Sequence[str], progress: Progress = SILENT
) -> LabelErrors:
    """Find photos that a model doubts; photos that can no longer be read are skipped.

    A photo that is far from every class only gets a finding of that kind, because the class that
    the model names for it means little.

    Args:
        identifier: The model.
        source: The source of the photos.
        paths: Names of the photos to check, `<class>/<file>`.
        progress: Receives the progress.
    """
    checker = _LabelChecker(identifier, source.classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the survey has reported problems of the files
        results = [
            checker.check(path, observation.outputs)
            for path, observation in _observe(identifier, source, paths, progress)
        ]
    ranked = sorted(filter(None, results), key=lambda result: (result[1].kind, result[0]))
    return LabelErrors(
        [finding for _, finding in ranked],
        tuple(encodable(name) for name in source.classes if name not in checker.model_class_of),
    )


class _LabelChecker:
    """Checks the labels of photos, after matching class folders with the classes of a model."""

    def __init__(self, identifier: Identifier, classes: Sequence[str]) -> None:
        minerals = read_minerals()
        self.identifier, self.calibration = identifier, identifier.model.calibration
        self.self_confidences = self_confidence(self.calibration.conformal)
        self.model_class_of = match_classes(classes, identifier.classes, minerals)
        folders = match_classes(identifier.classes, classes, minerals)
        self.folder_of = {name: encodable(classes[index]) for name, index in folders.items()}
        self.canonical_names = [canonical_name(name, minerals) for name in identifier.classes]

    def check(self, path: str, outputs: PhotoOutputs) -> tuple[float, Finding] | None:
        """Return the finding of a photo and its rank, lowest first; None if there is none."""
        answer = self.identifier.answer([outputs])
        if answer.none_text is not None:
            return -outputs.ood_score, Finding("far", (encodable(path),), answer.none_text)
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
    relative = label_probabilities / self_confidences[labels]
    return np.where(
        label_probabilities >= probabilities.max(axis=1), np.maximum(relative, 1), relative
    )


def _observe(
    identifier: Identifier, source: Source, paths: Sequence[str], progress: Progress
) -> Iterator[tuple[str, Observation]]:
    """Yield the model's outputs for photos; at most one photo per thread is decoded at a time."""
    task = progress.start(tr("asking the model", "询问模型"), len(paths))
    for path, observation in identifier.observe_each(paths, partial(_view, identifier, source)):
        if observation is not None:
            yield path, observation
        task.step()


def _view(identifier: Identifier, source: Source, path: str) -> View | None:
    """Return what the model sees of a photo; None if it cannot be read."""
    try:
        with source.open(path) as file:
            return identifier.view(open_photo_with_header(file, identifier.short_side))
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
