"""Draw scenes for the tests of audit and duplicates: one picture per seed, sharp as a photo."""

from __future__ import annotations

import numpy as np
from PIL import Image


def scene(seed: int, width: int = 200, height: int = 160) -> Image.Image:
    """Draw patches of colour with grain."""
    rng = np.random.default_rng(seed)
    patches = Image.fromarray(rng.integers(0, 256, (6, 6, 3), np.uint8))
    smooth = np.asarray(patches.resize((width, height), Image.Resampling.BICUBIC), np.float32)
    grain = rng.normal(0, 12, (height, width, 1))
    return Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8))
