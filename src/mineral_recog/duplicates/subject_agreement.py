"""Measure how well the subjects of two photos agree: what they show on a plain ground."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mineral_recog.duplicates.agreement import FULL_BOX, agreement, colour_distance, resampled
from mineral_recog.duplicates.crops import turned, turned_boxes
from mineral_recog.duplicates.fingerprints import SIDE, Array, Fingerprint

MIN_SUBJECT_AGREEMENT = 0.8  # of duplicates with a plain ground; set on drawn and real photo boxes
MAX_COLOUR_DISTANCE = 0.35
MIN_OVERLAP = 0.3  # of the smaller subject; two subjects with less are in different places

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Subjects:
    """The subjects of photos, for the thumbnails of these photos.

    Attributes:
        grey: Brightness of each subject, uint8, [S, 32, 32].
        colour: Cb and Cr of each subject, int8, [S, 2, 8, 8].
        boxes: Position of each subject in each view of its photo, [S, 3, 4].
        of_photo: Subject of each photo, -1 if it has none, [P].
    """

    grey: NDArray[np.uint8]
    colour: NDArray[np.int8]
    boxes: Array
    of_photo: Indices

    @classmethod
    def of(cls, fingerprints: Sequence[Fingerprint]) -> Subjects:
        """Collect the subjects of fingerprints, one for each photo."""
        subjects = [print_.subject for print_ in fingerprints if print_.subject]
        has_subject = np.array([print_.subject is not None for print_ in fingerprints], bool)
        of_photo = np.where(has_subject, np.cumsum(has_subject) - 1, -1)
        if not subjects:
            return cls(
                np.empty((0, SIDE, SIDE), np.uint8),
                np.empty((0, 2, 8, 8), np.int8),
                np.empty((0, 3, 4), np.float32),
                of_photo,
            )
        columns = ((s.grey, s.colour, s.boxes) for s in subjects)
        grey, colour, boxes = (np.array(column) for column in zip(*columns, strict=True))
        return cls(grey, colour, boxes, of_photo)


def subjects_agree(
    subjects: Subjects,
    photos: tuple[Indices, Indices],
    views: tuple[Indices, Indices],
    turns: Indices,
    boxes: Array,
) -> NDArray[np.bool_]:
    """Return which pairs of photos show the same subject; true where one has no plain ground.

    A subject is larger or smaller where a watermark or the edge of the photo touches it. So two
    subjects are compared both complete and by the part that both photos show.

    Args:
        subjects: The subjects.
        photos: Photo indices of both sides of each pair, [N] each.
        views: Views of these photos that were aligned, [N] each.
        turns: Turn of the second photo, indices into TURNS, [N].
        boxes: Position of the turned second thumbnail in the first one, [N, 4].
    """
    first, second = (subjects.of_photo[side] for side in photos)
    same = np.ones(len(turns), bool)
    both = np.flatnonzero((first >= 0) & (second >= 0))
    if len(both) == 0:
        return same
    first, second, turns = first[both], second[both], turns[both]
    grey, other_grey, colour, other_colour = (
        subjects.grey[first].astype(np.float32),
        turned(subjects.grey[second].astype(np.float32), turns),
        subjects.colour[first].astype(np.float32),
        turned(subjects.colour[second].astype(np.float32), turns),
    )
    whole = np.repeat(FULL_BOX, len(both), 0)
    place = subjects.boxes[first, views[0][both]]
    other_place = subjects.boxes[second, views[1][both]]
    other_place = _within(boxes[both], turned_boxes(other_place, turns))
    shared = _intersection(place, other_place)
    result = np.zeros(len(both), bool)
    for part, other_part in (
        (whole, whole),
        (_relative(shared, place), _relative(shared, other_place)),
    ):
        agree, _ = agreement(
            resampled(grey, part, SIDE), resampled(other_grey, other_part, SIDE), whole.copy()
        )
        distance = colour_distance(
            resampled(colour, part[:, None], 8),
            resampled(other_colour, other_part[:, None], 8),
            whole,
        )
        result |= (agree >= MIN_SUBJECT_AGREEMENT) & (distance <= MAX_COLOUR_DISTANCE)
    enough = _area(shared) >= MIN_OVERLAP * np.minimum(_area(place), _area(other_place))
    same[both] = result & enough
    return same


def _within(outer: Array, boxes: Array) -> Array:
    """Return boxes given in fractions of outer boxes as boxes in fractions of a side, [N, 4]."""
    low, size = outer[:, :2], outer[:, 2:] - outer[:, :2]
    within: Array = np.concatenate([low, low], 1) + boxes * np.concatenate([size, size], 1)
    return within


def _relative(boxes: Array, outer: Array) -> Array:
    """Return boxes in fractions of outer boxes, [N, 4]: the inverse of `_within`."""
    low, size = outer[:, :2], outer[:, 2:] - outer[:, :2]
    relative: Array = (boxes - np.concatenate([low, low], 1)) / np.concatenate([size, size], 1)
    return relative


def _intersection(boxes: Array, others: Array) -> Array:
    """Return the part that both boxes contain, at least a hundredth of a side wide, [N, 4]."""
    low = np.maximum(boxes[:, :2], others[:, :2])
    high = np.minimum(boxes[:, 2:], others[:, 2:])
    return np.concatenate([low, np.maximum(high, low + 0.01)], 1)


def _area(boxes: Array) -> Array:
    area: Array = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return area
