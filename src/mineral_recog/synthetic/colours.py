"""Colours as they are written, as they are mixed and as numbers of light."""

from functools import lru_cache

import numpy as np

from mineral_recog.synthetic.textures import Array


@lru_cache(maxsize=1024)
def linear(colour: str) -> Array:
    """The linear RGB (3,) of a colour like #aabbcc, which is in sRGB."""
    coded = np.array([int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)])
    light = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    light = light.astype(np.float32)
    light.flags.writeable = False  # as it is given to many
    return light


def between(colours: tuple[str, ...], rng: np.random.Generator) -> Array:
    """A random colour, linear RGB (3,), on the way between two neighbours of a list."""
    if len(colours) == 1:
        return linear(colours[0])
    start = int(rng.integers(len(colours) - 1))
    share = np.float32(rng.random())
    return np.asarray(linear(colours[start]) * (1 - share) + linear(colours[start + 1]) * share)
