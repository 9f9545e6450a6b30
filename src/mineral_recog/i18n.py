"""Language of the texts that users see: English or Chinese."""

import locale
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

Language = Literal["en", "zh"]

_language: ContextVar[Language | None] = ContextVar("language of the user", default=None)


@contextmanager
def use_language(language: Language | None) -> Iterator[None]:
    """Use a language for all texts within the block; None leaves the choice to the environment.

    It applies to the current thread or asyncio task, so that a server can answer each user in
    their own language.
    """
    token = _language.set(language)
    try:
        yield
    finally:
        _language.reset(token)


def is_chinese() -> bool:
    """Return whether texts are in Chinese.

    `use_language` decides first, then MINERAL_RECOG_LANG, then the locale.
    """
    if (language := _language.get()) is not None:
        return language == "zh"
    for variable in ("MINERAL_RECOG_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(variable):
            return value.lower().startswith("zh")
    return (locale.getlocale()[0] or "").lower().startswith(("zh", "chinese"))


def user_language() -> Language:
    """Return the language of texts, for those that are kept by language."""
    return "zh" if is_chinese() else "en"


def tr(english: str, chinese: str) -> str:
    """Return the text in the user's language."""
    return chinese if is_chinese() else english
