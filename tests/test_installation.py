"""The base installation, and what it says about packages that only the extra `train` installs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from mineral_recog.errors import MissingPackageError
from mineral_recog.installation import TRAINING_MODULES, training_packages

ROOT = Path(__file__).parents[1]
INSTALL = "pip install 'mineral-recog[train]'"
# Begins a program in which no package of the extra can be imported.
WITHOUT_EXTRA = f"""
import sys
from importlib.abc import MetaPathFinder

class Blocker(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in {set(TRAINING_MODULES)}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocker())
"""
COMMAND = f"{WITHOUT_EXTRA}from mineral_recog.cli.main import main; sys.exit(main(sys.argv[1:]))"


def run_base(
    folder: Path, *arguments: str, language: str = "en"
) -> subprocess.CompletedProcess[str]:
    """Run a command in a process in which no package of the extra can be imported."""
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments],
        cwd=folder,
        env={**os.environ, "MINERAL_RECOG_LANG": language, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
    )


def test_missing_package_is_reported_with_the_command() -> None:
    line = "needs torch.*" + re.escape(INSTALL)
    with pytest.raises(MissingPackageError, match=line), training_packages():
        raise ModuleNotFoundError("No module named 'torch.utils'", name="torch.utils")
    with pytest.raises(ModuleNotFoundError, match="sympy"), training_packages():
        raise ModuleNotFoundError("No module named 'sympy'", name="sympy")  # a broken package


def test_extra_of_the_project_has_the_modules_that_are_reported() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    extra = text[text.index("\ntrain = [") :].partition("]")[0]
    packages = set(re.findall(r'"([\w-]+)', extra))
    assert {name.replace("scikit-learn", "sklearn") for name in packages} == TRAINING_MODULES


@pytest.mark.parametrize(
    ("language", "arguments", "line"),
    [
        ("en", ["train", "data"], "Error: This needs "),
        ("zh", ["train", "data"], "错误：此功能需要 "),
        ("en", ["evaluate", "run"], "Error: This needs "),
        ("en", ["compare", "data"], "Error: This needs "),
        ("en", ["demo"], "Error: This needs "),
        ("en", ["export", "run", "--out", "export"], "Error: This needs "),
        ("en", ["identify", "photos", "--model", "RUN"], "Error: This needs torch, "),
        ("en", ["serve", "RUN"], "Error: This needs torch, "),
    ],
)
def test_command_that_needs_the_extra_says_so_in_one_line(
    prepared: Path, trained: Path, source: Path, language: str, arguments: list[str], line: str
) -> None:
    arguments = [str(trained) if word == "RUN" else word for word in arguments]
    (source.parent / "data").symlink_to(prepared)
    done = run_base(source.parent, *arguments, language=language)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(line)
    assert done.stderr.endswith(f"{INSTALL}\n")
    assert done.stderr.count("\n") == 1
    assert {path.name for path in source.parent.iterdir()} == {"data", "photos"}


def test_function_that_needs_the_extra_says_so() -> None:
    program = f"{WITHOUT_EXTRA}import mineral_recog; mineral_recog.evaluate"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "MissingPackageError: This needs " in done.stderr.splitlines()[-1]


def test_audit_works_without_the_extra(source: Path, trained: Path) -> None:
    done = run_base(source.parent, "audit", "photos", "--out", "audit", "--model", str(trained))
    assert done.returncode == 0, done.stderr
    assert "photos whose class the model doubts. This needs torch" in done.stderr
    assert done.stderr.count(INSTALL) == 1
    assert (source.parent / "audit" / "review.html").is_file()


def test_prepare_works_without_the_extra(source: Path) -> None:
    done = run_base(source.parent, "prepare", "photos", "data")
    assert done.returncode == 0, done.stderr
    assert "Left out: distribution.png. This needs matplotlib" in done.stderr
    assert "distribution.png" not in done.stdout
    assert not (source.parent / "data" / "distribution.png").exists()
    assert (source.parent / "data" / "prepared.json").is_file()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a new environment with the base, installed from a wheel; needs a package index."""
    folder = tmp_path_factory.mktemp("base")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    probe = ["download", "--retries", "0", "--no-deps", "--dest", str(folder / "probe"), "segno"]
    if subprocess.run([*pip, *probe], capture_output=True).returncode:
        pytest.skip("no package index can be reached")
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder / "dist", ROOT], check=True)
    venv.create(folder / "venv", with_pip=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    before = size_of(folder / "venv")
    subprocess.run([*pip, "--python", folder / "venv", "install", wheel], check=True)
    assert size_of(folder / "venv") - before < 400e6
    return folder / "venv"


def size_of(folder: Path) -> int:
    """Return the size of all files in a folder, in bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_base_works_from_a_wheel(base: Path, source: Path, exported: Path) -> None:
    programs = base / ("Scripts" if os.name == "nt" else "bin")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [programs / "mineral-recog", *arguments],
            cwd=source.parent,
            env=environment,
            capture_output=True,
            encoding="utf-8",
        )

    assert "prepare" in run("--help").stdout
    audited = run("audit", "photos", "--out", "audit")
    assert (audited.returncode, INSTALL in audited.stderr) == (0, False), audited.stderr
    assert (source.parent / "audit" / "review.html").is_file()
    assert run("prepare", "photos", "data").returncode == 0
    trained = run("train", "data")
    assert (trained.returncode, trained.stdout) == (2, "")
    assert re.fullmatch(rf"Error: This needs \w+, .*{re.escape(INSTALL)}\n", trained.stderr)
    answered = run("identify", "photos/agate/0.png", "--model", str(exported), "--json")
    assert answered.returncode == 0, answered.stderr
    assert len(json.loads(answered.stdout)["candidates"]) == 3
