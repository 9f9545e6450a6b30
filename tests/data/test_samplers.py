"""Samplers and weights agree with numbers computed by hand, and with earlier versions."""

from __future__ import annotations

import hashlib
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mineral_recog.data.samplers import (
    ClassBalancedSampler,
    MixedSampler,
    NaturalSampler,
    build_sampler,
    inverse_probability_weights,
    number_of_batches,
    split_into_batches,
)

# Ten photos of class 0, seven of class 1, three of class 2, not in order.
LABELS = np.array([0, 1, 0, 0, 2, 1, 0, 1, 0, 0, 1, 2, 0, 1, 0, 1, 0, 2, 0, 1])


def test_inverse_probability_weights_computed_by_hand() -> None:
    # p = 0, 0.5, 1, 1, 1: u = 1, 0.5, 0, 0, 0 (each + 1e-5); r = 1 / 0.125 = 8;
    # beta = ln 4 / ln 8 = 2/3, below 1, so 1: w = u / 1.5.
    p = np.array([0.0, 0.5, 1.0, 1.0, 1.0])
    weights = inverse_probability_weights(p, np.zeros(5, dtype=np.int64), 1)
    assert weights == pytest.approx([2 / 3, 1 / 3, 0, 0, 0], abs=2e-5)


def test_inverse_probability_weights_with_beta_over_one() -> None:
    # p = 0.2, 0.4, 0.4, 0.4, 0.6 scales to 0, 0.5, 0.5, 0.5, 1: u = 1, 0.5, 0.5, 0.5, 0;
    # r = 1 / 0.375 = 8/3; beta = ln 4 / ln (8/3) = 1.41339; 0.5^beta = 0.37543.
    p = np.array([0.2, 0.4, 0.4, 0.4, 0.6])
    weights = inverse_probability_weights(p, np.zeros(5, dtype=np.int64), 1)
    beta = math.log(4) / math.log(8 / 3)
    assert beta == pytest.approx(1.41339, abs=1e-5)
    total = 1 + 3 * 0.37543
    expected = [1 / total, *[0.37543 / total] * 3, 0]
    assert weights == pytest.approx(expected, abs=2e-5)


def test_beta_is_capped_at_ten() -> None:
    # u is nearly equal except for one much lower photo: r is close to 1, ln 4 / ln r far above 10.
    p = np.array([0.0, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 1.0])
    weights = inverse_probability_weights(p, np.zeros(11, dtype=np.int64), 1)
    assert weights[0] / weights[1] == pytest.approx((1.00001 / 0.99901) ** 10, rel=1e-6)


def test_small_classes_and_equal_probabilities_give_uniform_weights() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1])
    p = np.array([0.1, 0.2, 0.9, 0.4, 0.5, 0.5, 0.5, 0.5, 0.5])
    assert inverse_probability_weights(p, labels, 2) == pytest.approx([0.25] * 4 + [0.2] * 5)


@given(st.lists(st.floats(0, 1), min_size=20, max_size=20))
def test_weights_sum_to_one_per_class_and_fall_with_the_probability(values: list[float]) -> None:
    p = np.array(values)
    weights = inverse_probability_weights(p, LABELS, 3)
    assert np.bincount(LABELS, weights) == pytest.approx([1, 1, 1])
    for members in (LABELS == 0, LABELS == 1):
        order = np.argsort(p[members])
        assert (np.diff(weights[members][order]) <= 1e-12).all()


def test_natural_sampler_draws_each_photo_once_per_epoch() -> None:
    sampler = NaturalSampler(LABELS, 3, batch_size=8, seed=0)
    batches = sampler.draw(0)
    assert [len(batch) for batch in batches] == [7, 7, 6]
    assert sorted(np.concatenate(batches)) == list(range(20))
    assert sampler.class_prior().tolist() == [0.5, 0.35, 0.15]


