"""Scores of training photos that are left out of the fit: which photos have one, and its size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from mineral_recog.calibration.gate import Gate, fit_gate
from mineral_recog.calibration.held_out import FOLDS, auxiliary_scores
from mineral_recog.calibration.limits import AuxiliaryScores
from mineral_recog.calibration.temperature import AnyFloats, Ints, class_weights

COUNTS = (40, 20, 2)
LABELS = np.repeat([0, 1, 2], COUNTS)
SPECIMENS = [str(number) for number in range(len(LABELS))]


def draw_parts(seed: int, labels: Ints = LABELS, shift: float = 0.0) -> list[AnyFloats]:
    """Return two parts of features around a direction for each class."""
    rng = np.random.default_rng(seed)
    return [
        np.eye(width)[labels] + shift + 0.2 * rng.normal(size=(len(labels), width))
        for width in (8, 6)
    ]


TRAIN, VAL = draw_parts(0), draw_parts(1)


@pytest.fixture(scope="module")
def gate() -> Gate:
    return fit_gate(160, TRAIN, LABELS, VAL, LABELS, np.linspace(-1, 1, len(LABELS)))


def scored(
    gate: Gate,
    val: Sequence[AnyFloats] = VAL,
    val_labels: Ints = LABELS,
    specimens: Sequence[str] = SPECIMENS,
    train: Sequence[AnyFloats] = TRAIN,
) -> AuxiliaryScores | None:
    return auxiliary_scores(gate, train, LABELS, val, val_labels, specimens)


def test_scores_are_those_of_new_photos(gate: Gate) -> None:
    auxiliary = scored(gate)
    assert auxiliary is not None
    # The class of two photos is never left out.
    assert auxiliary.of_all.shape == (60 + 62, 2)
    labels = np.concatenate([LABELS[:60], LABELS])
    np.testing.assert_array_equal(auxiliary.weights, class_weights(labels))
    val = gate.scores(VAL)
    expected = np.stack([val.no_mineral, val.novelty], axis=1)
    np.testing.assert_array_equal(auxiliary.of_photos, expected)
    np.testing.assert_array_equal(auxiliary.of_all[60:], expected)
    # A photo seems nearer to a fit that it is part of; left out, it is as far as new ones are.
    seen, left_out = gate.scores(TRAIN).no_mineral[:60].mean(), auxiliary.of_all[:60, 0].mean()
    new = gate.scores(draw_parts(2, np.repeat([0, 1], 2000))).no_mineral.mean()
    assert abs(left_out - new) < 0.5 * abs(seen - new)


def test_photos_of_a_specimen_are_left_out_together(gate: Gate) -> None:
    strange = [part.copy() for part in TRAIN]
    for part in strange:
        part[:2] = -part[0]  # two photos of one stone, unlike all others
    apart, together = (
        scored(gate, specimens=names, train=strange)
        for names in (SPECIMENS, ["0", "0", *SPECIMENS[2:]])
    )
    assert apart is not None
    assert together is not None
    assert (together.of_all[:2, 0] > apart.of_all[:2, 0]).all()


def test_no_scores_where_they_would_not_help(gate: Gate) -> None:
    assert scored(gate, val=draw_parts(1, shift=0.3)) is None  # photos of another kind
    many = np.repeat([0, 1, 2], (300, 150, 50))
    assert scored(gate, val=draw_parts(1, many), val_labels=many) is None
    # All photos of a class are one specimen: without it there is no fit, so none of its photos
    # has a score, nor have those that would be left out with it.
    one = ["stone"] * 40 + SPECIMENS[40:]
    auxiliary = scored(gate, specimens=one)
    assert auxiliary is not None
    assert len(auxiliary.of_all) == 20 - 20 // FOLDS + 62
