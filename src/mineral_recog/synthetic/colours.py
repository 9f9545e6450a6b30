"""Convert hexadecimal colours to linear RGB and pick random colours between them."""

from functools import lru_cache

import numpy as np

from mineral_recog.synthetic.textures import Array


@lru_cache(maxsize=1024)
def linear_rgb(colour: str) -> Array:
    """Return the linear RGB (3,) of an sRGB colour such as #aabbcc."""
    coded = np.array([int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)])
    light = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    light = light.astype(np.float32)
    light.flags.writeable = False  # the cached array is shared
    return light


def random_colour(colours: tuple[str, ...], rng: np.random.Generator) -> Array:
    """Return a random linear RGB colour (3,) between two neighbours of a list."""
    if len(colours) == 1:
        return linear_rgb(colours[0])
    start = int(rng.integers(len(colours) - 1))
    share = np.float32(rng.random())
    return np.asarray(
        linear_rgb(colours[start]) * (1 - share) + linear_rgb(colours[start + 1]) * share
    )