def test_class_balanced_sampler_has_uniform_class_frequencies() -> None:
    sampler = ClassBalancedSampler(LABELS, 3, batch_size=8, seed=0)
    drawn = np.concatenate([np.concatenate(sampler.draw(epoch)) for epoch in range(2000)])
    assert len(drawn) == 40_000
    share = np.bincount(LABELS[drawn], minlength=3) / len(drawn)
    assert share == pytest.approx([1 / 3] * 3, abs=0.01)
    # Within a class all photos are equally likely: a photo of class 2 has probability 1/9.
    photo_share = np.bincount(drawn, minlength=20) / len(drawn)
    assert photo_share[LABELS == 2] == pytest.approx([1 / 9] * 3, abs=0.01)
    assert photo_share[LABELS == 0] == pytest.approx([1 / 30] * 10, abs=0.005)


@pytest.mark.parametrize("name", ["mixed_halves", "mixed_batches"])
@pytest.mark.parametrize(
    ("class_mass", "prior"),
    [("balanced", [0.41667, 0.34167, 0.24167]), ("natural", [0.5, 0.35, 0.15])],
)
def test_mixed_sampler_draws_by_its_weights(name: str, class_mass: str, prior: list[float]) -> None:
    p = np.linspace(0, 1, 20).astype(np.float32)
    sampler = build_sampler(name, LABELS, 3, 8, 0, p, class_mass)
    batches = [batch for epoch in range(4000) for batch in sampler.draw(epoch)]
    assert len(batches) == 3 * 4000
    drawn = np.concatenate(batches)
    assert len(drawn) == (20 if name == "mixed_halves" else 40) * 4000
    share = np.bincount(drawn, minlength=20) / len(drawn)
    mass = np.full(3, 1 / 3) if class_mass == "balanced" else np.bincount(LABELS) / 20
    # Half uniform over 20 photos; half by weight, which sums to 1 in each class.
    weights = inverse_probability_weights(p, LABELS, 3)
    assert share == pytest.approx(0.5 / 20 + 0.5 * weights * mass[LABELS], abs=0.004)
    by_class = np.bincount(LABELS[drawn], minlength=3) / len(drawn)
    assert by_class == pytest.approx(sampler.class_prior(), abs=0.01)
    assert sampler.class_prior() == pytest.approx(prior, abs=1e-5)


def test_batches_of_mixed_halves_contain_both() -> None:
    # Photos 0..99 of class 0 and one of class 1, which has the total weight of its class.
    labels = np.array([0] * 100 + [1])
    sampler = MixedSampler(labels, 2, 10, 0, np.full(101, 0.5, np.float32))
    batches = sampler.draw(3)
    assert sum(map(len, batches)) == 101
    assert {len(batch) for batch in batches} <= {9, 10}
    assert np.mean([np.isin(100, batch) for batch in batches]) > 0.8


@pytest.mark.parametrize("name", ["natural", "class_balanced", "mixed_halves", "mixed_batches"])
def test_draw_depends_only_on_seed_and_epoch(name: str) -> None:
    p = np.linspace(0, 1, 20).astype(np.float32)

    def draw(seed: int, epoch: int) -> list[int]:
        sampler = build_sampler(name, LABELS, 3, 8, seed, p)
        return [int(index) for batch in sampler.draw(epoch) for index in batch]

    assert draw(1, 2) == draw(1, 2)
    assert draw(1, 2) != draw(1, 3)
    assert draw(1, 2) != draw(2, 2)


def test_unknown_sampler_is_refused() -> None:
    with pytest.raises(ValueError, match="loudest"):
        build_sampler("loudest", LABELS, 3, 8, 0, np.zeros(20, np.float32))


