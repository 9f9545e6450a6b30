"""Measure how well two photos with a plain ground agree in their subjects.

Photos of different stones on one ground agree in the ground, and so nearly everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mineral_recog.duplicates.agreement import FULL_BOX, agreement, colour_distance, resampled
from mineral_recog.duplicates.crops import turned, turned_boxes
from mineral_recog.duplicates.fingerprints import COLOUR_SIDE, SIDE, Array, Fingerprint

# Of subjects in duplicates. Different stones in photos from the web reach 0.71. The smaller a
# subject, the more the ground decides which photos are compared; smooth stones reach 0.89.
MIN_AGREEMENT, MIN_SMALL_AGREEMENT = 0.83, 0.92
SMALL_AREA = 0.25  # of the photo
MAX_SIZE_RATIO = 1.2  # of two subjects that are compared as a whole
MIN_OVERLAP = 0.3  # share of the smaller subject; with less, two subjects are in different places
MIN_SHARED = 0.01  # of a side; width of the part of two subjects that is compared

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """Pairs of views that were aligned, arrays of equal length.

    Attributes:
        photos: Photo of the first and of the second view of each pair, [2, N].
        views: Numbers of these views, as by `Fingerprint.views`, [2, N].
        turns: Turn of the second view, indices into TURNS, [N].
        boxes: Position of the turned second view in the first one, [N, 4].
    """

    photos: Indices
    views: Indices
    turns: Indices
    boxes: Array


@dataclass(frozen=True)
class Subjects:
    """The subjects of photos.

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


def collect_subjects(fingerprints: Sequence[Fingerprint]) -> Subjects:
    """Collect the subjects of photos, given one fingerprint per photo."""
    subjects = [known for known in (one.subject for one in fingerprints) if known is not None]
    exists = np.array([one.subject is not None for one in fingerprints], bool)
    of_photo = np.where(exists, np.cumsum(exists) - 1, -1)
    return Subjects(
        np.array([one.grey for one in subjects], np.uint8).reshape(-1, SIDE, SIDE),
        np.array([one.colour for one in subjects], np.int8).reshape(
            -1, 2, COLOUR_SIDE, COLOUR_SIDE
        ),
        np.array([one.boxes for one in subjects], np.float32).reshape(-1, 3, 4),
        of_photo,
    )


def subject_agreement(subjects: Subjects, pairs: Pairs, max_colour_distance: float) -> Array:
    """Measure how well the subjects of pairs of photos agree.

    A watermark or the edge of the photo makes a subject larger or smaller. So two subjects are
    compared as a whole and in the part that both have in common; the better agreement counts.

    Args:
        subjects: The subjects.
        pairs: The pairs.
        max_colour_distance: Subjects that differ more in colour do not agree.

    Returns:
        The agreement, [N], as by `agreement`; -1 for pairs that differ, and 1 for pairs of which a
        photo has no plain ground.
    """
    agree = np.ones(len(pairs.turns), np.float32)
    both = np.flatnonzero((subjects.of_photo[pairs.photos] >= 0).all(0))
    if len(both) == 0:
        return agree
    first, second = subjects.of_photo[pairs.photos[:, both]]
    first_view, second_view = pairs.views[:, both]
    turns, whole = pairs.turns[both], np.repeat(FULL_BOX, len(both), 0)
    place = subjects.boxes[first, first_view]
    other_place = turned_boxes(subjects.boxes[second, second_view], turns)
    other_place = _box_within(pairs.boxes[both], other_place)
    common = _intersection(place, other_place)
    best = np.full(len(both), -1, np.float32)
    parts = (whole, whole), (_box_relative(common, place), _box_relative(common, other_place))
    grey = subjects.grey[first], turned(subjects.grey[second], turns)
    colour = subjects.colour[first], turned(subjects.colour[second], turns)
    sizes = (place[:, 2:] - place[:, :2]) / (other_place[:, 2:] - other_place[:, :2])
    same_size = np.abs(np.log(sizes)).max(1) <= np.log(MAX_SIZE_RATIO)
    for boxes, comparable in zip(parts, (same_size, np.full(len(both), True)), strict=True):
        first_colour, second_colour = _parts(colour, boxes)
        distance = colour_distance(first_colour, second_colour, whole)
        kept = np.flatnonzero((distance <= max_colour_distance) & comparable)
        if len(kept):
            first_grey, second_grey = _parts(grey, boxes)
            found, _ = agreement(first_grey[kept], second_grey[kept], whole[kept])
            best[kept] = np.maximum(best[kept], found)
    smaller = np.minimum(_area(place), _area(other_place))
    in_photos = np.minimum(_area(subjects.boxes[first, 0]), _area(subjects.boxes[second, 0]))
    limit = np.where(in_photos < SMALL_AREA, MIN_SMALL_AGREEMENT, MIN_AGREEMENT)
    agree[both] = np.where((best >= limit) & (_area(common) >= MIN_OVERLAP * smaller), best, -1)
    return agree


def _parts(
    pixels: tuple[NDArray[np.uint8], NDArray[np.uint8]] | tuple[NDArray[np.int8], NDArray[np.int8]],
    boxes: tuple[Array, Array],
) -> tuple[Array, Array]:
    """Return the part of both thumbnails of each pair that lies in boxes [N, 4]."""
    first, second = (
        resampled(
            part.astype(np.float32),
            box.reshape(len(box), *([1] * (part.ndim - 3)), 4),
            part.shape[-1],
        )
        for part, box in zip(pixels, boxes, strict=True)
    )
    return first, second


def _box_within(outer: Array, boxes: Array) -> Array:
    """Return boxes given in fractions of outer boxes in fractions of a side, [N, 4]."""
    low, size = outer[:, [0, 1, 0, 1]], (outer[:, 2:] - outer[:, :2])[:, [0, 1, 0, 1]]
    within: Array = low + boxes * size
    return within


def _box_relative(boxes: Array, outer: Array) -> Array:
    """Return boxes in fractions of outer boxes, [N, 4]; the inverse of `_box_within`."""
    low, size = outer[:, [0, 1, 0, 1]], (outer[:, 2:] - outer[:, :2])[:, [0, 1, 0, 1]]
    relative: Array = (boxes - low) / size
    return relative


def _intersection(boxes: Array, others: Array) -> Array:
    """Return the part that both boxes have in common, never empty, [N, 4]."""
    low = np.maximum(boxes[:, :2], others[:, :2])
    high = np.minimum(boxes[:, 2:], others[:, 2:])
    return np.concatenate([low, np.maximum(high, low + MIN_SHARED)], 1)


def _area(boxes: Array) -> Array:
    area: Array = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return area
