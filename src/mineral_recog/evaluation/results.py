"""What an evaluation found: the one thing that figures, plots and report pass around."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mineral_recog.calibration.conformal import Basis
from mineral_recog.data.dataset import Dataset


@dataclass(frozen=True, eq=False)  # arrays have no single truth value to compare by
class Predictions:
    """What the model said of each of the M photos of a split.

    labels: int64 [M], true classes. logits: float32 [M, C]. features: float32 [M, D].
    photos: which they are and where they lay when they were read.
    Raises ValueError when the four do not tell of the same number of photos.
    """

    labels: npt.NDArray[np.int64]
    logits: npt.NDArray[np.float32]
    features: npt.NDArray[np.float32]
    photos: Dataset

    def __post_init__(self) -> None:
        lengths = {len(self.labels), len(self.logits), len(self.features), len(self.photos)}
        if len(lengths) > 1:
            raise ValueError(f"labels, logits, features and photos differ in length: {lengths}")


@dataclass(frozen=True, eq=False)
class Answers:
    """What is kept of the answers to M photos once logits are gone: the lines of predictions.csv.

    photos: [M], names below the folder of the split. labels: int64 [M], true classes.
    ranks: int64 [M], place of the true class among the guesses; 1 is right.
    confidence: float64 [M], probability of the first guess.
    Raises ValueError when the four do not tell of the same number of photos.
    """

    photos: tuple[str, ...]
    labels: npt.NDArray[np.int64]
    ranks: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        lengths = {len(self.photos), len(self.labels), len(self.ranks), len(self.confidence)}
        if len(lengths) > 1:
            raise ValueError(f"photos, labels, ranks and confidence differ in length: {lengths}")


class Bin(NamedTuple):
    """The photos whose first guess has a probability in one bin of the calibration error."""

    photos: int
    told: float  # mean probability of the first guess; nan without photos
    right: float  # share of first guesses that are right; nan without photos


class Reliability(NamedTuple):
    """The bins of some photos, by plain softmax and by calibrated probabilities."""

    before: tuple[Bin, ...]
    after: tuple[Bin, ...]


class OtherKind(NamedTuple):
    """One kind of pictures of something else, and how well they were told from the photos.

    name: of their folder, "" for those in none. figures: by the keys of `ood_figures`.
    """

    name: str
    pictures: int
    figures: dict[str, float]


@dataclass(frozen=True, eq=False)
class CalibrationResults:
    """How far the answers to the photos of a split can be believed; C classes in their order.

    temperature: of the calibration. asked: coverage that the sets were asked for.
    figures: by the keys of `calibration_figures`.
    val_counts: validation photos that each class was calibrated on, C.
    rests_on: whose validation photos hold the class in sets, C.
    class_coverage: share of its photos whose set holds the class, float [C], nan without photos.
    reliability: of all photos ("all"), and of those of tail classes ("tail") if there are any.
    others: pictures of something else, all together first, then kind by kind if there are
        several; empty when none were given.
    """

    temperature: float
    asked: float
    figures: dict[str, float]
    val_counts: tuple[int, ...]
    rests_on: tuple[Basis, ...]
    class_coverage: npt.NDArray[np.float64]
    reliability: dict[str, Reliability]
    others: tuple[OtherKind, ...]


class Leaked(NamedTuple):
    """Photos of a split that are copies of training photos, and what is left without them.

    photos: their places among the predictions. figures: of all other photos, by the keys of
    `metrics.figures`; empty when there are no such photos, or no others.
    """

    photos: tuple[int, ...]
    figures: dict[str, float]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """One run on one split of C classes; classes, counts, groups and accuracies in one order.

    name: of the run. split: "test" or "val". groups: "head", "medium" or "tail", one a class.
    predictions: None when only the figures are known (a run read from its metrics.json).
    figures, intervals: by the keys of `metrics.figures`; shares in [0, 1], not per cent.
    class_accuracy: float [C], nan where a class has no photo in the split.
    test_counts: photos of each class in the split, int [C].
    history: the lines of log.jsonl, an epoch each. recipe: YAML text.
    provenance: what was run on what; shown as it is.
    calibration: None when only the figures are known.
    leaked: None when copies of training photos were not looked for.
    Raises ValueError when a field that goes by class does not have C entries.
    """

    name: str
    split: str
    classes: tuple[str, ...]
    train_counts: tuple[int, ...]
    groups: tuple[str, ...]
    predictions: Predictions | None
    figures: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    class_accuracy: npt.NDArray[np.float64]
    test_counts: npt.NDArray[np.int64]
    history: list[dict[str, Any]]
    recipe: str
    provenance: dict[str, str]
    calibration: CalibrationResults | None = None
    leaked: Leaked | None = None

    def __post_init__(self) -> None:
        for field in ("train_counts", "groups", "class_accuracy", "test_counts"):
            if len(getattr(self, field)) != len(self.classes):
                raise ValueError(f"{field} must have one entry for each of the classes")
