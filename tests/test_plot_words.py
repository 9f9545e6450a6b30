"""Every word in the plots of a page has its Chinese."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from mineral_recog.comparison import comparison_plots
from mineral_recog.evaluation import calibration_plots, plots
from mineral_recog.rendering.bilingual_plots import _PLOT_WORDS
from tests.comparison.test_comparison_report import make_pair, write_page
from tests.evaluation.test_report import CLASSES, make_baseline, make_evaluation, written


def words_without_chinese(page: str) -> set[str]:
    """Return the texts of plots that are shown in one language, without numbers and symbols."""
    texts = re.findall(r">([^<>]+)</text>", page)
    return {text for text in texts if re.search("[A-Za-z]{2}", text)}


def test_evaluation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "_embed", lambda features: features[:, :2].astype(float))
    photo = tmp_path / "photo.png"
    Image.new("RGB", (8, 8)).save(photo)
    evaluation = make_evaluation(photo)
    page = written(tmp_path, evaluation, make_baseline(evaluation))
    words = words_without_chinese(page)
    assert not {word for word in words if not any(name in word for name in CLASSES)} - {
        "&lt;img src=x onerror=alert(1)&gt;",
        "base",  # the other run
        "fea",  # a stage
    }


def test_comparison(tmp_path: Path) -> None:
    comparison = make_pair()
    page = write_page(tmp_path, comparison)
    names = {*comparison.classes, *(score.recipe for score in comparison.scores)}
    words = words_without_chinese(page)
    assert not {word for word in words if not any(name in word for name in names)}


def test_words_that_few_pages_have() -> None:
    assert {*calibration_plots._TITLES.values(), *calibration_plots._NAMES.values()} <= {
        *_PLOT_WORDS
    }
    units = {f"Training time ({name})" for _, name, _ in comparison_plots._UNITS}
    assert units <= {*_PLOT_WORDS}
