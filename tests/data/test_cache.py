"""Caches have the correct pixels, whatever happens to photos, cache files or the process."""

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
    CACHE_ROOT,
    INDEX_FILE,
    INDEX_MAGIC,
    PIXELS_FILE,
    RECORD,
    TOKEN_BYTES,
    Cache,
    cache_folder,
    path_digest,
    read_records,
    reduced_photo,
    reduced_size,
)
from mineral_recog.data.cache_builder import build_caches, is_cache_worthwhile
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
    """Record the names of the photos that are decoded."""
    names: list[str] = []

    def recording(file: BinaryIO, side: int, interpolation: str) -> np.ndarray:
        path = Path(file.name)
        names.append(f"{path.parent.name}/{path.name}")
        return reduced_photo(file, side, interpolation)

    monkeypatch.setattr(cache_builder, "reduced_photo", recording)
    return names


def cache_of(dataset: Dataset, side: int = SIDE) -> Cache:
    caches = build_caches([dataset], [side])
    assert caches is not None
    return caches[0]


def assert_correct(cache: Cache, dataset: Dataset) -> None:
    for index, path in enumerate(dataset.paths):
        expected = reduced_photo(dataset.root / path, SIDE)
        assert np.array_equal(np.asarray(cache.read_photo(index)), expected), path


@pytest.mark.parametrize(
    ("size", "reduced"),
    [
        ((1024, 768), (340, 256)),  # 128 pixels on each side of the middle square, 42.7 reduced
        ((768, 1024), (256, 340)),
        ((300, 200), (300, 200)),  # photos are not enlarged
        ((100_000, 2), (32, 2)),  # cropped to an aspect ratio of 16
        ((10_000, 512), (4096, 256)),
    ],
)
def test_reduced_size(size: tuple[int, int], reduced: tuple[int, int]) -> None:
    assert reduced_size(*size, 256) == reduced


