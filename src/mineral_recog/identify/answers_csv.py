"""A CSV file that answers are appended to; photos that it already contains can be skipped."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from mineral_recog.csv_files import escape_formula
from mineral_recog.errors import OutputExistsError
from mineral_recog.i18n import tr
from mineral_recog.identify.answer import Answer

COLUMNS = (
    "photo", "answer", "chinese", "probability", "by_photo", "set", "none_of_these",
    "next_test", "sha256", "asked",
)  # fmt: skip


@contextmanager
def open_answers(path: Path, settings: str) -> Iterator[AnswerFile]:
    """Open a CSV file of answers, or begin one; existing lines are kept.

    Args:
        path: Path of the file; missing folders are created.
        settings: What else the answers depend on, model and evidence, as text on one line.

    Raises:
        UserError: The file contains something else, or answers of another model or evidence.
    """
    settings_digest = hashlib.sha256(settings.encode("utf-8")).hexdigest()[:12]
    answered = _answered(path, settings_digest) if path.exists() else None
    path.parent.mkdir(parents=True, exist_ok=True)
    # The byte order mark makes spreadsheets decode Chinese text as UTF-8.
    encoding = "utf-8" if answered is not None else "utf-8-sig"
    with path.open("a", encoding=encoding, errors="backslashreplace", newline="") as file:
        if answered is None:
            csv.writer(file).writerow(COLUMNS)
        elif _is_truncated(path):
            file.write("\r\n")
        yield AnswerFile(file, settings_digest, answered or set())


class AnswerFile:
    """A CSV file of answers, one line per photo, written to disk before the next photo is read.

    Args:
        file: The open file.
        settings_digest: Digest of what else the answers depend on, for each line.
        answered: Digests of the photos that have an answer.
    """

    def __init__(self, file: IO[str], settings_digest: str, answered: set[str]) -> None:
        self.file, self.settings_digest, self.answered = file, settings_digest, answered
        self.skipped: list[Path] = []
        self.digests: dict[Path, str] = {}  # of photos without an answer yet

    def has(self, path: Path) -> bool:
        """Return whether a photo with the same bytes has an answer; call this before `add`."""
        try:
            digest = _digest(path)
        except OSError:
            return False  # the error is reported when the photo is opened
        if digest in self.answered:
            self.skipped.append(path)
            return True
        self.digests[path] = digest
        return False

    def add(self, path: Path, answer: Answer) -> None:
        """Write the answer about a photo."""
        first = answer.candidates[0]
        row: list[Any] = [
            str(path),
            first.name,
            first.names["zh"],
            f"{first.probability:.4f}",
            f"{first.photo_probability:.4f}",
            "; ".join(candidate.name for candidate in answer.likely),
            "yes" if answer.none_of_these else "no",
            tr(answer.tests[0].text["en"], answer.tests[0].text["zh"]) if answer.tests else "",
            self.digests.pop(path),
            self.settings_digest,
        ]
        csv.writer(self.file).writerow([escape_formula(cell) for cell in row])
        self.file.flush()


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def _is_truncated(path: Path) -> bool:
    """Return whether the last line is incomplete, because the program was stopped."""
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"


def _answered(path: Path, settings_digest: str) -> set[str]:
    """Return the digests of the photos in a file of answers."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if tuple(rows.fieldnames or ()) != COLUMNS:
                raise ValueError
            lines = [(row["sha256"], row["asked"]) for row in rows]
    except (OSError, ValueError, csv.Error):
        raise OutputExistsError(
            tr(
                f"{path} exists and is not a file of answers of this command: choose another file.",
                f"{path} 已存在，且不是本命令写出的答案文件：请另选文件。",
            )
        ) from None
    if any(line_digest != settings_digest for _, line_digest in lines if line_digest):
        raise OutputExistsError(
            tr(
                f"{path} contains answers for another model, evidence or coverage: choose "
                "another file.",
                f"{path} 中的答案来自其他模型、证据或覆盖率：请另选文件。",
            )
        )
    return {sha256 for sha256, line_digest in lines if line_digest}
