"""The two languages of everything that a user sees."""

import locale
import os


def chinese() -> bool:
    """Whether the user reads Chinese: MINERAL_RECOG_LANG, then the locale of the environment."""
    for variable in ("MINERAL_RECOG_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(variable):
            return value.lower().startswith("zh")
    return (locale.getlocale()[0] or "").lower().startswith(("zh", "chinese"))


def tr(english: str, chinese_text: str) -> str:
    """The one of two texts that the user reads; both stand side by side where they are used."""
    return chinese_text if chinese() else english
