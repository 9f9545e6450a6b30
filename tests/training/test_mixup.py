"""Mixup: blends of two photos."""

from __future__ import annotations

import numpy as np
import torch

from mineral_recog.training.mixup import mix


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
