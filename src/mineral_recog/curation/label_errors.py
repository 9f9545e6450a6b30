"""Photos that a trained model doubts, and photos unlike all that it knows.

A photo is doubted when its own class gets less than a hundredth of the calibrated probability that
the model gives this class, on average, on validation photos of it. That mean, the self-confidence
of a class, is the yardstick of confident learning (Northcutt et al., "Confident Learning:
Estimating Uncertainty in Dataset Labels", JAIR 2021), where it is the other class that must reach
its mean. On validation photos that was right less often, see docs/audit.md.
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
from mineral_recog.curation.class_names import meaning
from mineral_recog.curation.finding_kinds import Text
from mineral_recog.curation.findings import Finding, class_of
from mineral_recog.data.images import open_photo
from mineral_recog.identify.answer import Sighting
from mineral_recog.identify.identifier import Identifier, Seen
from mineral_recog.minerals.facts import Minerals
from mineral_recog.text import encodable

SHARE = 0.01  # of the self-confidence of a class; chosen on validation photos, see docs/audit.md
AT_ONCE = 32  # photos that the network is encodable together

Open = Callable[[str], BinaryIO]


@dataclass(frozen=True)
class Doubts:
    """What a model says of photos.

    Attributes:
        findings: of kind `doubted`, most doubtful first, then of kind `far`, strangest first.
        unknown: classes that the model does not know, whose photos it cannot doubt.
    """

    findings: list[Finding]
    unknown: tuple[str, ...]


def find_doubts(
    identifier: Identifier,
    open_file: Open,
    photos: Sequence[str],
    classes: Sequence[str],
    minerals: Minerals,
    on_seen: Callable[[int], None] = lambda count: None,
) -> Doubts:
    """Ask a model about photos; one that cannot be read any more is skipped.

    A photo that is far from every class is told as that alone: what the model calls it means
    little.

    Args:
        identifier: the model.
        open_file: gives the bytes of a photo, from any thread.
        photos: names, `<class>/<file>`.
        classes: names of all class folders.
        minerals: the table by which the model's classes are told under other names.
        on_seen: called with the number of photos behind so far.
    """
    judge = _Judge(identifier, classes, minerals)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is odd about a photo's file is told already
        for photo, seen in _look(identifier, open_file, photos, on_seen):
            if (finding := judge.finding(photo, seen.sighting)) is not None:
                found.append(finding)
    found.sort(key=lambda ranked: (ranked[1].kind, ranked[0]))
    unknown = tuple(encodable(name) for name in classes if name not in judge.own_of)
    return Doubts([finding for _, finding in found], unknown)


class _Judge:
    """What a model and class folders have in common, and what follows from it for a photo."""

    def __init__(self, identifier: Identifier, classes: Sequence[str], minerals: Minerals) -> None:
        self.identifier, self.calibration = identifier, identifier.bundle.calibration
        self.usual = self_confidence(self.calibration.conformal)
        self.own_of = same_classes(classes, identifier.classes, minerals)
        folders = same_classes(identifier.classes, classes, minerals)
        self.folder_of = {name: encodable(classes[place]) for name, place in folders.items()}
        self.means = [meaning(name, minerals) for name in identifier.classes]

    def finding(self, photo: str, sighting: Sighting) -> tuple[float, Finding] | None:
        """A finding and its rank, the least to be told first; None where there is none."""
        limit = self.calibration.ood.threshold
        if sighting.strangeness > limit:
            told = _strange(sighting.strangeness, limit)
            return -sighting.strangeness, Finding("far", (encodable(photo),), told)
        own = self.own_of.get(class_of(photo))
        if own is None:
            return None
        probabilities = self.calibration.probabilities(sighting.logits[None])
        belief = float(beliefs(probabilities, np.array([own]), self.usual)[0])
        likely = int(probabilities[0].argmax())
        if belief >= SHARE or self.means[likely] == self.means[own]:
            return None
        told = _told(self.identifier, probabilities[0], likely, own)
        move = self.folder_of.get(self.identifier.classes[likely], "")
        return belief, Finding("doubted", (encodable(photo),), told, move)


def same_classes(names: Sequence[str], others: Sequence[str], minerals: Minerals) -> dict[str, int]:
    """For each of the names that others hold too, its place there.

    A name is first looked for as it stands, then by what it means: by case, language or synonym.
    """
    exact = {name: place for place, name in enumerate(others)}
    means = {meaning(name, minerals): place for place, name in reversed([*enumerate(others)])}
    found = {name: exact.get(name, means.get(meaning(name, minerals))) for name in names}
    return {name: place for name, place in found.items() if place is not None}


def self_confidence(scores: ConformalScores) -> Floats:
    """Mean probability that validation photos of each class get for it, [C], above 0.

    A class without validation photos takes the mean of all.
    """
    own = np.split(1 - scores.scores.astype(np.float64), np.cumsum(scores.counts)[:-1])
    every = 1 - scores.scores.mean(dtype=np.float64) if scores.scores.size else 1.0
    means = np.array([of_class.mean() if of_class.size else every for of_class in own])
    positive: Floats = np.maximum(means, np.finfo(np.float64).tiny)
    return positive


def beliefs(probabilities: Floats, own: Ints, usual: Floats) -> Floats:
    """What photos' own classes get, as part of the self-confidence of these classes, [M].

    At least 1 where no class gets more than a photo's own.

    Args:
        probabilities: calibrated, [M, C].
        own: the class that each photo lies in, [M].
        usual: self-confidence of each class, [C].
    """
    of_own = probabilities[np.arange(len(own)), own]
    part: Floats = of_own / usual[own]
    return np.where(of_own >= probabilities.max(axis=1), np.maximum(part, 1), part)


def _look(
    identifier: Identifier, open_file: Open, photos: Sequence[str], on_seen: Callable[[int], None]
) -> Iterator[tuple[str, Seen]]:
    """What the model sees in photos; no more are decoded at a time than there are threads."""
    view = partial(_view, identifier, open_file)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(photos), AT_ONCE):
            some = photos[start : start + AT_ONCE]
            views = dict(zip(some, pool.map(view, some), strict=True))
            readable = {photo: pixels for photo, pixels in views.items() if pixels is not None}
            if readable:
                seen = identifier.see(torch.stack(list(readable.values())))
                yield from zip(readable, seen, strict=True)
            on_seen(start + len(some))


def _view(identifier: Identifier, open_file: Open, photo: str) -> Tensor | None:
    """What the network is encodable of a photo, uint8 [3, S, S]; None when it cannot be read."""
    try:
        with open_file(photo) as file:
            view: Tensor = identifier.view(open_photo(file, identifier.short_side))
            return view
    except (OSError, MemoryError):
        return None


def _told(identifier: Identifier, probabilities: Floats, likely: int, own: int) -> Text:
    """What the model calls a photo, and what it gives the photo's own class."""
    places = (likely, own)
    english = [f"{_name(identifier, c, 'en')} {_percent(probabilities[c])} %" for c in places]
    chinese = [f"{_name(identifier, c, 'zh')} {_percent(probabilities[c])}%" for c in places]
    return {"en": "model says " + ", ".join(english), "zh": "模型判为" + "，".join(chinese)}


def _name(identifier: Identifier, place: int, language: str) -> str:
    known = identifier.minerals[place]
    if known is None:
        return encodable(identifier.classes[place])
    return known.chinese if language == "zh" else known.name


def _percent(probability: float) -> str:
    """To a percent, or to one digit below one; never 0 nor 100."""
    percent = 100 * probability
    if percent < 0.01:
        return "< 0.01"
    if percent > 99:
        return "> 99"
    return f"{percent:.0f}" if percent >= 1 else f"{percent:.1g}"


def _strange(strangeness: float, limit: float) -> Text:
    return {
        "en": f"strangeness {strangeness:.3f}, limit {limit:.3f}",
        "zh": f"陌生程度 {strangeness:.3f}，界限 {limit:.3f}",
    }
