"""The command `identify`: photos in; answers out on the terminal, as JSON or as CSV."""

from __future__ import annotations

import glob
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from PIL import Image

from mineral_recog.data.index import photos_in
from mineral_recog.errors import UserError
from mineral_recog.identify.answer import Answer
from mineral_recog.identify.evidence import Evidence
from mineral_recog.identify.gallery import Similar
from mineral_recog.identify.identifier import Identifier, Seen
from mineral_recog.identify.overlay import save_overlay
from mineral_recog.identify.tables import add_row, print_answer, print_table, rows_table
from mineral_recog.identify.written import AnswerFile, digest
from mineral_recog.language import tr
from mineral_recog.progress import Bar

AT_ONCE = 32  # photos in memory

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
    seen = []
    for path, image, one in _look(identifier, photos):
        seen.append(one)
        _save_heat_map(identifier, asked, path, image, one)
    answer = identifier.answer([one.sighting for one in seen], asked.evidence, asked.coverage)
    if asked.as_json:
        print(_json([str(path) for path in photos], answer, asked))
    else:
        print_answer(answer, asked.top, _similar(identifier, seen[0]))


def identify_each(identifier: Identifier, photos: Sequence[Path], asked: Asked) -> None:
    """Answer about each photo on its own; those that the CSV file holds already are left out.

    Raises:
        UserError: no photo can be read, or the CSV file is not one of answers.
    """
    if asked.csv is None:
        _answer_each(identifier, photos, asked, lambda path, answer: None)
        return
    settings = [identifier.bundle.fingerprint(), asdict(asked.evidence), asked.coverage]
    with AnswerFile(asked.csv, json.dumps(settings)) as file:
        digests = {path: own for path in photos if (own := _digest(path)) is not None}
        new = [path for path in photos if path in digests and not file.has(digests[path])]
        if done := len(digests) - len(new):
            _say(tr(f"{done} photos are in {asked.csv} already", f"{done} 张已在 {asked.csv} 中"))
        if new:
            _answer_each(identifier, new, asked, lambda p, answer: file.add(p, digests[p], answer))
    print(asked.csv)


def _answer_each(
    identifier: Identifier,
    photos: Sequence[Path],
    asked: Asked,
    keep: Callable[[Path, Answer], None],
) -> None:
    table = rows_table()
    for path, image, seen in _look(identifier, photos):
        answer = identifier.answer([seen.sighting], asked.evidence, asked.coverage)
        keep(path, answer)
        _save_heat_map(identifier, asked, path, image, seen)
        if asked.as_json:
            print(_json([str(path)], answer, asked), flush=True)
        elif asked.csv is None:
            add_row(table, str(path), answer)
    if table.row_count:
        print_table(table)


def _look(identifier: Identifier, photos: Sequence[Path]) -> Iterator[Looked]:
    """What the model sees in photos, some at a time; those that cannot be read are named."""
    read = 0
    with ThreadPoolExecutor() as pool, Bar(tr("identifying", "识别"), len(photos)) as bar:
        for start in range(0, len(photos), AT_ONCE):
            paths, images = [], []
            some = photos[start : start + AT_ONCE]
            opened = pool.map(partial(_open, identifier), some)
            for path, image in zip(some, opened, strict=True):
                if isinstance(image, UserError):
                    bar.say(tr(f"Skipped: {image}", f"跳过：{image}"))
                else:
                    paths.append(path)
                    images.append(image)
            read += len(images)
            yield from zip(paths, images, identifier.look(images), strict=True)
            if len(photos) > 1:
                bar.at(start + len(some))
    if not read:
        raise UserError(tr("None of the photos can be read.", "所有照片都无法读取。"))


def _open(identifier: Identifier, path: Path) -> Image.Image | UserError:
    try:
        return identifier.open(path)
    except UserError as error:
        return error


def _digest(path: Path) -> str | None:
    try:
        return digest(path)
    except OSError as error:
        _say(tr(f"Skipped: {path} ({error})", f"跳过：{path}（{error}）"))
        return None


def _save_heat_map(
    identifier: Identifier, asked: Asked, path: Path, image: Image.Image, seen: Seen
) -> None:
    """A picture of where the first candidate was seen, beside none that is there."""
    if asked.heat_maps is None:
        return
    best = identifier.classes[int(seen.sighting.logits.argmax())]
    target = asked.heat_maps / f"{path.stem}.png"
    number = 1
    while target.exists():
        number += 1
        target = asked.heat_maps / f"{path.stem}-{number}.png"
    save_overlay(target, image, identifier.heat_map(seen, best))
    _say(str(target))


def _similar(identifier: Identifier, seen: Seen) -> list[tuple[str, Similar]]:
    return [(identifier.classes[one.label], one) for one in identifier.similar(seen)]


def _json(photos: list[str], answer: Answer, asked: Asked) -> str:
    names = [photo.encode("utf-8", "backslashreplace").decode("utf-8") for photo in photos]
    return json.dumps({"photo": names, **answer.to_json(asked.top)}, ensure_ascii=False)


def _say(text: str) -> None:
    print(text, file=sys.stderr)
