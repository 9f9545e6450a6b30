"""Answers about photos as tables, JSON lines or CSV, and heat maps as pictures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mineral_recog.cli.answer_tables import (
    add_answer,
    evidence_lines,
    new_answer_table,
    print_answer,
)
from mineral_recog.cli.tables import new_console
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr
from mineral_recog.identify.answer import Answer
from mineral_recog.identify.answers_csv import AnswerFile, open_answers
from mineral_recog.identify.class_tree import Level
from mineral_recog.identify.evidence import Evidence
from mineral_recog.identify.heat_map_overlay import save_overlay
from mineral_recog.identify.identifier import Identifier
from mineral_recog.identify.observation import Observation
from mineral_recog.identify.photo_stream import (
    ObservedPhoto,
    UnreadablePhoto,
    observe_photos,
)
from mineral_recog.identify.region import Region
from mineral_recog.models.gallery import SimilarPhoto
from mineral_recog.progress import Progress

if TYPE_CHECKING:
    from mineral_recog.models.distributed import DistributedContext


@dataclass(frozen=True)
class AnswerOptions:
    """How to answer, and where to write the answers.

    Attributes:
        evidence: Results of physical tests.
        coverage: Probability with which the set of an answer contains the right mineral.
        level: The finest level of the answers; None for the classes of the model.
        top: Candidates to show.
        as_json: Print a line of JSON for each answer instead of tables.
        csv: File to append a row for each photo to, or one row for a specimen.
        heat_maps: Folder for a heat map of each photo.
        specimen: Whether all photos show one specimen.
        region: Where the specimen is in each photo; None to let the model look for it.
    """

    evidence: Evidence
    coverage: float
    level: Level | None
    top: int
    as_json: bool
    csv: Path | None
    heat_maps: Path | None
    specimen: bool
    region: Region | None = None


def identify_specimen(
    identifier: Identifier, paths: Sequence[Path], options: AnswerOptions, progress: Progress
) -> int:
    """Print one full answer from all photos of a specimen, or write its row to the CSV file.

    Returns:
        Number of photos that cannot be read.

    Raises:
        DataError: No photo can be read, and there is no CSV file for a row that says so.
        UserError: The CSV file does not contain answers of this model and evidence.
    """
    if options.csv is None:
        return _identify_specimen(identifier, paths, options, progress, None)
    with _open_csv(identifier, [paths], options) as file:
        unreadable = 0
        if not file.has(*paths):
            unreadable = _identify_specimen(identifier, paths, options, progress, file)
    _report_csv(options.csv, file, progress)
    return unreadable


def _identify_specimen(
    identifier: Identifier,
    paths: Sequence[Path],
    options: AnswerOptions,
    progress: Progress,
    file: AnswerFile | None,
) -> int:
    observed = list(observe_photos(identifier, paths, progress=progress, region=options.region))
    photos = [photo for photo in observed if isinstance(photo, ObservedPhoto)]
    errors = [photo.error for photo in observed if isinstance(photo, UnreadablePhoto)]
    if not photos and file is None:
        raise _none_readable_error()
    answer = None
    if photos:
        outputs = [photo.observation.outputs for photo in photos]
        answer = identifier.answer(outputs, options.evidence, options.coverage, options.level)
        for photo in photos:
            _save_heat_map(identifier, options, photo, answer, progress)
        if options.as_json:
            print(_json([photo.path for photo in photos], answer, options))
        elif file is None:
            print_answer(answer, options.top, _similar(identifier, photos[0].observation))
    if file is not None:
        file.add(*paths, answer=answer, error=" ".join(errors))
    return len(errors)


def identify_each(
    identifier: Identifier,
    paths: Sequence[Path],
    options: AnswerOptions,
    progress: Progress,
    context: DistributedContext | None = None,
) -> int:
    """Print or write an answer for each photo; skip photos that are in the CSV file already.

    Of several processes only the first does so; the others run the model on their share.

    Returns:
        Number of photos that cannot be read; each has a notice, and a row in the CSV file.

    Raises:
        DataError: No photo can be read, and there is no CSV file for rows that say so.
        UserError: The CSV file does not contain answers of this model and evidence.
    """
    observe = partial(
        observe_photos,
        identifier,
        paths,
        progress=progress,
        region=options.region,
        context=context,
        with_views=options.heat_maps is not None,
    )
    if context is not None and not context.is_main:
        return len(list(observe()))  # none
    unreadable = 0
    for line in evidence_lines(options.evidence):
        progress.notice(line)
    if options.csv is None:
        table = new_answer_table()
        for photo, answer in _answers(identifier, observe(), options, progress):
            if answer is None:
                unreadable += 1
            elif not options.as_json:
                add_answer(table, str(photo.path), answer)
        if unreadable == len(paths):
            raise _none_readable_error()
        if table.row_count:
            new_console().print(table)
        return unreadable
    with _open_csv(identifier, [[path] for path in paths], options) as file:
        photos = observe(should_skip=file.has)
        for photo, answer in _answers(identifier, photos, options, progress):
            error = photo.error if isinstance(photo, UnreadablePhoto) else ""
            unreadable += answer is None
            file.add(photo.path, answer=answer, error=error)
    _report_csv(options.csv, file, progress)
    return unreadable


def _open_csv(
    identifier: Identifier, questions: Sequence[Sequence[Path]], options: AnswerOptions
) -> AbstractContextManager[AnswerFile]:
    """Open the CSV file; its rows depend on all that is named here."""
    assert options.csv is not None
    minerals = [mineral and mineral.facts() for mineral in identifier.minerals]
    settings = [
        identifier.model.fingerprint,
        asdict(options.evidence),
        options.coverage,
        options.level,
        minerals,
        options.specimen,
        options.region,
    ]
    top = min(options.top, len(identifier.classes))
    return open_answers(options.csv, json.dumps(settings), top, questions)


def _report_csv(path: Path, file: AnswerFile, progress: Progress) -> None:
    """Print the path of the CSV file, and say how many photos it had answers for."""
    if skipped := len(file.skipped):
        progress.notice(
            tr(
                f"Skipped {skipped} photos whose answers are in {path} already.",
                f"已跳过 {skipped} 张照片：{path} 中已有它们的答案。",
            )
        )
    print(path)


def _none_readable_error() -> DataError:
    return DataError(tr("None of the photos can be read.", "所有照片都无法读取。"))


def _answers(
    identifier: Identifier,
    photos: Iterable[ObservedPhoto | UnreadablePhoto],
    options: AnswerOptions,
    progress: Progress,
) -> Iterator[tuple[ObservedPhoto | UnreadablePhoto, Answer | None]]:
    """Yield the answer about each photo; save its heat map and print its JSON if requested."""
    for photo in photos:
        if isinstance(photo, UnreadablePhoto):
            yield photo, None
            continue
        outputs = [photo.observation.outputs]
        answer = identifier.answer(outputs, options.evidence, options.coverage, options.level)
        _save_heat_map(identifier, options, photo, answer, progress)
        for warning in answer.warnings:
            progress.notice(f"{photo.path}: {tr(warning['en'], warning['zh'])}")
        if options.as_json:
            print(_json([photo.path], answer, options), flush=True)
        yield photo, answer


def _save_heat_map(
    identifier: Identifier,
    options: AnswerOptions,
    photo: ObservedPhoto,
    answer: Answer,
    progress: Progress,
) -> None:
    """Save the heat map of the first candidate, under a name that does not exist yet."""
    if options.heat_maps is None:
        return
    stem, number = photo.path.stem, 1
    target = options.heat_maps / f"{stem}.png"
    while target.exists():
        number += 1
        target = options.heat_maps / f"{stem}-{number}.png"
    heat_map = identifier.heat_map(photo.observation, answer.candidates[0].name)
    region = identifier.heat_map_region(photo.observation)
    save_overlay(target, photo.observation.view.image, heat_map, region)
    progress.notice(str(target))


def _similar(identifier: Identifier, observation: Observation) -> list[tuple[str, SimilarPhoto]]:
    return [(identifier.classes[photo.label], photo) for photo in identifier.similar(observation)]


def _json(paths: Sequence[Path], answer: Answer, options: AnswerOptions) -> str:
    names = [str(path).encode("utf-8", "backslashreplace").decode("utf-8") for path in paths]
    return json.dumps({"photo": names, **answer.to_dict(options.top)}, ensure_ascii=False)
