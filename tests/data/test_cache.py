"""Reduced photos on disk: the right pixels, whatever happens to photos, files or a process."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mineral_recog.data import cache_builder
from mineral_recog.data.cache import (
    HIDDEN,
    KIND,
    MARK,
    PIXELS,
    RECORD,
    RECORDS,
    Cache,
    cache_folder,
    name_of,
    read_records,
    reduced_photo,
    reduced_size,
)
from mineral_recog.data.cache_builder import cache_pays, reduce_photos
from mineral_recog.data.dataset import Dataset, read_split
from mineral_recog.errors import UserError
from tests.conftest import Recorder, write_photos

SIDE = 12


@pytest.fixture
def data(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "data"))


@pytest.fixture
def dataset(data: Path) -> Dataset:
    return read_split(data, "train")


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the photos that were decoded."""
    names: list[str] = []

    def noted(file: BinaryIO, side: int) -> np.ndarray:
        path = Path(file.name)
        names.append(f"{path.parent.name}/{path.name}")
        return reduced_photo(file, side)

    monkeypatch.setattr(cache_builder, "reduced_photo", noted)
    return names


def cache_of(dataset: Dataset, side: int = SIDE) -> Cache:
    caches = reduce_photos([dataset], [side])
    assert caches is not None
    return caches[0]


def assert_right(cache: Cache, dataset: Dataset) -> None:
    for photo in range(len(dataset)):
        right = reduced_photo((dataset.root / dataset.paths[photo]), SIDE)
        assert np.array_equal(np.asarray(cache.photo(photo)), right), dataset.paths[photo]


@pytest.mark.parametrize(
    ("size", "reduced"),
    [
        ((1024, 768), (340, 256)),  # 128 pixels each side of the middle square, 42.7 reduced
        ((768, 1024), (256, 340)),
        ((300, 200), (300, 200)),  # no photo is enlarged
        ((100_000, 2), (32, 2)),  # a ribbon: 16 times as long as wide
        ((10_000, 512), (4096, 256)),
    ],
)
def test_the_size_of_a_reduced_photo(size: tuple[int, int], reduced: tuple[int, int]) -> None:
    assert reduced_size(*size, 256) == reduced


