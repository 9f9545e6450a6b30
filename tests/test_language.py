"""The language of texts: that of the reader, then that of the environment."""

from __future__ import annotations

import contextvars
from concurrent.futures import ThreadPoolExecutor

import pytest

from mineral_recog.language import reading, tr


def test_a_reader_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINERAL_RECOG_LANG", "en")
    with reading("zh"):
        assert tr("stone", "石") == "石"
        with reading("en"):
            assert tr("stone", "石") == "stone"
        assert tr("stone", "石") == "石"
    assert tr("stone", "石") == "stone"
    monkeypatch.setenv("MINERAL_RECOG_LANG", "zh")
    with reading(None):
        assert tr("stone", "石") == "石"


def test_readers_in_two_threads_do_not_meet() -> None:
    with ThreadPoolExecutor(1) as pool, reading("zh"):
        here = contextvars.copy_context()
        assert pool.submit(tr, "stone", "石").result() == "stone"
        assert pool.submit(here.run, tr, "stone", "石").result() == "石"
