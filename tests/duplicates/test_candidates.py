"""Candidate index: spectra, turned hashes, the least certain signs, and search."""

from __future__ import annotations

import numpy as np
import pytest

from mineral_recog.duplicates.candidates import (
    LOW_SIGNS,
    CandidateIndex,
    _differing,
    _least_certain,
    _turned_hashes,
)
from mineral_recog.duplicates.crops import CROPS, TURNS, spectra, turned


@pytest.fixture(scope="module")
def thumbnails() -> np.ndarray:
    """Return thumbnails that are as smooth as photos."""
    waves = np.random.default_rng(0).normal(size=(5, 9, 9)).cumsum(1).cumsum(2)
    large = np.repeat(np.repeat(waves, 4, 1), 4, 2)[:, :32, :32]
    low, high = large.min((1, 2), keepdims=True), large.max((1, 2), keepdims=True)
    grey: np.ndarray = (255 * (large - low) / (high - low)).astype(np.uint8)
    return grey


@pytest.mark.parametrize("crop", [0, 1, 17, 35])
def test_spectrum_is_the_integral_over_its_crop(thumbnails: np.ndarray, crop: int) -> None:
    fine = np.kron(thumbnails[0], np.ones((40, 40)))  # 1280 pixels: crops end between two pixels
    left, top, right, bottom = np.rint(1280 * CROPS[crop]).astype(int)
    inside = fine[top:bottom, left:right]
    x, y = ((np.arange(side) + 0.5) / side for side in inside.shape[::-1])
    for down, across in [(0, 0), (1, 0), (0, 1), (3, 2), (7, 7)]:
        wave = np.outer(np.cos(np.pi * down * y), np.cos(np.pi * across * x))
        value = spectra(thumbnails[:1], cropped=True)[down, across, crop, 0]
        assert value == pytest.approx((inside * wave).mean(), abs=0.01)


def test_complete_thumbnail_is_the_first_crop(thumbnails: np.ndarray) -> None:
    cropped, complete = spectra(thumbnails, cropped=True), spectra(thumbnails, cropped=False)
    assert cropped.shape == (8, 8, 36, 5)
    assert complete.shape == (8, 8, 1, 5)
    np.testing.assert_allclose(cropped[:, :, :1], complete, atol=1e-3)


def test_hashes_of_turned_thumbnails_are_turned_hashes(thumbnails: np.ndarray) -> None:
    hashes = _turned_hashes(spectra(thumbnails, cropped=False)[:, :, 0])
    for turn in range(len(TURNS)):
        other = turned(thumbnails.astype(np.float32), np.full(5, turn)).astype(np.uint8)
        expected = _turned_hashes(spectra(other, cropped=False)[:, :, 0])[0]
        assert _differing(hashes[turn], expected).sum() <= 1  # values near 0 may round either way


def test_least_certain_signs_have_the_smallest_magnitudes() -> None:
    views = np.random.default_rng(0).normal(size=(LOW_SIGNS, 50)).astype(np.float32)
    unsure = _least_certain(views)
    position = unsure % LOW_SIGNS
    assert (position == np.argsort(np.abs(views), axis=0)[:3]).all()
    assert ((unsure >= LOW_SIGNS) == (np.take_along_axis(views, position, 0) > 0)).all()


def test_crop_of_another_thumbnail_is_found(thumbnails: np.ndarray) -> None:
    fine = np.kron(thumbnails[2], np.ones((40, 40)))
    part = fine[96:, :1184]  # 7.5 % off the top and off the right
    small = part.reshape(32, 37, 32, 37).mean((1, 3)).astype(np.uint8)
    candidates = CandidateIndex(np.stack([*thumbnails, small]), np.arange(6)).search(2, 3)
    (row,) = np.flatnonzero(candidates.second == 5)
    np.testing.assert_allclose(CROPS[candidates.crop[row]], [0, 0.075, 0.925, 1])
    assert TURNS[candidates.turn[row]] == (False, False, False)
