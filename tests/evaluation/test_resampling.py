"""Intervals: their width, and how often they contain the truth in simulated test sets."""

from __future__ import annotations

import numpy as np
import pytest

from mineral_recog.evaluation import metrics, resampling
from tests.evaluation.test_metrics import GROUPS, GUESSES, LABELS, logits_of


def test_intervals_depend_on_the_seed_but_not_on_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    labels, logits = rng.integers(3, size=60), rng.normal(size=(60, 3))
    unblocked = resampling.bootstrap_intervals(labels, logits, GROUPS, 50, seed=1)
    assert resampling.bootstrap_intervals(labels, logits, GROUPS, 50, seed=2) != unblocked
    monkeypatch.setattr(resampling, "_MAX_DRAWS", 70)
    blocks = resampling.bootstrap_intervals(labels, logits, GROUPS, 50, seed=1)
    for key, bounds in unblocked.items():
        assert blocks[key] == pytest.approx(bounds)


def test_interval_of_mean_accuracy_has_its_nominal_coverage() -> None:
    rng = np.random.default_rng(3407)
    truth = np.array([0.9, 0.8, 0.6])
    labels = np.repeat(np.arange(3), (120, 60, 30))
    trials, covered = 300, 0
    for trial in range(trials):
        correct = rng.random(len(labels)) < truth[labels]
        guesses = np.where(correct, labels, (labels + 1) % 3)
        intervals = resampling.bootstrap_intervals(
            labels, logits_of(guesses), GROUPS, 200, seed=trial
        )
        low, high = intervals["mean_accuracy"]
        covered += low <= truth.mean() <= high
    assert 0.90 <= covered / trials <= 0.98


def test_interval_of_spread_corrects_the_bias_of_resampling() -> None:
    # Twelve classes with equal true accuracy: the spread is noise, and resampling doubles it. The
    # upper end contains that bias, since the spread of so few classes may also be large.
    rng = np.random.default_rng(1)
    labels = np.repeat(np.arange(12), 40)
    guesses = np.where(rng.random(480) < 0.7, labels, (labels + 1) % 12)
    groups = ["head"] * 12
    measured = metrics.compute_metrics(labels, logits_of(guesses, 12), groups)["cw_asd"]
    low, high = resampling.bootstrap_intervals(labels, logits_of(guesses, 12), groups)["cw_asd"]
    assert low < measured / 2
    assert measured <= high < 1.8 * measured


def test_intervals_need_a_resample() -> None:
    with pytest.raises(ValueError, match="at least one resample"):
        resampling.bootstrap_intervals(LABELS, logits_of(GUESSES), GROUPS, 0)


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("count", [1, 2, 20])
def test_classes_all_right_or_all_wrong_have_intervals_with_a_width(
    right: bool, count: int
) -> None:
    labels = np.repeat(np.arange(8), count)
    guesses = labels if right else (labels + 1) % 8
    groups = ["head"] * 4 + ["tail"] * 4
    intervals = resampling.bootstrap_intervals(labels, logits_of(guesses, 8), groups)
    for low, high in intervals.values():
        assert high - low > 0.01
    low, high = intervals["accuracy"]
    assert (high if right else low) == (1 if right else 0)
    assert (0.5 if count == 1 else 0.3 if count == 2 else 0.05) > high - low


def test_five_guesses_among_five_classes_are_always_right() -> None:
    labels = np.arange(5)
    intervals = resampling.bootstrap_intervals(labels, logits_of(labels, 5), ["head"] * 5)
    assert intervals["top5_accuracy"] == (1, 1)


@pytest.mark.parametrize("counts", [[1, 2, 5, 20] * 4, [1] * 12])
def test_intervals_contain_the_true_accuracy(counts: list[int]) -> None:
    truth = np.resize([0.5, 0.7, 0.8, 0.95], len(counts))
    labels = np.repeat(np.arange(len(counts)), counts)
    groups, rng = ["head"] * len(counts), np.random.default_rng(0)
    trials, covered = 200, np.zeros(2)
    for trial in range(trials):
        correct = rng.random(len(labels)) < truth[labels]
        guesses = np.where(correct, labels, (labels + 1) % len(counts))
        logits = logits_of(guesses, len(counts))
        intervals = resampling.bootstrap_intervals(labels, logits, groups, 200, seed=trial)
        for n, (key, value) in enumerate(
            (("mean_accuracy", truth.mean()), ("accuracy", truth[labels].mean()))
        ):
            low, high = intervals[key]
            covered[n] += low <= value <= high
    assert (covered / trials >= 0.9).all()


def test_photos_of_one_specimen_are_drawn_together() -> None:
    # Ten photos of each of eight specimens answered alike are worth eight photos, not 80.
    rng = np.random.default_rng(2)
    labels, specimens = np.repeat([0, 1], 40), np.repeat(np.arange(8), 10)
    right = np.repeat(rng.random(8) < 0.6, 10)
    logits = logits_of(np.where(right, labels, 1 - labels), 2)
    widths = []
    for units in (None, specimens):
        low, high = resampling.bootstrap_intervals(labels, logits, GROUPS[:2], specimens=units)[
            "mean_accuracy"
        ]
        widths.append(high - low)
    assert widths[1] > 2 * widths[0]
