"""Answers in a CSV file that grows: photos that it holds already need not be looked at again."""

from __future__ import annotations

import csv
import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from mineral_recog.csv_files import plain_cell
from mineral_recog.errors import OutputExistsError
from mineral_recog.i18n import tr
from mineral_recog.identify.answer import Answer

COLUMNS = (
    "photo", "answer", "chinese", "probability", "by_photo", "set", "none_of_these",
    "next_test", "sha256", "asked",
)  # fmt: skip


class AnswerFile:
    """Answers, a line a photo; each line is on disk before the next photo is looked at.

    Args:
        path: of the file; lines that it has stay.
        asked: what else the answers hang on, model and evidence, as text without line ends.

    Raises:
        UserError: a file of something else, or of another model or evidence.
    """

    def __init__(self, path: Path, asked: str) -> None:
        self.path = path
        self.asked = hashlib.sha256(asked.encode("utf-8")).hexdigest()[:12]
        self.known = _known(path, self.asked) if path.exists() else None
        self.skipped: list[Path] = []
        self.digests: dict[Path, str] = {}  # of the photos that are being answered
        self.file: IO[str]

    def __enter__(self) -> AnswerFile:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # The mark at the start tells spreadsheets that the Chinese in it is UTF-8.
        encoding = "utf-8" if self.known is not None else "utf-8-sig"
        self.file = self.path.open("a", encoding=encoding, errors="backslashreplace", newline="")
        if self.known is None:
            csv.writer(self.file).writerow(COLUMNS)
        elif _is_torn(self.path):
            self.file.write("\r\n")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.file.close()

    def has(self, photo: Path) -> bool:
        """Whether a photo of these bytes has been answered; to be asked before `add`."""
        try:
            self.digests[photo] = _digest(photo)
        except OSError:
            return False  # whoever opens it will say why
        if self.known is None or self.digests[photo] not in self.known:
            return False
        self.skipped.append(photo)
        return True

    def add(self, photo: Path, answer: Answer) -> None:
        """Write the answer about a photo."""
        first = answer.candidates[0]
        row: list[Any] = [
            str(photo),
            first.name,
            first.names["zh"],
            f"{first.probability:.4f}",
            f"{first.by_photo:.4f}",
            "; ".join(one.name for one in answer.likely),
            "yes" if answer.none_of_these else "no",
            tr(answer.tests[0].text["en"], answer.tests[0].text["zh"]) if answer.tests else "",
            self.digests.pop(photo),
            self.asked,
        ]
        csv.writer(self.file).writerow([plain_cell(cell) for cell in row])
        self.file.flush()


def _digest(path: Path) -> str:
    """SHA-256 of a photo's bytes."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            found.update(block)
    return found.hexdigest()


def _is_torn(path: Path) -> bool:
    """Whether the last line was being written when the program was stopped."""
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"


def _known(path: Path, asked: str) -> set[str]:
    """The photos that a file of answers holds, by their digests."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if tuple(rows.fieldnames or ()) != COLUMNS:
                raise ValueError
            lines = [(row["sha256"], row["asked"]) for row in rows]
    except (OSError, ValueError, csv.Error):
        raise OutputExistsError(
            tr(
                f"{path} exists and holds no answers of this command: choose another file.",
                f"{path} 已存在，且不是本命令写的答案：请另选文件。",
            )
        ) from None
    if any(own != asked for _, own in lines if own):
        raise OutputExistsError(
            tr(
                f"{path} holds answers of another model, evidence or coverage: choose another "
                "file.",
                f"{path} 里是别的模型、证据或覆盖率的答案：请另选文件。",
            )
        )
    return {sha256 for sha256, own in lines if own}
