"""The results of an evaluation that say how far a model's calibration holds.

They are about the photos of the split, about photos of another place, and about corrupted photos.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mineral_recog.calibration.conformal import Basis


class Bin(NamedTuple):
    """The photos whose confidence lies in one bin of the calibration error.

    The names of the fields are keys of trust.json.

    Attributes:
        photos: Number of photos.
        told: Mean probability of the first guess; nan without photos.
        right: Share of first guesses that are correct; nan without photos.
    """

    photos: int
    told: float
    right: float


class Reliability(NamedTuple):
    """Reliability diagram of some photos, with plain softmax and calibrated probabilities."""

    before: tuple[Bin, ...]
    after: tuple[Bin, ...]


class OodPictures(NamedTuple):
    """Metrics of the pictures in one folder of out-of-distribution pictures.

    The names of the fields are keys of trust.json.

    Attributes:
        name: Name of the folder; "" for pictures in no sub-folder.
        pictures: Number of pictures.
        figures: Metrics by the keys of `calibration_metrics.ood_metrics`.
    """

    name: str
    pictures: int
    figures: dict[str, float]


@dataclass(frozen=True, eq=False)
class CalibrationResults:
    """Calibration of the answers to the photos of a split; C classes in their order.

    Attributes:
        temperature: Temperature of the calibration.
        coverage_target: Coverage requested of the prediction sets.
        metrics: Metrics by the keys of `calibration_metrics.calibration_metrics`.
        val_counts: Validation photos per class that the calibration used, C.
        bases: Whose validation photos the threshold of each class is based on, C.
        class_coverage: Share of photos per class whose set holds the class, float [C]; nan
            without photos.
        reliability: Diagram of all photos ("all"), and of those of tail classes ("tail") if any.
        ood_pictures: Out-of-distribution pictures: all of them first, then per folder if there
            are several; empty when none were given.
    """

    temperature: float
    coverage_target: float
    metrics: dict[str, float]
    val_counts: tuple[int, ...]
    bases: tuple[Basis, ...]
    class_coverage: npt.NDArray[np.float64]
    reliability: dict[str, Reliability]
    ood_pictures: tuple[OodPictures, ...]


class SplitSummary(NamedTuple):
    """What a shift compares of some photos.

    The names of the fields are keys of metrics.json.

    Attributes:
        photos: Number of photos.
        figures: mean_accuracy, ece, coverage, lowest_coverage, and kept: the share that is not
            "none of these".
    """

    photos: int
    figures: dict[str, float]


class Shift(NamedTuple):
    """How the answers about photos of another place differ from those about the run's own photos.

    Attributes:
        these: The photos of the other place.
        own: The run's own photos of the same split; None if they are gone.
        coverage_target: Coverage requested of the prediction sets.
        coverage_bound: Upper end of the one-sided 95 % interval of the coverage of these photos.
        holds: Whether the coverage is not certainly below the target, for all photos together and
            for each class; see `shift.measure_shift`.
        failing: Names of the classes for which it is.
    """

    these: SplitSummary
    own: SplitSummary | None
    coverage_target: float
    coverage_bound: float
    holds: bool
    failing: tuple[str, ...]


class CorruptionRow(NamedTuple):
    """Metrics of photos that were changed in one way.

    Attributes:
        kind: A key of `corruptions.KINDS`; "" for unchanged photos.
        strength: 1, 2 or 3; 0 for unchanged photos.
        figures: accuracy, mean_accuracy, ece, coverage, lowest_coverage, set_size and kept.
    """

    kind: str
    strength: int
    figures: dict[str, float]


class CorruptionResults(NamedTuple):
    """Metrics of corrupted photos.

    Attributes:
        photo_count: Number of photos, which may be fewer than the split has.
        rows: Unchanged photos first, then each kind by strength.
        pictures: One photo as the model sees it in each row, as JPEG.
    """

    photo_count: int
    rows: tuple[CorruptionRow, ...]
    pictures: tuple[bytes, ...]