def long_tailed_data(
    photo_count: int, class_count: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return unsorted long-tailed labels, and probabilities that are all the same in class 1."""
    uniform = np.random.default_rng(1).random(photo_count)
    labels = (class_count * (uniform * uniform * uniform)).astype(np.int64)
    p = np.random.default_rng(2).random(photo_count, dtype=np.float32)
    p[labels == 1] = 0.5
    return labels, p


# From the first version of the samplers, which kept a list of small arrays; its runs must stay
# reproducible.
GOLDEN = [
    ("natural", 1, 1, "af8a44699e0fe2cb"),
    ("natural", 20, 3, "88cce919f5a6e1cd"),
    ("natural", 1001, 36, "99e24da2b8fbba5c"),
    ("natural", 70001, 300, "10f75cd49a7b5442"),
    ("natural", 300007, 36, "7cfe53ad64608e6f"),
    ("class_balanced", 1, 1, "af8a44699e0fe2cb"),
    ("class_balanced", 20, 3, "69009381236f62a2"),
    ("class_balanced", 1001, 36, "5c156b1493974b5d"),
    ("class_balanced", 70001, 300, "310b5c531ee3b14d"),
    ("class_balanced", 300007, 36, "c95808199629dfa0"),
    ("mixed_halves", 1, 1, "af8a44699e0fe2cb"),
    ("mixed_halves", 20, 3, "2fa5783fec28811c"),
    ("mixed_halves", 1001, 36, "85c2fd5589063294"),
    ("mixed_halves", 70001, 300, "45f7d21fe72938b3"),
    ("mixed_halves", 300007, 36, "21d7bc12896265fe"),
]


@pytest.mark.parametrize(("name", "photo_count", "class_count", "golden"), GOLDEN)
def test_draws_stay_the_same(name: str, photo_count: int, class_count: int, golden: str) -> None:
    labels, p = long_tailed_data(photo_count, class_count)
    if photo_count % 2:
        labels = labels.astype(np.min_scalar_type(class_count))  # of any integer type
    batch_size = 128 if photo_count > 100 else 8
    sampler = build_sampler(name, labels, class_count, batch_size, 3407, p)
    digest = hashlib.sha256()
    for epoch in (0, 7):
        for batch in sampler.draw(epoch):
            digest.update(np.array([len(batch), *batch], dtype="<i8").tobytes())
    assert digest.hexdigest()[:16] == golden


@pytest.mark.parametrize("name", ["natural", "class_balanced", "mixed_halves"])
def test_ten_million_photos_are_drawn_in_a_gigabyte(name: str) -> None:
    labels, p = long_tailed_data(300_007, 36)
    tracemalloc.start()
    try:
        build_sampler(name, labels, 36, 128, 3407, p).draw(0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak / len(labels) < 100  # bytes


@given(st.integers(2, 400), st.integers(2, 50))
def test_batches_differ_by_at_most_one_photo_and_none_is_alone(
    photo_count: int, batch_size: int
) -> None:
    batches = split_into_batches(np.arange(photo_count), batch_size)
    assert np.concatenate(batches).tolist() == list(range(photo_count))
    sizes = [len(batch) for batch in batches]
    assert max(sizes) <= (batch_size + 1 if batch_size == 2 else batch_size)
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) >= 2
    assert len(batches) == number_of_batches(photo_count, batch_size)


@given(
    st.integers(2, 120), st.integers(2, 12), st.integers(0, 9),
    st.sampled_from(["natural", "class_balanced", "mixed_halves"]),
)  # fmt: skip
def test_no_sampler_draws_a_photo_alone(
    photo_count: int, batch_size: int, epoch: int, name: str
) -> None:
    labels = np.arange(photo_count) % 2
    p = np.linspace(0, 1, photo_count, dtype=np.float32)
    batches = build_sampler(name, labels, 2, batch_size, 3, p).draw(epoch)
    assert sum(map(len, batches)) == photo_count
    assert len(batches) == number_of_batches(photo_count, batch_size)
    assert min(map(len, batches)) >= 2


def test_only_batches_of_two_change_their_number() -> None:
    changed = {
        size
        for count in range(2, 300)
        for size in range(2, 60)
        if number_of_batches(count, size) != -(-count // size)
    }
    assert changed == {2}  # so that all other runs stay as they were