def test_reduced_photo_is_upright_and_long_photo_is_cropped_to_its_middle(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    Image.new("RGB", (96, 48)).save(tmp_path / "turned.jpg", exif=exif)
    assert reduced_photo(tmp_path / "turned.jpg", 12).shape == (24, 12, 3)
    ramp = np.tile(np.arange(640) % 256, (20, 1)).astype(np.uint8)
    Image.fromarray(ramp).save(tmp_path / "long.png")
    long_photo = reduced_photo(tmp_path / "long.png", 20)
    assert long_photo.shape == (20, 320, 3)
    assert np.array_equal(long_photo[..., 0], ramp[:, 160:480])


def test_cache_is_worthwhile_from_a_pixel_ratio_of_two_and_a_half(dataset: Dataset) -> None:
    assert is_cache_worthwhile(dataset, 20)  # photos of 32 x 32
    assert not is_cache_worthwhile(dataset, 21)


def test_photos_are_decoded_once(dataset: Dataset, decoded: list[str]) -> None:
    cache = cache_of(dataset)
    assert len(decoded) == len(dataset)
    assert_correct(cache, dataset)
    with cache.open_pixels() as file:
        assert np.array_equal(cache.read_rows(file, 3, 5, 2), np.asarray(cache.read_photo(3))[5:7])
    assert_correct(cache_of(dataset), dataset)
    assert len(decoded) == len(dataset)
    cache_of(dataset, 13)  # another side is another cache
    assert len(decoded) == 2 * len(dataset)


def test_new_and_changed_photos_are_decoded(
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
    assert_correct(cache_of(now), now)
    assert set(decoded) == {"agate/0.png", f"agate/{moved.name}", "copper/a new one.png"}
    # A run that started before the change can still read its records.
    assert before.size(0) == (12, 12)
    assert np.asarray(before.read_photo(0)).shape == (12, 12, 3)


def test_mostly_stale_cache_is_rebuilt(data: Path, dataset: Dataset) -> None:
    before = cache_of(dataset)
    for index in range(15):
        Image.new("RGB", (32, 32), (index, 0, 0)).save(dataset.root / dataset.paths[index])
    assert_correct(cache_of(dataset), dataset)
    assert (cache_folder(dataset, SIDE) / PIXELS_FILE).stat().st_size == TOKEN_BYTES + len(
        dataset
    ) * 3 * SIDE**2
    with pytest.raises(OSError, match="was replaced"):
        before.read_photo(0)


def test_unreadable_photos_are_reported(data: Path, dataset: Dataset, decoded: list[str]) -> None:
    (dataset.root / dataset.paths[2]).write_text("no photo")
    (dataset.root / dataset.paths[4]).write_bytes(
        (dataset.root / dataset.paths[5]).read_bytes()[:-200]
    )
    bad = sorted((dataset.root / dataset.paths[index]).name for index in (2, 4))
    with pytest.raises(UserError, match=rf"2 photos .*{bad[0]} .*{bad[1]} .*prepare"):
        cache_of(dataset)
    for index in (2, 4):
        shutil.copyfile(dataset.root / dataset.paths[5], dataset.root / dataset.paths[index])
    decoded.clear()
    assert_correct(cache_of(dataset), dataset)
    assert len(decoded) == 2


KILLED = """
import os, sys, signal
from pathlib import Path
from mineral_recog.data import cache_builder
from mineral_recog.data.dataset import read_split
reduce, count = cache_builder.reduced_photo, []
def reduce_some(path, side, interpolation):
    count.append(path)
    if len(count) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return reduce(path, side, interpolation)
cache_builder.reduced_photo = reduce_some
cache_builder.build_caches([read_split(Path(sys.argv[1]), "train")], [12])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_killed_process_leaves_complete_photos(tmp_path: Path, decoded: list[str]) -> None:
    write_photos(tmp_path / "train" / "agate", 1, 200, size=20)
    dataset = read_split(tmp_path, "train")
    for killed_at in (1, 120):
        process = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(killed_at)])
        assert process.returncode == -signal.SIGKILL
    stored = read_records(cache_folder(dataset, SIDE), SIDE)
    assert stored is not None
    assert len(stored[1]) >= 32
    assert_correct(cache_of(dataset), dataset)
    assert len(decoded) == 200 - len(stored[1])


def test_index_truncated_anywhere_is_repaired(dataset: Dataset, decoded: list[str]) -> None:
    cache_of(dataset)
    file = cache_folder(dataset, SIDE) / INDEX_FILE
    index = file.read_bytes()
    header = len(INDEX_MAGIC) + TOKEN_BYTES
    for length in (0, 5, header, len(index) - 1, len(index) - RECORD.itemsize - 3):
        file.write_bytes(index[:length])
        assert_correct(cache_of(dataset), dataset)
        assert len(file.read_bytes()) == len(index)


def test_truncated_pixels_are_rebuilt(dataset: Dataset) -> None:
    cache = cache_of(dataset)
    pixels = cache_folder(dataset, SIDE) / PIXELS_FILE
    with pixels.open("rb+") as file:
        file.truncate(TOKEN_BYTES + 1000)
    with pytest.raises(OSError, match="is truncated"):
        cache.read_photo(len(dataset) - 1)
    assert_correct(cache_of(dataset), dataset)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=400), st.lists(st.tuples(*[st.integers(-(2**63), 2**63 - 1)] * 3)))
def test_index_may_contain_anything(
    dataset: Dataset, noise: bytes, places: list[tuple[int, int, int]]
) -> None:
    folder = cache_folder(dataset, SIDE)
    cache = cache_of(dataset)
    records = np.zeros(len(places), dtype=RECORD)
    for record, (offset, height, width) in zip(records, places, strict=True):
        record["name"], record["offset"] = path_digest(dataset.paths[0]), offset
        record["height"], record["width"] = height % 2**31, -(width % 2**31)
    (folder / INDEX_FILE).write_bytes(INDEX_MAGIC + cache.token + records.tobytes() + noise)
    read = read_records(folder, SIDE)
    assert read is not None
    end = (folder / PIXELS_FILE).stat().st_size
    for record in read[1]:
        height, width = int(record["height"]), int(record["width"])
        assert 0 < min(height, width) <= SIDE
        assert 0 <= int(record["offset"]) <= end - 3 * height * width
    (folder / INDEX_FILE).write_bytes(noise)
    assert_correct(cache_of(dataset), dataset)


def test_too_small_disk_gets_no_cache(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, recorder: Recorder
) -> None:
    needed = len(dataset) * 3 * SIDE**2

    def set_free_space(free: int) -> None:
        usage = shutil.disk_usage(dataset.root)._replace(free=free)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)

    set_free_space(2 * needed - 1)
    assert build_caches([dataset], [SIDE], recorder) is None
    assert "more than half" in recorder.notices[-1]
    set_free_space(2 * needed)
    assert_correct(cache_of(dataset), dataset)
    set_free_space(0)
    assert_correct(cache_of(dataset), dataset)  # the existing cache needs no more space


def test_cache_is_removed_when_the_disk_is_full(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, recorder: Recorder
) -> None:
    def raise_disk_full(file: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", raise_disk_full)
        assert build_caches([dataset], [SIDE], recorder) is None
    assert "No space left" in recorder.notices[-1]
    assert not cache_folder(dataset, SIDE).exists()


@pytest.mark.parametrize("sync_count", [0, 5])
def test_stored_photos_survive_a_disk_error(
    dataset: Dataset,
    decoded: list[str],
    monkeypatch: pytest.MonkeyPatch,
    recorder: Recorder,
    sync_count: int,
) -> None:
    remaining, sync = iter(range(sync_count)), os.fsync

    def failing(file: int) -> None:
        if next(remaining, None) is None:
            raise OSError(errno.EIO, "Input/output error")
        sync(file)

    with monkeypatch.context() as patch:
        patch.setattr(cache_builder, "FLUSH_COUNT", 4)
        patch.setattr(os, "fsync", failing)
        assert build_caches([dataset], [SIDE], recorder) is None
    assert "Input/output error" in recorder.notices[-1]
    assert cache_folder(dataset, SIDE).exists()  # its photos need not be read again
    decoded.clear()
    assert_correct(cache_of(dataset), dataset)
    # One sync for the index, then two for each four photos: five syncs store eight photos.
    assert len(decoded) == len(dataset) - (8 if sync_count else 0)


def test_unreadable_photos_give_no_notice_about_disk_space(
    dataset: Dataset, recorder: Recorder
) -> None:
    build_caches([dataset], [SIDE], recorder)
    assert "Photos are reduced" in recorder.notices.pop()
    (dataset.root / dataset.paths[0]).write_text("no photo")
    with pytest.raises(UserError, match=r"1 photos .*prepare"):
        build_caches([dataset], [SIDE], recorder)
    assert recorder.notices == []


def test_folder_that_cannot_be_written_gets_no_cache(dataset: Dataset, recorder: Recorder) -> None:
    (dataset.root.parent / CACHE_ROOT).touch()  # works for root as well
    assert build_caches([dataset], [SIDE], recorder) is None
    assert len(recorder.notices) == 1


BUILD = """
import sys
from pathlib import Path
from mineral_recog.data.dataset import read_split
from mineral_recog.cli.terminal_progress import TerminalProgress
from mineral_recog.data.cache_builder import build_caches
assert build_caches([read_split(Path(sys.argv[1]), "train")], [12], TerminalProgress())
"""


def test_another_process_is_waited_for(data: Path, dataset: Dataset, decoded: list[str]) -> None:
    (data / CACHE_ROOT).mkdir()
    with FileLock(data / CACHE_ROOT / "lock"):
        command = [sys.executable, "-c", BUILD, str(data)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        assert "Waiting for another process" in process.stderr.readline()
        assert read_records(cache_folder(dataset, SIDE), SIDE) is None
    with process:
        assert process.wait() == 0
    assert_correct(cache_of(dataset), dataset)
    assert decoded == []
