"""Packed splits give the same names, bytes, labels and results as the folders."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mineral_recog.cli.main import main
from mineral_recog.data.dataset import Dataset, read_split
from mineral_recog.data.shard_writer import pack
from mineral_recog.data.tar_samples import photo_name, sample_key
from mineral_recog.data.tar_shards import index_path
from tests.conftest import TINY


def contents(dataset: Dataset) -> list[tuple[str, str, bytes]]:
    """Return name, class and bytes of each photo."""
    photos = []
    for index, name in enumerate(dataset.paths):
        with dataset.open(index) as file:
            photos.append((name, dataset.classes[dataset.labels[index]], file.read()))
    return photos


def write_data(data: Path, names: dict[str, list[str]]) -> None:
    """Write a photo with a unique colour for each name, in train and val."""
    for label, (class_name, files) in enumerate(names.items()):
        for number, file in enumerate(files):
            for split in ("train", "val"):
                path = data / split / class_name / file
                path.parent.mkdir(parents=True, exist_ok=True)
                colour = (10 * label + number, 0, 0 if split == "train" else 9)
                Image.new("RGB", (4, 4), colour).save(path, "PNG")


UNUSUAL_NAMES = {
    "agate": ["1.png", "1.jpg", "a.b.c.PNG", "none", "sub/1.png", "100%.png", "%2E.png", "x%"],
    "100% 水晶.": ["1.png", "agate/1.png", "线\n.png", "long" * 40 + ".png"],
    "b": ["b/b.png"],
}


def test_names_labels_and_bytes_stay_the_same(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    write_data(data, UNUSUAL_NAMES)
    packed = pack(data, out, shard_size=1)
    counts = {split: (result.photo_count, result.shard_count) for split, result in packed.items()}
    assert counts == {
        "train": (13, 1), "val": (13, 1),
    }  # fmt: skip
    for split in ("train", "val"):
        before, after = read_split(data, split), read_split(out, split)
        assert after.classes == before.classes
        assert contents(after) == contents(before)
        assert after.fingerprint() == before.fingerprint()


def test_description_of_the_splits_is_copied(tmp_path: Path) -> None:
    write_data(tmp_path / "data", {"agate": ["1.png"], "b": ["1.png"]})
    (tmp_path / "data" / "prepared.json").write_text('{"made": {}}')
    pack(tmp_path / "data", tmp_path / "out")
    assert (tmp_path / "out" / "prepared.json").read_text() == '{"made": {}}'
    assert not (tmp_path / "out" / "drawn.json").exists()


@given(st.from_regex(r"[^/\x00]{1,8}(/[^/\x00.][^/\x00]{0,8}){1,2}", fullmatch=True), st.booleans())
def test_any_name_survives_conversion_to_a_key(name: str, alone: bool) -> None:
    key, suffix = sample_key(name, alone)
    assert photo_name(key, suffix) == name
    assert "." not in key.rpartition("/")[2]
    assert key.isprintable() or not name.isprintable()


@settings(max_examples=20)
@given(st.lists(st.sampled_from(["a", "a.b", "a%", "a%2Eb", "b"]), min_size=1, unique=True))
def test_keys_are_unique(stems: list[str]) -> None:
    names = [f"x/{stem}{suffix}" for stem in stems for suffix in (".png", ".jpg", "")]
    assert len({sample_key(name, alone=False)[0] for name in names}) == len(names)


def test_shards_are_in_random_order_and_within_the_size_limit(tmp_path: Path) -> None:
    data = tmp_path / "data"
    noise = np.random.default_rng(0)
    for split in ("train", "val", "test"):
        for class_name in ("agate", "beryl"):
            (data / split / class_name).mkdir(parents=True)
            for number in range(6):
                pixels = noise.integers(0, 256, (250, 400, 3), dtype=np.uint8)  # 300 KB
                Image.fromarray(pixels).save(data / split / class_name / f"{number}.bmp")
    packed = pack(data, tmp_path / "a", shard_size=1, seed=1)
    assert (packed["train"].photo_count, packed["train"].shard_count) == (12, 4)  # 3 per shard
    paths = sorted((tmp_path / "a/train").glob("*.tar"))
    assert [path.name for path in paths] == [f"train-{n:06}.tar" for n in range(4)]
    assert all(path.stat().st_size <= 10**6 and index_path(path).is_file() for path in paths)
    with tarfile.open(paths[0]) as tar:
        names = tar.getnames()
        label = tar.extractfile(names[0])
        assert label is not None
        classes = json.loads((tmp_path / "a/classes.json").read_text())
        class_name = classes[int(label.read())]
    assert names[0].startswith(class_name)
    assert [Path(name).suffix for name in names] == [".cls", ".bmp"] * 3
    assert names[1::2] != sorted(names[1::2])
    pack(data, tmp_path / "same", shard_size=1, seed=1)
    pack(data, tmp_path / "other", shard_size=1, seed=2)
    tars = [sorted((tmp_path / out / "train").glob("*.tar")) for out in ("a", "same", "other")]
    first, same, other = ([path.read_bytes() for path in tar_paths] for tar_paths in tars)
    assert first == same != other


def test_training_on_shards_gives_the_same_results(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(prepared, "data")
    assert main(["pack", "data", "out", "--shard-size", "1"]) == 0
    for data in ("data", "out"):
        small = [part for setting in (*TINY, "epochs=3") for part in ("--set", setting)]
        run = ["--out", f"runs/{data}", "--workers", "1" if data == "out" else "0"]
        assert main(["train", data, "--recipe", "multi_stage", *run, *small]) == 0
        assert main(["evaluate", f"runs/{data}", "--data", data, "--workers", "0"]) == 0
    for name in ("metrics.json", "predictions.csv", "trust.json", "per_class.csv", "copies.json"):
        folders, shards = (Path("runs", data, "evaluation/test", name) for data in ("data", "out"))
        assert folders.read_bytes() == shards.read_bytes(), name
    folders, shards = (
        Path("runs", data, "gallery/gallery.safetensors") for data in ("data", "out")
    )
    assert folders.read_bytes() == shards.read_bytes()


def test_only_output_of_pack_is_replaced(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    (out / "mine").mkdir(parents=True)
    assert main(["pack", str(prepared), str(out), "--force"]) == 2
    assert "not made by this command" in capsys.readouterr().err
    (out / "mine").rmdir()
    assert main(["pack", str(prepared), str(out)]) == 0
    assert f"Next: mineral-recog train {out}" in capsys.readouterr().out
    assert main(["pack", str(prepared), str(out)]) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["pack", str(prepared), str(out), "--force", "--seed", "3"]) == 0
    assert main(["pack", str(out), str(out / "again")]) == 2
    assert "lies inside" in capsys.readouterr().err
