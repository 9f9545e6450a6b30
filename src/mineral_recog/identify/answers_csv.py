"""A CSV file of answers, a row for each photo, that an interrupted command continues."""

from __future__ import annotations

import csv
import hashlib
import io
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from mineral_recog.csv_files import escape_formula
from mineral_recog.errors import OutputExistsError
from mineral_recog.files import atomic_file, open_regular
from mineral_recog.i18n import tr
from mineral_recog.identify.answer import Answer
from mineral_recog.identify.place_and_time import PlaceAndTime, read_place_and_time

COLUMNS = (
    "photo", "answer", "chinese", "probability", "by_photo", "set", "none_of_these",
    "none_of_these_reason", "next_test", "sha256", "error", "taken_at", "latitude", "longitude",
    "rolled_up", "rolled_up_chinese", "rolled_up_rank", "rolled_up_probability", "hazards",
)  # fmt: skip
ASKED = "asked"  # the last column: a row without all of it was cut short
ASKED_LENGTH = 12
BOM = b"\xef\xbb\xbf"  # makes spreadsheets decode Chinese text as UTF-8
MAX_HEADER_BYTES = 2**20


@contextmanager
def open_answers(
    path: Path, settings: str, top: int, questions: Collection[Sequence[Path]]
) -> Iterator[AnswerFile]:
    """Open a CSV file of answers, or begin one; complete rows are kept.

    A row that was cut short is removed, and so is a row with an error if its photos are asked
    about again.

    Args:
        path: Path of the file; missing folders are created.
        settings: What else the answers depend on, model and evidence, as text on one line.
        top: Number of candidates in a row.
        questions: The photos of each row that may be added.

    Raises:
        OutputExistsError: The file contains something else, or answers to another question.
    """
    columns = _columns(top)
    asked = hashlib.sha256(settings.encode("utf-8")).hexdigest()[:ASKED_LENGTH]
    asked_again = {_photo_cell(photos) for photos in questions}
    answered = _continue(path, columns, asked, asked_again) if path.exists() else None
    path.parent.mkdir(parents=True, exist_ok=True)
    if answered is None:
        path.write_bytes(_header(columns))
    with path.open("a", encoding="utf-8", errors="backslashreplace", newline="") as file:
        yield AnswerFile(file, top, asked, answered or set())


class AnswerFile:
    """A CSV file of answers; each row is written as soon as it is known.

    Args:
        file: The open file.
        top: Number of candidates in a row.
        asked: Identifies what else the answers depend on, for each row.
        answered: Digests of the photos that have an answer.
    """

    def __init__(self, file: IO[str], top: int, asked: str, answered: set[str]) -> None:
        self._file, self._top, self._asked, self._answered = file, top, asked, answered
        self._rows = csv.DictWriter(file, _columns(top), restval="")
        self._facts: dict[tuple[Path, ...], tuple[str, PlaceAndTime]] = {}
        self.skipped: list[Path] = []

    def has(self, *photos: Path) -> bool:
        """Return whether photos with the same bytes have an answer; call this before `add`."""
        digest = _digest(photos)
        if digest and digest in self._answered:
            self.skipped += photos
            return True
        # A pipe can be read only once.
        places = [read_place_and_time(photo) for photo in photos] if digest else []
        known = next((place for place in places if place != PlaceAndTime()), PlaceAndTime())
        self._facts[photos] = digest, known
        return False

    def add(self, *photos: Path, answer: Answer | None, error: str = "") -> None:
        """Write the row of photos: the answer, or why there is none.

        Args:
            photos: A photo, or the photos of a specimen.
            answer: The answer; None if no photo can be read.
            error: Why photos cannot be read.
        """
        digest, place = self._facts.pop(photos)
        row = {
            "photo": _photo_cell(photos),
            **({} if answer is None else self._answer_cells(answer)),
            "sha256": digest,
            "error": error,
            **place._asdict(),
            ASKED: self._asked,
        }
        self._rows.writerow(
            {
                key: escape_formula(cell) if isinstance(cell, str) else cell
                for key, cell in row.items()
            }
        )
        self._file.flush()

    def _answer_cells(self, answer: Answer) -> dict[str, Any]:
        first, test = answer.candidates[0], None
        if answer.tests and not answer.none_of_these:  # as on the page
            test = answer.tests[0].full_text
        cells = {
            "answer": first.name,
            "chinese": first.names["zh"],
            "probability": f"{first.probability:.4f}",
            "by_photo": f"{first.photo_probability:.4f}",
            "set": "; ".join(candidate.name for candidate in answer.likely),
            "none_of_these": "true" if answer.none_of_these else "false",
            "none_of_these_reason": answer.none_reason or "",
            "next_test": "" if test is None else tr(test["en"], test["zh"]),
            "hazards": "; ".join(hazard.kind for hazard in answer.hazards),
        }
        if answer.rolled_up.reached:
            whole = answer.rolled_up.whole
            cells |= {
                "rolled_up": whole.name.name,
                "rolled_up_chinese": whole.name.names["zh"],
                "rolled_up_rank": whole.name.rank or "",
                "rolled_up_probability": f"{whole.probability:.4f}",
            }
        for rank, candidate in enumerate(answer.candidates[1 : self._top], 2):
            cells[f"answer_{rank}"] = candidate.name
            cells[f"probability_{rank}"] = f"{candidate.probability:.4f}"
        return cells


