"""The log of a run while it trains."""

from __future__ import annotations

from pathlib import Path

import pytest

from mineral_recog.cli.epoch_lines import epoch_logger


@pytest.mark.filterwarnings("ignore")  # of the dependencies of TensorBoard
def test_run_that_ends_before_its_first_epoch_leaves_no_folder(tmp_path: Path) -> None:
    with epoch_logger(tmp_path / "run", tensorboard=True):
        pass
    assert not (tmp_path / "run").exists()
