"""Output of `prepare` about what happened to the photos."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from mineral_recog.cli.main import main
from mineral_recog.data.photo_columns import read_photo_column
from tests.duplicates.scenes import scene


def write_scenes(folder: Path, first: int, count: int) -> None:
    """Write sharp, different photos that have no findings."""
    folder.mkdir(parents=True)
    for seed in range(first, first + count):
        scene(seed).save(folder / f"{seed}.png")


def test_everything_left_out_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos, data, decisions = tmp_path / "photos", tmp_path / "data", tmp_path / "decisions.json"
    for number, folder in enumerate(("train/opal", "train/gold", "test/opal", "test/gold")):
        write_scenes(photos / folder, 10 * number, 6)
    shutil.copy(photos / "test/opal/20.png", photos / "train/opal")
    for number in range(11):
        (photos / "train" / "gold" / f"torn {number:02}.png").write_bytes(b"torn")
    for name in ("a.txt", "b.txt", "a.raw"):
        (photos / "test" / "gold" / name).touch()
    decisions.write_text(json.dumps({"drop": ["opal/train/none.png", "opal/train/0.png"]}))
    assert main(["prepare", str(photos), str(data), "--decisions", str(decisions)]) == 0
    output = capsys.readouterr().out
    for line in (
        "Splits of the source: train, test; drawn from train: val, 10 % of each class",
        "Left out, not photos: 1 .raw, 2 .txt",
        "Copies across the given splits: 1 val and test photos had copies in train; 1 photos of",
        "By your decisions: 1 photos dropped",
        "Decisions about missing photos: 1, the first about opal/train/none.png",
        f"... (+1: {data / 'prepared.json'})",
    ):
        assert line in output
    skipped = [line for line in output.splitlines() if line.startswith("Skipped, cannot be read")]
    assert len(skipped) == 10
    assert "torn 00.png" in skipped[0]


def test_photos_without_findings_need_no_audit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for first, name in ((0, "opal"), (10, "gold")):
        write_scenes(tmp_path / "photos" / name, first, 6)
    assert main(["prepare", str(tmp_path / "photos"), str(tmp_path / "data")]) == 0
    output = capsys.readouterr().out
    assert "Next: mineral-recog train" in output
    assert not any(word in output for word in ("audit", "Left out", "Skipped", "opies"))


def test_specimens_and_small_classes_are_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos, data = tmp_path / "photos", tmp_path / "data"
    for first, name, count in ((0, "opal", 13), (20, "gold", 13), (40, "agate", 2)):
        write_scenes(photos / name, first, count)
    for name in ("opal", "gold"):
        for number, path in enumerate(sorted((photos / name).iterdir())[:12]):
            path.rename(path.with_name(f"s{number // 3}-{number % 3}.png"))
    prepare = ["prepare", str(photos), str(data)]
    assert main(prepare) == 2
    assert "out with --min-photos 3" in capsys.readouterr().err
    prepare += ["--min-photos", "3"]
    assert main(prepare) == 0
    output = capsys.readouterr().out
    assert "Left out by --min-photos: 1 classes (agate: 2 photos)" in output
    assert "single test photo or specimen: 2 (gold, opal). Their accuracy says little" in output
    assert "If so, `prepare` with --group-by '{specimen}-*' keeps" in output
    assert main([*prepare, "--force", "--group-by", "{specimen}-*"]) == 0
    output = capsys.readouterr().out
    assert "Specimens (--group-by '{specimen}-*'): 8, with 24 photos, each specimen in" in output
    assert "each taken as one of its own: 2, the first is" in output
    assert "If so" not in output
    assert main([*prepare, "--force", "--group-by", "{specimen}#*"]) == 2
    assert "matches no photo" in capsys.readouterr().err


def test_attributes_of_a_list_are_written_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos, data = tmp_path / "photos", tmp_path / "data"
    rows = ["path,label,variety"]
    for first, name in ((0, "opal"), (20, "gold")):
        write_scenes(photos / name, first, 6)
        paths = sorted((photos / name).iterdir())
        kinds = ["", "fire", "gre\u0300s  rouge", "gr\u00e8s rouge", "=1+1", "fire"]
        rows += [f"{path},{name},{kind}" for path, kind in zip(paths, kinds, strict=True)]
    (photos / "list.csv").write_text("\n".join(rows), encoding="utf-8")
    command = ["prepare", str(photos / "list.csv"), str(data), "--columns", "attribute=variety"]
    assert main(command) == 0
    output = capsys.readouterr().out
    assert "Attributes listed by SRC, counted within each class: 6, with 10 photos (see " in output
    assert f"{data / 'attributes.csv'}); photos without one: 2" in output
    made = json.loads((data / "prepared.json").read_text("utf-8"))["made"]
    assert made["attributes"] == {"attributes": 6, "photos": 10, "others": 2}
    cells = read_photo_column(data / "attributes.csv", "attribute")
    assert cells is not None
    assert all((data / photo).is_file() for photo in cells)
    assert Counter(cells.values()) == {"fire": 4, "gr\u00e8s rouge": 4, "'=1+1": 2}
    assert main([*command, "--force"]) == 0  # the new file is known to be our own
    (photos / "list.csv").write_text("\n".join(row.rpartition(",")[0] for row in rows))
    assert main([*command[:3], "--force"]) == 0
    assert "Attributes" not in capsys.readouterr().out.rpartition("Imbalance")[2]
    assert not (data / "attributes.csv").exists()


def test_leaks_of_specimens_are_not_denied(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for first, name in ((0, "opal"), (20, "gold")):
        folder = tmp_path / "photos" / name
        write_scenes(folder, first, 6)
        shutil.copy(folder / f"{first}.png", folder / "copy.png")
    assert main(["prepare", str(tmp_path / "photos"), str(tmp_path / "data")]) == 0
    output = capsys.readouterr().out
    assert "this split has none. Photos of one specimen from other sides are not recog" in output


def test_list_is_read_by_its_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ["Foto;Art"]
    for first, name in ((0, "opal"), (10, "gold")):
        write_scenes(tmp_path / "photos" / name, first, 6)
        rows += [f"{name}\\{seed};{name}" for seed in range(first, first + 6)]
    (tmp_path / "list.csv").write_text("\n".join(rows))
    command = ["prepare", str(tmp_path / "list.csv"), str(tmp_path / "data")]
    assert main(command) == 2
    assert "(Foto, Art): say which it is, as in --columns path=" in capsys.readouterr().err
    command += ["--columns", "path=Foto,label=Art"]
    assert main(command) == 2
    assert f"try --root {tmp_path / 'photos'}" in capsys.readouterr().err
    assert main([*command, "--root", str(tmp_path / "photos")]) == 0
    assert len(list((tmp_path / "data").glob("*/*/*.png"))) == 12
    assert main([*command, "--class-level", "1", "--force"]) == 2
