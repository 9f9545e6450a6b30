"""Draw a contact sheet: every species side by side, with its name."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mineral_recog.synthetic.photo import draw_variety
from mineral_recog.synthetic.species import Variety, all_species

TRIALS = 10
TRIAL_SIZE = 56  # pixels; small because there are many trials
OVERSAMPLING = 1.5  # photos are drawn larger and reduced, which hides the camera's noise
PAPER, TEXT = "#fbfaf7", "#3a3834"


def contact_sheet(size: int = 96, columns: int = 12, seed: int = 3407) -> Image.Image:
    """Draw one photo per species at size x size, `columns` per row, RGB, with the name below.

    The photo shows the most frequent variety, which readers expect, and is the clearest of a few.
    """
    species = list(all_species().values())
    gap, line = max(2, size // 12), max(10, round(size * 0.24))
    rows = -(-len(species) // columns)
    shape = (gap + columns * (size + gap), gap + rows * (size + line + gap))
    sheet = Image.new("RGB", shape, PAPER)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(max(7, round(size * 0.125)))
    for index, mineral in enumerate(species):
        row, column = divmod(index, columns)
        left, top = gap + column * (size + gap), gap + row * (size + line + gap)
        photo = _clearest(mineral.varieties[0], round(OVERSAMPLING * size), [seed, index])
        sheet.paste(photo.resize((size, size), Image.Resampling.LANCZOS), (left, top))
        below = (left + size / 2, top + size + line * 0.52)
        pen.text(below, mineral.name, fill=TEXT, font=font, anchor="mm")
    return sheet


def _clearest(variety: Variety, size: int, seed: list[int]) -> Image.Image:
    """Return the clearest of a few photos, judged on small drawings with the same seeds."""

    def clarity(index: int) -> float:
        return _clarity(draw_variety(variety, TRIAL_SIZE, np.random.default_rng([*seed, index])))

    best = max(range(TRIALS), key=clarity)
    return draw_variety(variety, size, np.random.default_rng([*seed, best]))


def _clarity(photo: Image.Image) -> float:
    """Score a photo by the detail in its middle, less that around it, and by its contrast."""
    light = np.asarray(photo, np.float32)
    gradients = np.diff(light[1:], axis=1) ** 2 + np.diff(light[:, 1:], axis=0) ** 2
    inner = slice(TRIAL_SIZE // 4, -(TRIAL_SIZE // 4))
    middle = gradients[inner, inner]
    outer = (gradients.sum() - middle.sum()) / (gradients.size - middle.size)
    border = np.concatenate((light[: TRIAL_SIZE // 6], light[-(TRIAL_SIZE // 6) :]))
    contrast = np.abs(light[inner, inner] - np.median(border, (0, 1))).mean()
    return float(1.5 * np.sqrt(middle.mean()) - 1.35 * np.sqrt(outer) + 0.3 * contrast)
