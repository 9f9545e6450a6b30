"""The set on disk: a long-tailed training part, and balanced parts to choose and to test on."""

import json
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from mineral_recog.data.dataset import SPLITS
from mineral_recog.files import refuse_existing, whole_folder
from mineral_recog.i18n import tr
from mineral_recog.progress import SILENT, Progress
from mineral_recog.synthetic.photo import draw_photo
from mineral_recog.synthetic.sheet import contact_sheet
from mineral_recog.synthetic.species import species_names

CHUNK = 32  # photos to a task: enough to hide the cost of a task, few enough to share evenly

CONTACT_SHEET, MARK = "contact_sheet.png", "drawn.json"

Photo = tuple[int, int, int]  # split, class, number


@dataclass(frozen=True)
class DrawnSet:
    """Size of a drawn set.

    Attributes:
        size: Side of the photos in pixels.
        largest: Training photos of the largest class.
        imbalance: Training photos of the largest class over those of the smallest.
        val: Validation photos of each class.
        test: Test photos of each class.
    """

    size: int = 64
    largest: int = 244
    imbalance: float = 81.4
    val: int = 5
    test: int = 15


DEMO_SET = DrawnSet()


def draw_minerals(
    data: Path, drawn: DrawnSet, *, seed: int, force: bool = False, progress: Progress = SILENT
) -> None:
    """Draw a long-tailed set as a prepared folder, with a contact sheet of the minerals.

    Args:
        data: Folder to make.
        drawn: Size of the set.
        seed: The same seed gives the same pixels.
        force: Replace an earlier set in `data`.
        progress: Receives the progress.

    Raises:
        UserError: `data` exists and may not be replaced.
    """
    refuse_existing(data, force, made_by_us=(data / MARK).is_file())
    task = progress.start(tr("drawing minerals", "绘制矿物"), 1)
    with whole_folder(data) as partial:
        draw_set(partial, **asdict(drawn), seed=seed, on_drawn=task.set_of)
        contact_sheet(seed=seed).save(partial / CONTACT_SHEET)
        (partial / MARK).write_text(json.dumps({**asdict(drawn), "seed": seed}), encoding="utf-8")


def class_counts(largest: int, imbalance: float, classes: int) -> list[int]:
    """Photos of each class: from `largest` falling geometrically to largest / imbalance."""
    last = max(classes - 1, 1)
    return [max(1, round(largest * imbalance ** (-c / last))) for c in range(classes)]


def draw_set(
    out: Path,
    *,
    largest: int = 244,
    val: int = 5,
    test: int = 15,
    size: int = 64,
    imbalance: float = 81.4,
    seed: int = 3407,
    on_drawn: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Draw out/{train,val,test}/<Species>/0000.png; `val` and `test` are photos for each class.

    Every photo has a generator of its own, so the set is the same for any number of processors.
    `on_drawn` is told how many photos are drawn, and of how many.
    """
    names = species_names()
    trained = class_counts(largest, imbalance, len(names))
    photos: list[Photo] = []
    for split, counts in enumerate((trained, [val] * len(names), [test] * len(names))):
        for number, count in enumerate(counts):
            (out / SPLITS[split] / names[number]).mkdir(parents=True, exist_ok=True)
            photos += [(split, number, photo) for photo in range(count)]
    chunks = [photos[start : start + CHUNK] for start in range(0, len(photos), CHUNK)]
    done = 0
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        tasks = [pool.submit(_draw_some, out, chunk, size, seed) for chunk in chunks]
        for task in as_completed(tasks):
            done += task.result()
            on_drawn(done, len(photos))


def _draw_some(out: Path, photos: list[Photo], size: int, seed: int) -> int:
    """Draw and write some photos; how many."""
    names = species_names()
    for split, number, photo in photos:
        picture = draw_photo(
            names[number], size, np.random.default_rng([seed, split, number, photo])
        )
        picture.save(out / SPLITS[split] / names[number] / f"{photo:04}.png")
    return len(photos)
