"""Which split is measured, and when copies of training photos are looked for."""

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


def test_a_split_that_is_none_is_told(run: Path) -> None:
    with pytest.raises(UserError, match="No split exam: give one of train, val, test"):
        evaluate(run, split="exam")


@pytest.mark.parametrize("split", ["train", "test"])
def test_copies_are_not_told_where_they_were_not_looked_for(
    run: Path, monkeypatch: pytest.MonkeyPatch, split: str
) -> None:
    if split == "test":  # all of train are copies of training photos; here it is their number
        monkeypatch.setattr(leakage, "MOST", 21 + 12 - 1)
    found, _, folder = evaluate(run, split=split, device="cpu", workers=0)
    assert found.leaked is None
    assert found.provenance["copies of training photos"] == "not looked for"
    assert not (folder / "copies.json").exists()
    assert "Copies of training photos" not in (folder / "report.html").read_text("utf-8")
