"""The cells of a row of the table of minerals, with errors that say what to write instead."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

from mineral_recog.csv_files import line_error
from mineral_recog.errors import DataError
from mineral_recog.minerals.vocabularies import VOCABULARIES, english_word

# Class, division, family and number, such as 9.AD.25, or the first two or three of them.
_STRUNZ = re.compile(r"(10|[1-9])\.[A-Z]([A-Z](\.\d\d[a-z]?)?)?")
_DIRECTIONS = {str(number): number for number in range(7)}
_CHECKED = {"yes": True, "no": False, "是": True, "否": False}


class Row:
    """Parser for the cells of one row; its errors name the file, line and column.

    Args:
        path: The file, for errors.
        line: The line, for errors.
        cells: The cells by column; a cell may be missing.
    """

    def __init__(self, path: Path, line: int, cells: Mapping[str, str]) -> None:
        self.path, self.line, self.cells = path, line, cells

    def text(self, column: str) -> str | None:
        """Return a cell without superfluous spaces; None if it is empty."""
        return " ".join(self.cells.get(column, "").split()) or None

    def texts(self, column: str) -> tuple[str, ...]:
        """Return the values of a cell, each once."""
        cell = self.cells.get(column, "").replace("；", ";")  # from a Chinese keyboard
        parts = (" ".join(part.split()) for part in cell.split(";"))
        return tuple(dict.fromkeys(part for part in parts if part))

    def words(self, column: str) -> tuple[str, ...]:
        """Return the English words of a cell by the column's closed list."""
        return tuple(self._word(column, text) for text in self.texts(column))

    def word(self, column: str) -> str | None:
        """Return the English word of a cell by the column's closed list; None if it is empty."""
        text = self.text(column)
        return None if text is None else self._word(column, text)

    def _word(self, column: str, text: str) -> str:
        if word := english_word(column, text):
            return word
        words = VOCABULARIES[column]
        raise self.error(
            f"{column} {text}: choose from {', '.join(words)}.",
            f"{column} {text}：请从 {'、'.join(words.values())} 中选择。",
        )

    def strunz(self) -> str | None:
        """Return a code of Nickel and Strunz; None if the cell is empty."""
        code = self.text("strunz")
        if code is not None and not _STRUNZ.fullmatch(code):
            raise self.error(
                f"strunz {code}: write a code such as 9.AD.25, 9.AD or 9.A, or leave it empty.",
                f"strunz {code}：请写 9.AD.25、9.AD 或 9.A 这样的编号，或留空。",
            )
        return code

    def cleavage_directions(self) -> int | None:
        """Return the number of directions of cleavage; None if the cell is empty."""
        text = self.text("cleavage_directions")
        if text is not None and text not in _DIRECTIONS:
            raise self.error(
                f"cleavage_directions {text}: write a whole number from 0 to 6, or leave it empty.",
                f"cleavage_directions {text}：请写 0 到 6 的整数，或留空。",
            )
        return None if text is None else _DIRECTIONS[text]

    def checked(self) -> bool:
        """Return whether the facts were checked; an empty cell means that they were not."""
        text = (self.text("checked") or "no").casefold()
        if text not in _CHECKED:
            raise self.error(
                f"checked {text}: write yes or no.", f"checked {text}：请写 是 或 否。"
            )
        return _CHECKED[text]

    def interval(self, column: str, maximum: float) -> tuple[float, float] | None:
        """Return the lowest and the highest number of a range; None if both are empty."""
        texts = self.cells[f"{column}_low"].strip(), self.cells[f"{column}_high"].strip()
        if texts == ("", ""):
            return None
        try:
            low, high = map(float, texts)
        except ValueError:
            low, high = math.nan, math.nan
        if not 0 < low <= high <= maximum:
            raise self.error(
                f"{column} from {texts[0]!r} to {texts[1]!r}: give two numbers, the lower first, "
                f"above 0 and up to {maximum:g}, or leave both empty.",
                f"{column} 从 {texts[0]!r} 到 {texts[1]!r}：请给出两个数，先小后大，大于 0 "
                f"且不超过 {maximum:g}，或两格都留空。",
            )
        return low, high

    def error(self, english: str, chinese: str) -> DataError:
        """Return the error of the row."""
        return line_error(self.path, self.line, english, chinese)
