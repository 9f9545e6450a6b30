"""Heat maps of what an answer is based on in a photo, by class activation or occlusion."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from mineral_recog.data.evaluation_view import Pixels
from mineral_recog.models.engine import GRID, Engine

BATCH_SIZE = 16  # occluded photos in one forward pass


def heat_map(engine: Engine, pixels: Pixels, label: int) -> NDArray[np.float32]:
    """Return how strongly each position of a photo supports a class, [rows, columns] in 0..1.

    The target is the logit of the class minus the mean logit of all classes. The map is the
    engine's `class_map`, as for convolutional networks from 224 pixels on; for any other network
    it is the drop of the target when the position is occluded with the photo's mean (Zeiler and
    Fergus, "Visualizing and understanding convolutional networks", ECCV 2014). Positions that
    oppose the class are 0.

    Args:
        engine: Engine of the model.
        pixels: View of the photo, uint8 [S, S, 3].
        label: Label of the class.

    Returns:
        The heat map, float32.
    """
    heat = engine.class_map(pixels, label)
    if heat is None:
        heat = _occlusion_map(engine, pixels, label)
    heat = heat.clip(min=0)
    return np.asarray(heat / max(heat.max(), 1e-12), dtype=np.float32)


def _occlusion_map(engine: Engine, pixels: Pixels, label: int) -> NDArray[np.float32]:
    """Return the drop of a class's logit minus the mean logit when each position is occluded.

    The occluding square is two eighths of the side wide and moves in steps of one eighth.
    """
    size = len(pixels)
    mean_colour = pixels.mean(axis=(0, 1)).astype(np.uint8)
    width = round(2 * size / (GRID + 1))
    starts = [round(step * size / (GRID + 1)) for step in range(GRID)]
    photos = [pixels]
    for top, left in product(starts, repeat=2):
        occluded = pixels.copy()
        occluded[top : top + width, left : left + width] = mean_colour
        photos.append(occluded)
    logits = np.concatenate(
        [
            engine.predict(np.stack(photos[start : start + BATCH_SIZE]))[1]
            for start in range(0, len(photos), BATCH_SIZE)
        ]
    )
    score = logits[:, label] - logits.mean(axis=1)
    return np.asarray(score[0] - score[1:]).reshape(GRID, GRID)
