"""The index: spectra as their integral, turns of signs, and which signs are least sure."""

from __future__ import annotations

import numpy as np
import pytest

from mineral_recog.duplicates.candidates import (
    LOW,
    CandidateIndex,
    _differing,
    _least_sure,
    _under_turns,
)
from mineral_recog.duplicates.crops import CROPS, TURNS, spectra, turned


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """Smooth, as photos are."""
    waves = np.random.default_rng(0).normal(size=(5, 9, 9)).cumsum(1).cumsum(2)
    large = np.repeat(np.repeat(waves, 4, 1), 4, 2)[:, :32, :32]
    low, high = large.min((1, 2), keepdims=True), large.max((1, 2), keepdims=True)
    grey: np.ndarray = (255 * (large - low) / (high - low)).astype(np.uint8)
    return grey


@pytest.mark.parametrize("crop", [0, 1, 17, 35])
def test_a_spectrum_is_the_integral_over_its_crop(pictures: np.ndarray, crop: int) -> None:
    fine = np.kron(pictures[0], np.ones((40, 40)))  # 1280 pixels: crops end between two of them
    left, top, right, bottom = np.rint(1280 * CROPS[crop]).astype(int)
    inside = fine[top:bottom, left:right]
    x, y = ((np.arange(side) + 0.5) / side for side in inside.shape[::-1])
    for down, across in [(0, 0), (1, 0), (0, 1), (3, 2), (7, 7)]:
        wave = np.outer(np.cos(np.pi * down * y), np.cos(np.pi * across * x))
        found = spectra(pictures[:1], cropped=True)[down, across, crop, 0]
        assert found == pytest.approx((inside * wave).mean(), abs=0.01)


def test_whole_pictures_are_the_first_crop(pictures: np.ndarray) -> None:
    every, whole = spectra(pictures, cropped=True), spectra(pictures, cropped=False)
    assert every.shape == (8, 8, 36, 5)
    assert whole.shape == (8, 8, 1, 5)
    np.testing.assert_allclose(every[:, :, :1], whole, atol=1e-3)


def test_signs_of_turned_pictures_are_turned_signs(pictures: np.ndarray) -> None:
    hashes = _under_turns(spectra(pictures, cropped=False)[:, :, 0])
    for turn in range(len(TURNS)):
        other = turned(pictures.astype(np.float32), np.full(5, turn)).astype(np.uint8)
        again = _under_turns(spectra(other, cropped=False)[:, :, 0])[0]
        assert _differing(hashes[turn], again).sum() <= 1  # numbers next to 0 may round either way


def test_the_least_sure_signs_are_those_of_the_smallest_numbers() -> None:
    views = np.random.default_rng(0).normal(size=(LOW, 50)).astype(np.float32)
    unsure = _least_sure(views)
    place = unsure % LOW
    assert (place == np.argsort(np.abs(views), axis=0)[:3]).all()
    assert ((unsure >= LOW) == (np.take_along_axis(views, place, 0) > 0)).all()


def test_a_picture_is_found_as_the_crop_of_another_that_it_is(pictures: np.ndarray) -> None:
    fine = np.kron(pictures[2], np.ones((40, 40)))
    part = fine[96:, :1184]  # 7.5 % off the top and off the right
    small = part.reshape(32, 37, 32, 37).mean((1, 3)).astype(np.uint8)
    found = CandidateIndex(np.stack([*pictures, small]), np.arange(6)).look_up(2, 3)
    (row,) = np.flatnonzero(found.second == 5)
    np.testing.assert_allclose(CROPS[found.crop[row]], [0, 0.075, 0.925, 1])
    assert TURNS[found.turn[row]] == (False, False, False)
