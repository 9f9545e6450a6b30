"""Choice of the split, and when copies of training photos are searched."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mineral_recog.errors import UserError
from mineral_recog.evaluation import leakage
from mineral_recog.evaluation.evaluator import evaluate


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


def test_unknown_split_is_reported(run: Path) -> None:
    with pytest.raises(UserError, match="There is no split exam: choose one of train, val, test"):
        evaluate(run, split="exam")


@pytest.mark.parametrize("split", ["train", "test"])
def test_copies_are_not_reported_if_they_were_not_searched(
    run: Path, monkeypatch: pytest.MonkeyPatch, split: str
) -> None:
    if split == "test":  # too many photos; in train every photo would be a copy
        monkeypatch.setattr(leakage, "MAX_PHOTOS", 21 + 12 - 1)
    made = evaluate(run, split=split, device="cpu", workers=0)
    assert made.evaluation.leakage is None
    assert made.evaluation.provenance["copies of training photos"] == "not checked"
    assert made.against is None
    assert not (made.folder / "copies.json").exists()
    assert "Copies of training photos" not in (made.folder / "report.html").read_text("utf-8")
