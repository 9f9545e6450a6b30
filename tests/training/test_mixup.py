"""Mixup and cutmix: blends of two photos."""

from __future__ import annotations

import numpy as np
import torch

from mineral_recog.training.mixup import cut_and_mix, mix


def test_each_photo_has_the_larger_share_in_its_blend() -> None:
    pixels = torch.arange(0, 250, 50, dtype=torch.uint8)[:, None, None, None].expand(5, 3, 2, 2)
    for seed in range(20):
        blend = mix(pixels, 0.4, np.random.default_rng(seed))
        lam, partners = blend.own_share, blend.partners
        assert 0.5 <= lam <= 1
        assert blend.pixels.dtype == torch.uint8
        assert sorted(partners.tolist()) == list(range(5))
        expected = lam * pixels.float() + (1 - lam) * pixels[partners].float()
        assert float((blend.pixels.float() - expected).abs().max()) <= 0.51


def test_same_seed_gives_the_same_blends() -> None:
    pixels = torch.randint(0, 256, (4, 3, 2, 2), dtype=torch.uint8)
    first, second = (mix(pixels, 0.2, np.random.default_rng(1)) for _ in range(2))
    assert torch.equal(first.pixels, second.pixels)
    assert torch.equal(first.partners, second.partners)
    assert first.own_share == second.own_share


def test_cutmix_replaces_a_rectangle_by_that_of_the_partner() -> None:
    pixels = torch.arange(10, 60, 10, dtype=torch.uint8)[:, None, None, None].expand(5, 3, 20, 30)
    shares = []
    for seed in range(40):
        blend = cut_and_mix(pixels, 1.0, np.random.default_rng(seed))
        from_partner = torch.zeros(20, 30, dtype=torch.bool)
        for photo, partner in enumerate(blend.partners.tolist()):
            own, other = 10 + 10 * photo, 10 + 10 * partner
            assert set(blend.pixels[photo].unique().tolist()) <= {own, other}
            if own != other:
                from_partner = (blend.pixels[photo] == other)[0]
        rows, columns = torch.nonzero(from_partner).T
        if len(rows):
            height, width = rows.max() - rows.min() + 1, columns.max() - columns.min() + 1
            assert int(height * width) == int(from_partner.sum())  # one rectangle
        assert blend.own_share == 1 - int(from_partner.sum()) / 600
        shares.append(blend.own_share)
    assert min(shares) >= 0.5
    assert max(shares) > 0.9


def test_cutmix_by_hand() -> None:
    class Fixed:
        """Draws lam 0.75, the partner beside, and the center of the picture."""

        def beta(self, *_: float) -> float:
            return 0.75

        def permutation(self, count: int) -> np.ndarray:
            return np.roll(np.arange(count), -1)

        def random(self, count: int) -> np.ndarray:
            return np.full(count, 0.5)

    pixels = torch.tensor([0, 9], dtype=torch.uint8)[:, None, None, None].expand(2, 3, 4, 4)
    blend = cut_and_mix(pixels, 1.0, Fixed())  # type: ignore[arg-type]
    expected = torch.tensor([[0, 0, 0, 0], [0, 9, 9, 0], [0, 9, 9, 0], [0, 0, 0, 0]])
    assert blend.own_share == 0.75  # a rectangle of half the sides
    assert blend.pixels[0, 0].tolist() == expected.tolist()
    assert blend.pixels[1, 0].tolist() == (9 - expected).tolist()