def _columns(top: int) -> list[str]:
    ranks = range(2, top + 1)
    return [*COLUMNS, *(f"{name}_{k}" for k in ranks for name in ("answer", "probability")), ASKED]


def _header(columns: Sequence[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(columns)
    return BOM + text.getvalue().encode("utf-8")


def _photo_cell(photos: Sequence[Path]) -> str:
    return escape_formula("; ".join(map(str, photos)))


def _digest(photos: Sequence[Path]) -> str:
    """Return the SHA-256 of a photo, or of those of several photos; empty if one is unreadable."""
    try:
        digests = [_file_digest(photo) for photo in photos]
    except OSError:
        return ""  # the error is reported when the photo is opened
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(sorted(digests)).encode("ascii")).hexdigest()


def _file_digest(path: Path) -> str:
    digest = hashlib.sha256()
    with open_regular(path) as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def _continue(
    path: Path, columns: Sequence[str], asked: str, asked_again: set[str]
) -> set[str] | None:
    """Remove the rows of a file that are to be written again.

    Returns:
        Digests of the photos that have an answer; None if the file has no row yet.
    """
    answered: set[str] = set()
    rejected: set[int] = set()  # numbers of the lines to remove
    is_cut = False
    try:
        with open_regular(path) as file:
            header = file.readline(MAX_HEADER_BYTES)
            if not _has_rows(path, columns, header, has_more=bool(file.read(1))):
                return None
            file.seek(len(header))
            for number, line in enumerate(file, 1):
                cells = _cells(line)
                is_cut = not line.endswith(b"\n")
                is_complete = len(cells) == len(columns) and len(cells[-1]) == ASKED_LENGTH
                if is_complete and cells[-1] != asked:
                    raise _other_question_error(path)
                has_error = is_complete and cells[COLUMNS.index("error")] != ""
                is_asked_again = bool(cells) and cells[0] in asked_again
                if (is_cut and not is_complete) or (
                    is_asked_again and (has_error or not is_complete)
                ):
                    rejected.add(number)
                elif is_complete and not has_error:
                    answered.add(cells[COLUMNS.index("sha256")])
    except (OSError, ValueError, csv.Error):
        raise _foreign_error(path) from None
    if rejected or is_cut:
        _rewrite(path.resolve(), rejected)
    return answered


def _has_rows(path: Path, columns: Sequence[str], header: bytes, has_more: bool) -> bool:
    """Return whether a file has rows after its header, which must be that of `columns`.

    Raises:
        OutputExistsError: The file has other columns.
    """
    names = _cells(header.removeprefix(BOM))
    is_ours = tuple(names[:2]) == COLUMNS[:2] and names[-1] == ASKED
    if not has_more and (is_ours or _header(columns).startswith(header)):
        return False
    if names == list(columns):
        return True
    if not is_ours:
        raise _foreign_error(path)
    if tuple(names[: len(COLUMNS)]) == COLUMNS:
        top = (len(names) - len(COLUMNS) + 1) // 2
        raise OutputExistsError(
            tr(
                f"{path} contains the first {top} candidates of each answer: give --top {top}, or "
                "choose another file.",
                f"{path} 中每个答案有前 {top} 个候选：请用 --top {top}，或另选文件。",
            )
        )
    raise OutputExistsError(
        tr(
            f"{path} was written by another version, with other columns: choose another file; "
            "this one stays as it is.",
            f"{path} 由另一版本写出，列不相同：请另选文件；原文件保持不变。",
        )
    )


def _cells(line: bytes) -> list[str]:
    """Return the cells of a line; a row is always one line, since `escape_formula` makes it so."""
    return next(csv.reader([line.decode("utf-8", "replace")]), [])


def _rewrite(path: Path, rejected: set[int]) -> None:
    """Write a file again without the lines of these numbers, the header being number 0."""
    with path.open("rb") as old, atomic_file(path) as partial, partial.open("wb") as new:
        new.writelines(
            line.rstrip(b"\r\n") + b"\r\n"
            for number, line in enumerate(old)
            if number not in rejected
        )
        shutil.copymode(path, partial)


def _foreign_error(path: Path) -> OutputExistsError:
    return OutputExistsError(
        tr(
            f"{path} exists and is not a file of answers of this command: choose another file.",
            f"{path} 已存在，且不是本命令写出的答案文件：请另选文件。",
        )
    )


def _other_question_error(path: Path) -> OutputExistsError:
    return OutputExistsError(
        tr(
            f"{path} contains answers for another model, evidence, table of minerals, coverage, "
            "--level, --crop or --specimen: choose another file.",
            f"{path} 中的答案所用的模型、证据、矿物表、覆盖率、--level、--crop 或 --specimen "
            "与此不同：请另选文件。",
        )
    )
