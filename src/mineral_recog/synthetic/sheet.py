"""A contact sheet: every species side by side, with its name."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mineral_recog.synthetic.photo import photo_of
from mineral_recog.synthetic.species import Variety, all_species

TRIES = 10
TRIAL = 56  # pixels, as trials are many
OVER = 1.5  # photos are drawn larger and shrunk, which hides the camera's noise
PAPER, TEXT = "#fbfaf7", "#3a3834"


def contact_sheet(size: int = 96, columns: int = 12, seed: int = 3407) -> Image.Image:
    """One photo of each species at size x size, `columns` to a row, RGB, the name beneath.

    The photo is of the most frequent variety, the one that a reader expects, and the clearest of
    a few.
    """
    species = list(all_species().values())
    gap, line = max(2, size // 12), max(10, round(size * 0.24))
    rows = -(-len(species) // columns)
    shape = (gap + columns * (size + gap), gap + rows * (size + line + gap))
    sheet = Image.new("RGB", shape, PAPER)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(max(7, round(size * 0.125)))
    for number, mineral in enumerate(species):
        row, column = divmod(number, columns)
        left, top = gap + column * (size + gap), gap + row * (size + line + gap)
        photo = _clearest(mineral.varieties[0], round(OVER * size), [seed, number])
        sheet.paste(photo.resize((size, size), Image.Resampling.LANCZOS), (left, top))
        below = (left + size / 2, top + size + line * 0.52)
        pen.text(below, mineral.name, fill=TEXT, font=font, anchor="mm")
    return sheet


def _clearest(variety: Variety, size: int, seed: list[int]) -> Image.Image:
    """The clearest of a few photos, judged on small drawings of the same seeds."""

    def clarity(number: int) -> float:
        return _clarity(photo_of(variety, TRIAL, np.random.default_rng([*seed, number])))

    best = max(range(TRIES), key=clarity)
    return photo_of(variety, size, np.random.default_rng([*seed, best]))


def _clarity(photo: Image.Image) -> float:
    """How much detail is in a photo's middle and not around it, and how it differs from there."""
    light = np.asarray(photo, np.float32)
    steps = np.diff(light[1:], axis=1) ** 2 + np.diff(light[:, 1:], axis=0) ** 2
    inner = slice(TRIAL // 4, -(TRIAL // 4))
    middle = steps[inner, inner]
    around = (steps.sum() - middle.sum()) / (steps.size - middle.size)
    rim = np.concatenate((light[: TRIAL // 6], light[-(TRIAL // 6) :]))
    contrast = np.abs(light[inner, inner] - np.median(rim, (0, 1))).mean()
    return float(1.5 * np.sqrt(middle.mean()) - 1.35 * np.sqrt(around) + 0.3 * contrast)
