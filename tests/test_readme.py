"""The commands in the README work, and are the same in both languages."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from mineral_recog.cli.main import app, main
from mineral_recog.recipes.recipe_file import read_recipe
from tests.conftest import TINY

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.zh-CN.md")


def commands(readme: str) -> list[str]:
    """Return the commands of the sh blocks, in order."""
    text = (ROOT / readme).read_text("utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


def test_both_readmes_give_the_same_commands() -> None:
    assert commands(READMES[0]) == commands(READMES[1])


def test_the_commands_run(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert source == tmp_path / "photos"
    lines = commands("README.md")
    assert len(lines) >= 6
    for line in lines:
        program, command, *arguments = shlex.split(line)
        assert program == "mineral-recog"
        if command == "train":  # as written, but small enough for a test
            stages = ("ce",) if "baseline" in line else ("fea", "cfl", "crt")
            settings = (*TINY, *(f"stages.{stage}.epochs=1" for stage in stages))
            arguments += [part for setting in settings for part in ("--set", setting)]
        if command == "compare":
            names = arguments[arguments.index("--recipes") + 1]
            arguments += ["--recipes", small_recipes(names, tmp_path), "--seeds", "0"]
        if command in ("train", "evaluate", "compare"):
            arguments += ["--workers", "0"]
        assert main([command, *arguments]) == 0, line
    assert (tmp_path / "runs/mine/evaluation/test/report.html").is_file()
    assert (tmp_path / "answers.csv").is_file()
    for place in ("test/comparison.html", "runs/multi_stage/data-1-seed0/model"):
        assert (tmp_path / "comparison" / place).exists()


def small_recipes(names: str, folder: Path) -> str:
    """Write recipes with the same names and one epoch per stage; return them for `--recipes`."""
    files = []
    for name in names.split(","):
        epochs = [f"stages.{stage}.epochs=1" for stage in read_recipe(name).stages]
        files.append(folder / f"{name}.yaml")
        files[-1].write_text(read_recipe(name, [*TINY, *epochs]).to_yaml(), encoding="utf-8")
    return ",".join(map(str, files))


@pytest.mark.parametrize("readme", READMES)
def test_linked_files_exist(readme: str) -> None:
    text = (ROOT / readme).read_text("utf-8")
    links = re.findall(r"\]\(((?!http)[^)#]+)\)", text)
    assert len(links) > 5
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("readme", READMES)
def test_commands_in_the_readme_exist(readme: str) -> None:
    text = (ROOT / readme).read_text("utf-8")
    registered = {command.name or "" for command in app.registered_commands} | {
        command.callback.__name__ for command in app.registered_commands if command.callback
    }
    registered |= {group.name or "" for group in app.registered_groups}
    used = set(re.findall(r"mineral-recog ([a-z]+)", text))
    assert used <= registered
    assert "@" not in re.sub(r"\S+@\S+\.\S+", "", text)  # no placeholders
