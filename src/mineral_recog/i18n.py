"""The two languages of everything that a user sees."""

import locale
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

Language = Literal["en", "zh"]

_reader: ContextVar[Language | None] = ContextVar("language of the reader", default=None)


@contextmanager
def reading(language: Language | None) -> Iterator[None]:
    """Within it texts are for a reader of this language; None leaves it to the environment.

    It holds for the thread or task at hand, so that a server can answer each in their own.
    """
    before = _reader.set(language)
    try:
        yield
    finally:
        _reader.reset(before)


def chinese() -> bool:
    """Whether the reader reads Chinese: `reading`, MINERAL_RECOG_LANG, then the locale."""
    if (language := _reader.get()) is not None:
        return language == "zh"
    for variable in ("MINERAL_RECOG_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(variable):
            return value.lower().startswith("zh")
    return (locale.getlocale()[0] or "").lower().startswith(("zh", "chinese"))


def tr(english: str, chinese_text: str) -> str:
    """The one of two texts that the user reads; both stand side by side where they are used."""
    return chinese_text if chinese() else english
