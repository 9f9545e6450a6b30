"""Write the drawn dataset: a long-tailed train split and balanced val and test splits.

The attribute of a photo is its variety. Within a class, train, val and test have rare varieties;
the split test_balanced has as many photos of each variety.
"""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mineral_recog.cores import usable_cores
from mineral_recog.data.dataset import ATTRIBUTES_FILE, BALANCED_SPLIT, EVALUATED_SPLITS
from mineral_recog.data.photo_columns import write_photo_column
from mineral_recog.files import atomic_folder, refuse_replacing_photos, write_file_list
from mineral_recog.i18n import tr
from mineral_recog.progress import SILENT, Progress
from mineral_recog.synthetic.photo import draw_variety
from mineral_recog.synthetic.sheet import contact_sheet
from mineral_recog.synthetic.species import all_species, species_names

CHUNK_SIZE = 32  # photos per task: hides the overhead of a task and still shares the work evenly

CONTACT_SHEET, MARKER = "contact_sheet.png", "drawn.json"


class PhotoKey(NamedTuple):
    """Indices of a photo; the first three seed its random generator.

    Attributes:
        split: Index in `EVALUATED_SPLITS`.
        species: Index of the class.
        photo: Index within split and class.
        variety: Index of the variety of the species; None for a random one.
    """

    split: int
    species: int
    photo: int
    variety: int | None = None


@dataclass(frozen=True)
class DrawnSet:
    """Size of a drawn dataset.

    Attributes:
        size: Side of the photos in pixels.
        largest: Number of training photos of the largest class.
        imbalance: Ratio of the training photos of the largest class to those of the smallest.
        val: Number of validation photos per class.
        test: Number of test photos per class.
        attribute_test: Number of photos per variety in the split test_balanced; 0 for no such
            split.
    """

    size: int = 64
    largest: int = 244
    imbalance: float = 81.4
    val: int = 5
    test: int = 15
    attribute_test: int = 0


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
    """Draw out/SPLIT/<Species>/0000.png for each split, and write out/attributes.csv.

    Every photo has its own random generator, so the dataset is the same for any number of
    processors, and the photos of a split do not depend on the other splits. `on_drawn` receives
    the number of photos drawn and the total.
    """
    names = species_names()
    keys = _photo_keys(settings, names)
    for split, species in {(key.split, key.species) for key in keys}:
        (out / EVALUATED_SPLITS[split] / names[species]).mkdir(parents=True, exist_ok=True)
    chunks = [keys[start : start + CHUNK_SIZE] for start in range(0, len(keys), CHUNK_SIZE)]
    done = 0
    with ProcessPoolExecutor(usable_cores(), mp_context=get_context("spawn")) as pool:
        tasks = [pool.submit(_draw_chunk, out, chunk, settings.size, seed) for chunk in chunks]
        for task in as_completed(tasks):
            done += len(task.result())
            on_drawn(done, len(keys))
    varieties = (row for task in tasks for row in task.result())
    write_photo_column(out / ATTRIBUTES_FILE, "attribute", varieties)


def _photo_keys(settings: DrawnSet, names: Sequence[str]) -> list[PhotoKey]:
    """Return the keys of all photos."""
    keys: list[PhotoKey] = []
    balanced = EVALUATED_SPLITS.index(BALANCED_SPLIT)
    counts = class_counts(settings.largest, settings.imbalance, len(names))
    for species, train in enumerate(counts):
        for split, count in enumerate((train, settings.val, settings.test)):
            keys += [PhotoKey(split, species, photo) for photo in range(count)]
        varieties = len(all_species()[names[species]].varieties)
        keys += [
            PhotoKey(balanced, species, photo, photo // settings.attribute_test)
            for photo in range(varieties * settings.attribute_test)
        ]
    return keys


def _draw_chunk(out: Path, keys: list[PhotoKey], size: int, seed: int) -> list[tuple[str, str]]:
    """Draw and write the photos of one task; return the path and the variety of each."""
    names, drawn = species_names(), []
    for key in keys:
        name = names[key.species]
        species = all_species()[name]
        rng = np.random.default_rng([seed, key.split, key.species, key.photo])
        variety = (
            species.random_variety(rng) if key.variety is None else species.varieties[key.variety]
        )
        path = f"{EVALUATED_SPLITS[key.split]}/{name}/{key.photo:04}.png"
        draw_variety(variety, size, rng).save(out / path)
        drawn.append((path, variety.name))
    return drawn
