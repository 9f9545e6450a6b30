"""The record of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mineral_recog.data.evaluation_view import Preprocessing
from mineral_recog.errors import UserError
from mineral_recog.recipes.recipe_file import read_recipe
from mineral_recog.training.run_folder import RunRecord, create_run, is_run, read_run_record

PREPROCESSING = Preprocessing(32, (0.5, 0.4, 0.3), (0.1, 0.2, 0.3), 2)


def test_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    record = RunRecord(
        fingerprint="0a", classes=("2", "10"), preprocessing=PREPROCESSING, cached=True
    )
    assert not is_run(tmp_path / "run")
    create_run(tmp_path / "run", Path("data"), read_recipe("baseline"), record, ())
    assert is_run(tmp_path / "run")
    assert read_run_record(tmp_path / "run") == record
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts == {
        "data": str(Path("data").resolve()),
        "fingerprint": "0a",
        "classes": ["2", "10"],
        "preprocessing": {
            "image_size": 32,
            "mean": [0.5, 0.4, 0.3],
            "std": [0.1, 0.2, 0.3],
            "center_share": 0.875,
            "interpolation": "bilinear",
            "test_views": 2,
        },
        "cached": True,
        "start": None,
    }


@pytest.mark.parametrize(
    "change",
    [
        {"fingerprint": None},
        {"preprocessing": {}},
        {"preprocessing": PREPROCESSING.to_json() | {"image_size": float("inf")}},
        {"preprocessing": PREPROCESSING.to_json() | {"mean": [0.5]}},
        {"cached": "sometimes"},
    ],
)
def test_damaged_record_is_reported(tmp_path: Path, change: dict[str, Any]) -> None:
    facts = {"fingerprint": "0a", "preprocessing": PREPROCESSING.to_json(), **change}
    for text in (json.dumps(facts), json.dumps([facts]), json.dumps(facts)[:-1]):
        (tmp_path / "run.json").write_text(text)
        with pytest.raises(UserError, match=r"run\.json is damaged or .* another version.*--force"):
            read_run_record(tmp_path)
