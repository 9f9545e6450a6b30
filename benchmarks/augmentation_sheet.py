"""Draw docs/augmentation.png: what each key of a recipe's views does to a drawn mineral.

    python benchmarks/augmentation_sheet.py docs/augmentation.png

Each row is a setting with six views, as `train` makes them of the seeds 0 to 5: the same six crops
in all rows but those of cutmix, mixup and the test views.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from mineral_recog.data.augmentation import Augmenter
from mineral_recog.data.transforms import evaluation_transform, seeded_torch, training_transform
from mineral_recog.models.views import other_views
from mineral_recog.recipes.view_settings import Augmentation, Crop
from mineral_recog.synthetic.photo import draw_photo
from mineral_recog.training.mixup import cut_and_mix, mix

SIZE, VIEWS, LABEL, GAP, MINERALS = 112, 6, 210, 8, ("Malachite", "Fluorite")
ROWS = (
    Augmentation(),
    Augmentation(quarter_turns=True),
    Augmentation(trivial_augment=True),
    Augmentation(colour=0.4),
    Augmentation(hue=0.1),
    Augmentation(colour=0.4, keep_colour=True),
    Augmentation(erasing=1.0),
)


def training_views(photo: Image.Image, settings: Augmentation) -> list[Tensor]:
    """Return views of a photo of the first mineral, as training makes them."""
    crop, augment = training_transform(SIZE, Crop(scale=0.3)), Augmenter(settings, MINERALS)
    views = []
    for seed in range(VIEWS):
        with seeded_torch(seed):
            views.append(augment(crop(photo), 0))
    return views


def rows() -> list[tuple[str, list[Tensor]]]:
    """Return the rows of the picture: names and views, uint8 [3, S, S]."""
    photos = [draw_photo(name, 256, np.random.default_rng(5)) for name in MINERALS]
    made = []
    for settings in ROWS:
        changes = settings.model_dump(exclude_defaults=True)
        name = "\n".join(f"{key}: {value}".lower() for key, value in changes.items())
        made.append((name or "crop and mirror image", training_views(photos[0], settings)))
    pairs = [training_views(photo, Augmentation()) for photo in photos]
    for name, blend in (("mixup: 1", mix), ("cutmix: 1", cut_and_mix)):
        blends = [
            blend(torch.stack(pair), 1.0, np.random.default_rng([seed, 0])).pixels[0]
            for seed, pair in enumerate(zip(*pairs, strict=True))
        ]
        made.append((f"{name}\n(with {MINERALS[1]})", blends))
    view = evaluation_transform(SIZE)(photos[0])
    for count in (2, 5):
        others = [other[0].to(torch.uint8) for other in other_views(view[None], count)]
        made.append((f"test_views: {count}", [view, *others]))
    return made


def sheet() -> Image.Image:
    """Draw the picture."""
    made, step = rows(), SIZE + GAP
    picture = Image.new("RGB", (LABEL + VIEWS * step, GAP + len(made) * step), "#fbfaf7")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(15)
    for row, (name, views) in enumerate(made):
        top = GAP + row * step
        pen.multiline_text((GAP, top + SIZE // 2), name, "#3a3834", font, anchor="lm")
        for column, view in enumerate(views):
            tile = Image.fromarray(view.permute(1, 2, 0).numpy())
            picture.paste(tile, (LABEL + column * step, top))
    return picture


if __name__ == "__main__":
    sheet().quantize(192).save(Path(sys.argv[1]), optimize=True)
