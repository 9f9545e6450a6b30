"""The command `identify`: photos in; answers out on the terminal, as JSON or as CSV."""

from __future__ import annotations

import glob
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from mineral_recog.data.index import photos_in
from mineral_recog.errors import UserError
from mineral_recog.identify.answer import Answer
from mineral_recog.identify.evidence import Evidence
from mineral_recog.identify.gallery import Similar
from mineral_recog.identify.identifier import Identifier, Seen
from mineral_recog.identify.overlay import SIDE, save_overlay
from mineral_recog.identify.tables import add_row, print_answer, print_table, rows_table
from mineral_recog.identify.written import AnswerFile
from mineral_recog.language import tr
from mineral_recog.printable import printable
from mineral_recog.progress import Bar

AT_ONCE = 32  # views in memory

Looked = tuple[Path, Image.Image, Seen]


@dataclass(frozen=True)
class Asked:
    """How to answer, and where to.

    Attributes:
        evidence: what the hand told.
        coverage: of the set.
        top: candidates to tell.
        as_json: print a line of JSON an answer instead of tables.
        csv: file to add a line an answer to.
        heat_maps: folder for a picture a photo.
    """

    evidence: Evidence
    coverage: float
    top: int
    as_json: bool
    csv: Path | None
    heat_maps: Path | None


def photos_of(arguments: Sequence[str]) -> list[Path]:
    """The photos that arguments name: files, folders with those in them, and patterns.

    Raises:
        UserError: one names nothing.
    """
    found: list[Path] = []
    for argument in arguments:
        path = Path(argument)
        if path.is_dir():
            photos = [path / name for name in photos_in(path)]
        elif path.exists():
            photos = [path]
        else:
            matches = map(Path, sorted(glob.glob(argument, recursive=True)))  # noqa: PTH207
            photos = [match for match in matches if match.is_file()]
        if not photos:
            raise UserError(
                tr(
                    f"{argument}: no photo there; give photos, folders, or patterns such as "
                    "'field/*.jpg'.",
                    f"{argument}：那里没有照片；请给出照片、文件夹，或如 'field/*.jpg' 的模式。",
                )
            )
        found += photos
    return list(dict.fromkeys(found))


def identify_specimen(identifier: Identifier, photos: Sequence[Path], asked: Asked) -> None:
    """Answer about one specimen, from all photos together, with all that is known.

    Raises:
        UserError: no photo can be read.
    """
    looked = list(_look(identifier, photos))
    sightings = [seen.sighting for _, _, seen in looked]
    answer = identifier.answer(sightings, asked.evidence, asked.coverage)
    for one in looked:
        _save_heat_map(identifier, asked, one, answer)
    if asked.as_json:
        print(_json([path for path, _, _ in looked], answer, asked))
    else:
        print_answer(answer, asked.top, _similar(identifier, looked[0][2]))


def identify_each(identifier: Identifier, photos: Sequence[Path], asked: Asked) -> None:
    """Answer about each photo on its own; those that the CSV file holds already are left out.

    Raises:
        UserError: no photo can be read, or the CSV file is not one of answers.
    """
    if asked.csv is None:
        table = rows_table()
        for looked, answer in _answers(identifier, _look(identifier, photos), asked):
            if not asked.as_json:
                add_row(table, str(looked[0]), answer)
        if table.row_count:
            print_table(table)
        return
    settings = [identifier.bundle.fingerprint(), asdict(asked.evidence), asked.coverage]
    with AnswerFile(asked.csv, json.dumps(settings)) as file:
        new = _look(identifier, photos, file.has)
        for (path, _, _), answer in _answers(identifier, new, asked):
            file.add(path, answer)
    if skipped := len(file.skipped):
        _say(
            tr(
                f"{skipped} photos were in {asked.csv} already.",
                f"{skipped} 张照片已在 {asked.csv} 中。",
            )
        )
    print(asked.csv)


def _answers(
    identifier: Identifier, photos: Iterable[Looked], asked: Asked
) -> Iterator[tuple[Looked, Answer]]:
    """The answer about each photo, with the heat map and the line of JSON if asked for."""
    for looked in photos:
        path, _, seen = looked
        answer = identifier.answer([seen.sighting], asked.evidence, asked.coverage)
        _save_heat_map(identifier, asked, looked, answer)
        if asked.as_json:
            print(_json([path], answer, asked), flush=True)
        yield looked, answer


def _look(
    identifier: Identifier, photos: Sequence[Path], known: Callable[[Path], bool] = lambda _: False
) -> Iterator[Looked]:
    """What the model sees in photos, some at a time.

    Those that cannot be read are named, and those that are known already left out.

    Raises:
        UserError: none can be read.
    """
    bad = 0
    told = tr("identifying", "识别")
    with ThreadPoolExecutor(os.cpu_count()) as pool, Bar(told, len(photos)) as bar:
        for start in range(0, len(photos), AT_ONCE):
            some = photos[start : start + AT_ONCE]
            opened = list(pool.map(partial(_open, identifier, known), some))
            for one in opened:
                if isinstance(one, UserError):
                    bad += 1
                    bar.say(tr(f"Skipped: {one}", f"跳过：{one}"))
            readable = [
                (path, *one)
                for path, one in zip(some, opened, strict=True)
                if isinstance(one, tuple)
            ]
            if readable:
                seen = identifier.see(torch.stack([view for _, _, view in readable]))
                for (path, image, _), one_seen in zip(readable, seen, strict=True):
                    yield path, image, one_seen
            if len(photos) > 1:
                bar.at(start + len(some))
    if bad == len(photos):
        raise UserError(tr("None of the photos can be read.", "所有照片都无法读取。"))


def _open(
    identifier: Identifier, known: Callable[[Path], bool], path: Path
) -> tuple[Image.Image, Tensor] | UserError | None:
    """A photo, small, and its view; why it cannot be read; or None if it is known already."""
    try:
        if known(path):
            return None
        image = identifier.open(path)
    except UserError as error:
        return error
    view = identifier.view(image)
    image.thumbnail((SIDE, SIDE))  # no more of it is shown, and large ones would fill the memory
    return image, view


def _save_heat_map(identifier: Identifier, asked: Asked, looked: Looked, answer: Answer) -> None:
    """A picture of what speaks for the answer, beside those that are there."""
    if asked.heat_maps is None:
        return
    path, image, seen = looked
    target = asked.heat_maps / f"{path.stem}.png"
    number = 1
    while target.exists():
        number += 1
        target = asked.heat_maps / f"{path.stem}-{number}.png"
    save_overlay(target, image, identifier.heat_map(seen, answer.candidates[0].name))
    _say(str(target))


def _similar(identifier: Identifier, seen: Seen) -> list[tuple[str, Similar]]:
    return [(identifier.classes[one.label], one) for one in identifier.similar(seen)]


def _json(photos: list[Path], answer: Answer, asked: Asked) -> str:
    names = [str(path).encode("utf-8", "backslashreplace").decode("utf-8") for path in photos]
    return json.dumps({"photo": names, **answer.to_json(asked.top)}, ensure_ascii=False)


def _say(text: str) -> None:
    print(printable(text), file=sys.stderr)
