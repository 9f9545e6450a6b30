"""The language of texts: set by `use_language`, then by the environment."""

from __future__ import annotations

import contextvars
import locale
from concurrent.futures import ThreadPoolExecutor

import pytest

from mineral_recog.i18n import tr, use_language, user_language


def test_use_language_overrides_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINERAL_RECOG_LANG", "en")
    with use_language("zh"):
        assert tr("stone", "石") == "石"
        assert user_language() == "zh"
        with use_language("en"):
            assert tr("stone", "石") == "stone"
            assert user_language() == "en"
        assert tr("stone", "石") == "石"
    assert tr("stone", "石") == "stone"
    monkeypatch.setenv("MINERAL_RECOG_LANG", "zh")
    with use_language(None):
        assert tr("stone", "石") == "石"


VARIABLES = ("MINERAL_RECOG_LANG", "LC_ALL", "LC_MESSAGES", "LANG")


@pytest.mark.parametrize(
    ("variables", "system", "text"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "en_GB", "石"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "zh_CN", "stone"),
        ({"LC_MESSAGES": "zh_TW", "LANG": "de_DE"}, None, "石"),
        ({"LC_ALL": "", "LANG": "C"}, "zh_CN", "stone"),
        ({}, "zh_CN", "石"),
        ({}, "Chinese (Simplified)_China", "石"),  # as on Windows
        ({}, "de_DE", "stone"),
        ({}, None, "stone"),
    ],
)
def test_environment_overrides_the_system(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], system: str | None, text: str
) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(locale, "getlocale", lambda: (system, "UTF-8"))
    assert tr("stone", "石") == text


def test_threads_have_separate_languages() -> None:
    with ThreadPoolExecutor(1) as pool, use_language("zh"):
        context = contextvars.copy_context()
        assert pool.submit(tr, "stone", "石").result() == "stone"
        assert pool.submit(context.run, tr, "stone", "石").result() == "石"
