"""The lines of a run's log."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from mineral_recog.training.epoch_log import EpochLog, append_to_log, cut_log

LINE = EpochLog("fea", 1, 0.002, {"loss": 1.5, "focal": 1.0}, 0.5, 0.25, 3.21, 1000)


def test_line_has_all_values_in_order() -> None:
    assert list(LINE.to_json().items()) == [
        ("stage", "fea"),
        ("epoch", 1),
        ("lr", 0.002),
        ("loss", 1.5),
        ("focal", 1.0),
        ("val_accuracy", 0.5),
        ("val_mean_accuracy", 0.25),
        ("seconds", 3.21),
        ("memory", 1000),
    ]


def test_log_is_cut_to_complete_epochs(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    cut_log(log, 2)
    assert not log.exists()
    for epoch in (1, 2, 3):
        append_to_log(log, replace(LINE, epoch=epoch))
    with log.open("a") as file:
        file.write('{"half": "a line')
    cut_log(log, 2)
    assert [json.loads(line)["epoch"] for line in log.read_text().splitlines()] == [1, 2]


def test_log_of_a_stage_that_ended_early_is_cut_by_the_numbers_of_epochs(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    for line in (replace(LINE, epoch=2, skipped=3), replace(LINE, epoch=6)):
        append_to_log(log, line)
    cut_log(log, 5)
    assert [json.loads(line).get("skipped") for line in log.read_text().splitlines()] == [3]
