"""Write the drawn dataset: a long-tailed train split and balanced val and test splits."""

import json
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from mineral_recog.data.dataset import SPLITS
from mineral_recog.files import atomic_folder, refuse_replacing_photos, write_file_list
from mineral_recog.i18n import tr
from mineral_recog.progress import SILENT, Progress
from mineral_recog.synthetic.photo import draw_photo
from mineral_recog.synthetic.sheet import contact_sheet
from mineral_recog.synthetic.species import species_names

CHUNK_SIZE = 32  # photos per task: hides the overhead of a task and still shares the work evenly

CONTACT_SHEET, MARKER = "contact_sheet.png", "drawn.json"

PhotoKey = tuple[int, int, int]  # indices of split, class and photo


@dataclass(frozen=True)
class DrawnSet:
    """Size of a drawn dataset.

    Attributes:
        size: Side of the photos in pixels.
        largest: Number of training photos of the largest class.
        imbalance: Ratio of the training photos of the largest class to those of the smallest.
        val: Number of validation photos per class.
        test: Number of test photos per class.
    """

    size: int = 64
    largest: int = 244
    imbalance: float = 81.4
    val: int = 5
    test: int = 15


DEMO_SET = DrawnSet()


def draw_minerals(
    data: Path, settings: DrawnSet, *, seed: int, force: bool = False, progress: Progress = SILENT
) -> None:
    """Draw a long-tailed dataset into a prepared folder, with a contact sheet of the minerals.

    Args:
        data: Folder to create.
        settings: Size of the dataset.
        seed: Random seed; the same seed gives the same pixels.
        force: Replace an earlier dataset in `data`.
        progress: Receives the progress.

    Raises:
        UserError: `data` exists and must not be replaced.
    """
    refuse_replacing_photos(data, force, MARKER)
    task = progress.start(tr("drawing minerals", "绘制矿物"), 1)
    with atomic_folder(data) as partial:
        draw_set(partial, settings, seed=seed, on_drawn=task.set_with_total)
        contact_sheet(seed=seed).save(partial / CONTACT_SHEET)
        (partial / MARKER).write_text(
            json.dumps({**asdict(settings), "seed": seed}), encoding="utf-8"
        )
        write_file_list(partial)


def class_counts(largest: int, imbalance: float, classes: int) -> list[int]:
    """Return photos per class, falling geometrically from `largest` to largest / imbalance."""
    last = max(classes - 1, 1)
    return [max(1, round(largest * imbalance ** (-c / last))) for c in range(classes)]


def draw_set(
    out: Path, settings: DrawnSet, *, seed: int, on_drawn: Callable[[int, int], None]
) -> None:
    """Draw out/{train,val,test}/<Species>/0000.png.

    Every photo has its own random generator, so the dataset is the same for any number of
    processors. `on_drawn` receives the number of photos drawn and the total.
    """
    names = species_names()
    keys: list[PhotoKey] = []
    for class_index, train in enumerate(
        class_counts(settings.largest, settings.imbalance, len(names))
    ):
        for split, count in enumerate((train, settings.val, settings.test)):
            (out / SPLITS[split] / names[class_index]).mkdir(parents=True, exist_ok=True)
            keys += [(split, class_index, index) for index in range(count)]
    chunks = [keys[start : start + CHUNK_SIZE] for start in range(0, len(keys), CHUNK_SIZE)]
    done = 0
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        tasks = [pool.submit(_draw_chunk, out, chunk, settings.size, seed) for chunk in chunks]
        for task in as_completed(tasks):
            done += task.result()
            on_drawn(done, len(keys))


def _draw_chunk(out: Path, keys: list[PhotoKey], size: int, seed: int) -> int:
    """Draw and write the photos of one task; return their number."""
    names = species_names()
    for split, class_index, index in keys:
        picture = draw_photo(
            names[class_index], size, np.random.default_rng([seed, split, class_index, index])
        )
        picture.save(out / SPLITS[split] / names[class_index] / f"{index:04}.png")
    return len(keys)