def test_a_reduced_photo_is_upright_and_of_a_ribbon_the_middle(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # stands on its side
    Image.new("RGB", (96, 48)).save(tmp_path / "turned.jpg", exif=exif)
    assert reduced_photo(tmp_path / "turned.jpg", 12).shape == (24, 12, 3)
    ramp = np.tile(np.arange(640) % 256, (20, 1)).astype(np.uint8)
    Image.fromarray(ramp).save(tmp_path / "ribbon.png")
    ribbon = reduced_photo(tmp_path / "ribbon.png", 20)
    assert ribbon.shape == (20, 320, 3)
    assert np.array_equal(ribbon[..., 0], ramp[:, 160:480])


def test_a_cache_pays_from_two_and_a_half_times_the_pixels_on(dataset: Dataset) -> None:
    assert cache_pays(dataset, 20)  # photos of 32 x 32
    assert not cache_pays(dataset, 21)


def test_photos_are_read_once(dataset: Dataset, decoded: list[str]) -> None:
    cache = cache_of(dataset)
    assert len(decoded) == len(dataset)
    assert_right(cache, dataset)
    with cache.opened() as file:
        assert np.array_equal(cache.rows(file, 3, 5, 2), np.asarray(cache.photo(3))[5:7])
    assert_right(cache_of(dataset), dataset)
    assert len(decoded) == len(dataset)
    cache_of(dataset, 13)  # another side is another cache
    assert len(decoded) == 2 * len(dataset)


def test_photos_that_changed_or_are_new_are_read_again(
    data: Path, dataset: Dataset, decoded: list[str]
) -> None:
    before = cache_of(dataset)
    first, moved = (dataset.root / dataset.paths[0]), (dataset.root / dataset.paths[1])
    Image.new("RGB", (40, 20), "red").save(first)
    os.utime(moved, ns=(1, 1))
    (data / "train" / "beryl" / "2.png").unlink()
    Image.new("RGB", (20, 40), "blue").save(data / "train" / "copper" / "a new one.png")
    decoded.clear()
    now = read_split(data, "train")
    assert_right(cache_of(now), now)
    told = {"agate/0.png", f"agate/{moved.name}", "copper/a new one.png"}
    assert set(decoded) == told
    # A run that began before the change still finds what it knew.
    assert before.size(0) == (12, 12)
    assert np.asarray(before.photo(0)).shape == (12, 12, 3)


def test_a_cache_of_photos_that_are_mostly_gone_is_made_anew(data: Path, dataset: Dataset) -> None:
    before = cache_of(dataset)
    for photo in range(15):
        Image.new("RGB", (32, 32), (photo, 0, 0)).save(dataset.root / dataset.paths[photo])
    assert_right(cache_of(dataset), dataset)
    assert (cache_folder(dataset, SIDE) / PIXELS).stat().st_size == MARK + len(
        dataset
    ) * 3 * SIDE**2
    with pytest.raises(OSError, match="made anew"):
        before.photo(0)


def test_photos_that_cannot_be_read_are_named(
    data: Path, dataset: Dataset, decoded: list[str]
) -> None:
    (dataset.root / dataset.paths[2]).write_text("no photo")
    (dataset.root / dataset.paths[4]).write_bytes(
        (dataset.root / dataset.paths[5]).read_bytes()[:-200]
    )
    bad = sorted((dataset.root / dataset.paths[photo]).name for photo in (2, 4))
    with pytest.raises(UserError, match=rf"2 photos .*{bad[0]} .*{bad[1]} .*prepare"):
        cache_of(dataset)
    for photo in (2, 4):
        shutil.copyfile((dataset.root / dataset.paths[5]), (dataset.root / dataset.paths[photo]))
    decoded.clear()
    assert_right(cache_of(dataset), dataset)
    assert len(decoded) == 2


HALF = """
import os, sys, signal
from pathlib import Path
from mineral_recog.data import cache_builder
from mineral_recog.data.dataset import read_split
reduce, count = cache_builder.reduced_photo, []
def reduce_some(path, side):
    count.append(path)
    if len(count) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return reduce(path, side)
cache_builder.reduced_photo = reduce_some
cache_builder.reduce_photos([read_split(Path(sys.argv[1]), "train")], [12])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_process_that_is_killed_leaves_whole_photos(tmp_path: Path, decoded: list[str]) -> None:
    write_photos(tmp_path / "train" / "agate", 1, 200, size=20)
    dataset = read_split(tmp_path, "train")
    for killed_at in (1, 120):
        done = subprocess.run([sys.executable, "-c", HALF, str(tmp_path), str(killed_at)])
        assert done.returncode == -signal.SIGKILL
    kept = read_records(cache_folder(dataset, SIDE), SIDE)
    assert kept is not None
    assert len(kept[1]) >= 32
    assert_right(cache_of(dataset), dataset)
    assert len(decoded) == 200 - len(kept[1])


def test_an_index_cut_at_any_place_is_mended(dataset: Dataset, decoded: list[str]) -> None:
    cache_of(dataset)
    file = cache_folder(dataset, SIDE) / RECORDS
    whole = file.read_bytes()
    for cut in (0, 5, len(KIND) + MARK, len(whole) - 1, len(whole) - RECORD.itemsize - 3):
        file.write_bytes(whole[:cut])
        assert_right(cache_of(dataset), dataset)
        assert len(file.read_bytes()) == len(whole)


def test_pixels_that_are_cut_short_are_made_again(dataset: Dataset) -> None:
    cache = cache_of(dataset)
    pixels = cache_folder(dataset, SIDE) / PIXELS
    with pixels.open("rb+") as file:
        file.truncate(MARK + 1000)
    with pytest.raises(OSError, match="cut short"):
        cache.photo(len(dataset) - 1)
    assert_right(cache_of(dataset), dataset)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=400), st.lists(st.tuples(*[st.integers(-(2**63), 2**63 - 1)] * 3)))
def test_an_index_may_hold_anything(
    dataset: Dataset, noise: bytes, places: list[tuple[int, int, int]]
) -> None:
    folder = cache_folder(dataset, SIDE)
    cache = cache_of(dataset)
    records = np.zeros(len(places), dtype=RECORD)
    for record, (offset, height, width) in zip(records, places, strict=True):
        record["name"], record["offset"] = name_of(dataset.paths[0]), offset
        record["height"], record["width"] = height % 2**31, -(width % 2**31)
    (folder / RECORDS).write_bytes(KIND + cache.mark + records.tobytes() + noise)
    read = read_records(folder, SIDE)
    assert read is not None
    end = (folder / PIXELS).stat().st_size
    for record in read[1]:
        height, width = int(record["height"]), int(record["width"])
        assert 0 < min(height, width) <= SIDE
        assert 0 <= int(record["offset"]) <= end - 3 * height * width
    (folder / RECORDS).write_bytes(noise)
    assert_right(cache_of(dataset), dataset)


def test_a_disk_too_small_goes_without(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, recorder: Recorder
) -> None:
    takes = len(dataset) * 3 * SIDE**2

    def with_free(free: int) -> None:
        usage = shutil.disk_usage(dataset.root)._replace(free=free)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)

    with_free(2 * takes - 1)
    assert reduce_photos([dataset], [SIDE], recorder) is None
    assert "more than half" in recorder.notices[-1]
    with_free(2 * takes)
    assert_right(cache_of(dataset), dataset)
    with_free(0)
    assert_right(cache_of(dataset), dataset)  # what is there takes no more


def test_a_disk_that_fills_up_is_left_as_it_was(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, recorder: Recorder
) -> None:
    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert reduce_photos([dataset], [SIDE], recorder) is None
    assert "No space left" in recorder.notices[-1]
    assert not cache_folder(dataset, SIDE).exists()


@pytest.mark.parametrize("lasts", [0, 5])
def test_a_disk_that_fails_leaves_what_it_holds(
    dataset: Dataset,
    decoded: list[str],
    monkeypatch: pytest.MonkeyPatch,
    recorder: Recorder,
    lasts: int,
) -> None:
    left, sync = iter(range(lasts)), os.fsync

    def failing(file: int) -> None:
        if next(left, None) is None:
            raise OSError(errno.EIO, "Input/output error")
        sync(file)

    with monkeypatch.context() as patch:
        patch.setattr(cache_builder, "TOGETHER", 4)
        patch.setattr(os, "fsync", failing)
        assert reduce_photos([dataset], [SIDE], recorder) is None
    assert "Input/output error" in recorder.notices[-1]
    assert cache_folder(dataset, SIDE).exists()  # the photos that are on it need not be read again
    decoded.clear()
    assert_right(cache_of(dataset), dataset)
    # The index and, two at a time, photos and their records: five hold eight photos.
    assert len(decoded) == len(dataset) - (8 if lasts else 0)


def test_of_photos_that_cannot_be_read_no_place_is_told(
    dataset: Dataset, recorder: Recorder
) -> None:
    reduce_photos([dataset], [SIDE], recorder)
    assert "Photos are reduced" in recorder.notices.pop()
    (dataset.root / dataset.paths[0]).write_text("no photo")
    with pytest.raises(UserError, match=r"1 photos .*prepare"):
        reduce_photos([dataset], [SIDE], recorder)
    assert recorder.notices == []


def test_a_folder_that_cannot_be_written_goes_without(dataset: Dataset, recorder: Recorder) -> None:
    (dataset.root.parent / HIDDEN).touch()  # holds for root as well
    assert reduce_photos([dataset], [SIDE], recorder) is None
    assert len(recorder.notices) == 1


MAKE = """
import sys
from pathlib import Path
from mineral_recog.data.dataset import read_split
from mineral_recog.cli.terminal_progress import TerminalProgress
from mineral_recog.data.cache_builder import reduce_photos
assert reduce_photos([read_split(Path(sys.argv[1]), "train")], [12], TerminalProgress())
"""


def test_another_process_is_waited_for(data: Path, dataset: Dataset, decoded: list[str]) -> None:
    (data / HIDDEN).mkdir()
    with FileLock(data / HIDDEN / "lock"):
        command = [sys.executable, "-c", MAKE, str(data)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        assert "Waiting for another process" in process.stderr.readline()
        assert read_records(cache_folder(dataset, SIDE), SIDE) is None
    with process:
        assert process.wait() == 0
    assert_right(cache_of(dataset), dataset)
    assert decoded == []
