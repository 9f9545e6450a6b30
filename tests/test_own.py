"""The examples in docs/own.md work, and a user's own backbone is checked."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import mineral_recog
from mineral_recog.cli.main import main
from mineral_recog.errors import UserError
from mineral_recog.models.bundle import read_bundle
from tests.conftest import TINY

PAGE = (Path(__file__).parent.parent / "docs" / "own.md").read_text("utf-8")


def code_blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_recipe_of_the_page_trains_and_compares(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to(prepared)
    [recipe] = code_blocks("yaml")
    (tmp_path / "mine.yaml").write_text(recipe, "utf-8")
    commands, *_ = code_blocks("sh")
    for line in commands.splitlines():
        _, *arguments = shlex.split(line.replace("0,1,2", "0"))
        tiny_settings = [part for setting in (*TINY, "epochs=3") for part in ("--set", setting)]
        assert main([*arguments, *tiny_settings, "--workers", "0"]) == 0, line
    assert (tmp_path / "comparison/test/comparison.html").is_file()


def test_backbone_of_the_page_trains(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to(prepared)
    [program] = code_blocks("python")
    namespace = {"__name__": "__main__"}
    exec(compile(program, "own.md", "exec"), namespace)  # trusted: code of this repository
    assert (tmp_path / "runs/small/evaluation/test/report.html").is_file()


class PooledBackbone(nn.Module):
    def __init__(self, features: int = 3) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, features, 1)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        pooled: torch.Tensor = self.layer(pixels).mean(dim=(2, 3))
        return pooled


def train_with_backbone(prepared: Path, folder: Path) -> Path:
    recipe = mineral_recog.read_recipe(
        "baseline", ["image_size=32", "batch_size=8", "epochs=1", "precision=float32"]
    )
    backbone = PooledBackbone()
    weight_before = backbone.layer.weight.detach().clone()
    mineral_recog.train(prepared, recipe, folder, backbone=backbone, device="cpu", workers=0)
    assert torch.equal(backbone.layer.weight, weight_before)  # a copy is trained
    return folder


def test_given_backbone_is_required_to_read_the_bundle(prepared: Path, tmp_path: Path) -> None:
    run = train_with_backbone(prepared, tmp_path / "run")
    bundle = read_bundle(run, PooledBackbone())
    assert bundle.backbone == "given:PooledBackbone"
    with pytest.raises(UserError, match=r"model, PooledBackbone, was given in Python"):
        read_bundle(run)
    with pytest.raises(UserError, match="do not fit the backbone"):
        read_bundle(run, PooledBackbone(features=4))
    assert main(["evaluate", str(run), "--workers", "0"]) == 2


def test_backbone_that_does_not_pool_is_reported(prepared: Path, tmp_path: Path) -> None:
    recipe = mineral_recog.read_recipe("baseline", ["image_size=32"])
    with pytest.raises(UserError, match=r"returns \(2, 3, 32, 32\).*\[2, D\]"):
        mineral_recog.train(prepared, recipe, tmp_path / "run", backbone=nn.Conv2d(3, 3, 1))
    assert not (tmp_path / "run").exists()


def test_completion_lists_the_public_names_without_importing_them() -> None:
    program = (
        "import sys, mineral_recog\n"
        "assert set(mineral_recog.__all__) < set(dir(mineral_recog))\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'guess'"):
        getattr(mineral_recog, "guess")  # noqa: B009
    assert {callable(getattr(mineral_recog, name)) for name in mineral_recog.__all__} == {True}
