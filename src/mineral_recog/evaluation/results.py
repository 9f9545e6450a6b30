"""The results of an evaluation, which metrics, plots and the report share."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mineral_recog.calibration.gate import GateScores
from mineral_recog.data.class_match import ClassDifferences
from mineral_recog.data.dataset import Dataset
from mineral_recog.evaluation.calibration_results import (
    CalibrationResults,
    CorruptionResults,
    Shift,
)

MIN_CLASS_PHOTOS = 5  # with fewer photos nothing is said about a single class
WORST = 20  # classes that are listed where there are too many to list all


@dataclass(frozen=True, eq=False)  # an array comparison has no single truth value
class Predictions:
    """Outputs of the model for the M photos of a split.

    Attributes:
        labels: True classes, int64 [M].
        logits: float32 [M, C].
        features: float32 [M, D].
        dataset: The photos, and where they were when they were read.
        gate_scores: Scores of the gate, M; None if the model has no gate.

    Raises:
        ValueError: They differ in length.
    """

    labels: npt.NDArray[np.int64]
    logits: npt.NDArray[np.float32]
    features: npt.NDArray[np.float32]
    dataset: Dataset
    gate_scores: GateScores | None = None

    def __post_init__(self) -> None:
        lengths = {len(self.labels), len(self.logits), len(self.features), len(self.dataset)}
        if self.gate_scores is not None:
            lengths.add(len(self.gate_scores.no_mineral))
        if len(lengths) > 1:
            raise ValueError(f"labels, logits, features and dataset differ in length: {lengths}")

    @property
    def guesses(self) -> npt.NDArray[np.int64]:
        """The class with the highest logit of each photo, int64 [M]."""
        guesses: npt.NDArray[np.int64] = self.logits.argmax(axis=1)
        return guesses


@dataclass(frozen=True, eq=False)
class Answers:
    """The rows of predictions.csv: what is saved of M predictions instead of their logits.

    Attributes:
        paths: Names below the folder of the split, M.
        labels: True classes, int64 [M].
        ranks: Rank of the true class among the guesses, int64 [M]; 1 is correct.
        confidence: Probability of the first guess, float64 [M].
        specimens: Specimen of each photo, int64 [M]; None if specimens are unknown.
        attributes: Attribute of each photo, M, "" for a photo without one; None if attributes are
            unknown.

    Raises:
        ValueError: The fields differ in length.
    """

    paths: tuple[str, ...]
    labels: npt.NDArray[np.int64]
    ranks: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float64]
    specimens: npt.NDArray[np.int64] | None = None
    attributes: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        fields = [field for field in vars(self).values() if field is not None]
        if len({len(field) for field in fields}) > 1:
            raise ValueError(f"fields of {len(self.labels)} answers differ in length")


class Leakage(NamedTuple):
    """Photos of a split that are copies of training photos, and the metrics without them.

    Attributes:
        indices: Positions of the copies among the predictions.
        metrics: Metrics of the other photos, by the keys of `metrics.compute_metrics`; empty
            when there are no copies, or only copies.
    """

    indices: tuple[int, ...]
    metrics: dict[str, float]


class SpecimenResults(NamedTuple):
    """Metrics of the answers about specimens, each from all its photos in the split.

    Attributes:
        names: Specimen of each photo, M.
        specimen_count: Number of specimens.
        figures: Metrics by the keys of `metrics.compute_metrics`.
        intervals: 95 % intervals (low, high) by the same keys.
    """

    names: tuple[str, ...]
    specimen_count: int
    figures: dict[str, float]
    intervals: dict[str, tuple[float, float]]


class AttributePair(NamedTuple):
    """The photos of one attribute of a class.

    Attributes:
        label: Index of the class.
        attribute: Name of the attribute.
        train_count: Training photos; None if the attributes of training photos are unknown.
        test_count: Photos in the split.
        accuracy: Share of the photos in the split that are recognised correctly.
        rare: Whether the attribute is rare within its class, see `by_attribute`; None if unknown.
    """

    label: int
    attribute: str
    train_count: int | None
    test_count: int
    accuracy: float
    rare: bool | None


class AttributeResults(NamedTuple):
    """Accuracy by attribute of the photos, such as the variety of a mineral.

    Attributes:
        names: Attribute of each photo, M, "" for a photo without one; empty for an evaluation read
            from its files.
        photo_count: Number of photos with an attribute; the others are left out.
        pairs: Pairs of a class and an attribute with photos in the split.
        figures: mean_accuracy over pairs and, if there are rare ones, mean_accuracy_rare over
            these.
        intervals: 95 % intervals (low, high) by the same keys.
    """

    names: tuple[str, ...]
    photo_count: int
    pairs: tuple[AttributePair, ...]
    figures: dict[str, float]
    intervals: dict[str, tuple[float, float]]

    @property
    def rare_count(self) -> int:
        """Number of rare pairs."""
        return sum(pair.rare is True for pair in self.pairs)


class LevelAccuracy(NamedTuple):
    """Accuracy at one level of the taxonomy.

    Attributes:
        level: `species`, `group` or `class`.
        name_count: Number of different answers at this level.
        accuracy: Share of the photos whose answer belongs to the same species, group or class.
        mean_accuracy: Mean of these shares over the classes of the model.
    """

    level: str
    name_count: int
    accuracy: float
    mean_accuracy: float


class RollUpResults(NamedTuple):
    """How often rolled-up answers hold. The names of the fields are keys of metrics.json.

    Attributes:
        asked: Probability that an answer must reach.
        answered: Share of the photos with a name that reaches it.
        right: Share of these whose name contains the true class; None without any.
        single: Share of the photos with a single class that reaches it.
    """

    asked: float
    answered: float
    right: float | None
    single: float


class LevelResults(NamedTuple):
    """Answers by the taxonomy, see `by_level`.

    Attributes:
        levels: Accuracy at each level.
        mistake_count: Number of photos whose first guess is wrong.
        mistake_height: Mean height of these mistakes; None without any.
        roll_up: How often rolled-up answers hold, by the probability asked.
    """

    levels: tuple[LevelAccuracy, ...]
    mistake_count: int
    mistake_height: float | None
    roll_up: tuple[RollUpResults, ...]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Results of one run on one split of C classes; everything per class has the same order.

    Attributes:
        name: Name of the run.
        split: One of `dataset.EVALUATED_SPLITS`.
        classes: Names of the classes, C.
        train_counts: Training photos per class, C.
        groups: "head", "medium" or "tail" per class, C; "" for every class without groups.
        predictions: Predictions; None for an evaluation read from its files.
        figures: Metrics by the keys of `metrics.compute_metrics`; shares in [0, 1], not per cent.
        intervals: 95 % intervals (low, high) by the same keys.
        class_accuracy: Accuracy per class, float [C]; nan for a class without photos in the split.
        test_counts: Photos per class in the split, int64 [C].
        history: Lines of log.jsonl, one per epoch.
        recipe: YAML text of the recipe.
        provenance: Versions, settings and data, shown as they are.
        calibration: Calibration; None for an evaluation read from its files.
        leakage: Copies of training photos; None when the split was not checked for them.
        by_specimen: Metrics by specimen; None if specimens are unknown, and for an evaluation read
            from its files.
        by_attribute: Accuracy by attribute; None if no photo has a known attribute.
        by_level: Answers by the taxonomy; None if it joins none of the classes, and for an
            evaluation read from its files.
        class_differences: How the classes of the photos differ from those of the model; None if
            they do not, and for an evaluation read from its files.
        shift: Comparison with the run's own photos, if these are others; else None.
        corruptions: Metrics of corrupted photos; None if they were not asked for.

    Raises:
        ValueError: A field per class does not have C entries.
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
    leakage: Leakage | None = None
    by_specimen: SpecimenResults | None = None
    by_attribute: AttributeResults | None = None
    by_level: LevelResults | None = None
    class_differences: ClassDifferences | None = None
    shift: Shift | None = None
    corruptions: CorruptionResults | None = None

    def __post_init__(self) -> None:
        for field in ("train_counts", "groups", "class_accuracy", "test_counts"):
            if len(getattr(self, field)) != len(self.classes):
                raise ValueError(f"{field} must have one entry for each of the classes")

    @property
    def few_photos(self) -> tuple[str, ...]:
        """Names of the classes with photos, but too few to say something about a single class."""
        return tuple(
            name
            for name, count in zip(self.classes, self.test_counts, strict=True)
            if 0 < count < MIN_CLASS_PHOTOS
        )

    @property
    def hardest(self) -> int | None:
        """Index of the class with the lowest accuracy among those with enough photos."""
        enough = np.flatnonzero(self.test_counts >= MIN_CLASS_PHOTOS)
        return int(enough[self.class_accuracy[enough].argmin()]) if len(enough) else None
