"""The cores of a process: of the machine, its affinity, its control groups and the user's limit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mineral_recog import cores
from mineral_recog.cores import decoding_threads, loader_processes, thread_count


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the files of the control groups, on a machine of 64 cores."""
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(64)), raising=False)
    monkeypatch.setattr(cores, "OWN_CGROUPS", tmp_path / "own")
    monkeypatch.setattr(cores, "CGROUP_ROOT", tmp_path)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),  # rounded up
        ("0::/\n", {"cpu.max": "1000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "max 100000\n"}, 64),
        ("0::/a/b\n", {"a/cpu.max": "300000 100000", "a/b/cpu.max": "max 100000"}, 3),
        ("0::/a/b\n", {"a/cpu.max": "800000 100000", "a/b/cpu.max": "500000 100000"}, 5),
        ("0::/a:b\n", {"a:b/cpu.max": "400000 100000"}, 4),
        ("0::/../../c\n", {"c/cpu.max": "400000 100000"}, 4),  # outside of its namespace
        ("0::/of/the/host\n", {"cpu.max": "400000 100000"}, 4),  # the path of the host
        ("0::/\n", {}, 64),
        *(
            ("0::/\n", {"cpu.max": text}, 64)
            for text in ("", "words", "1 2 3", "-1 100000", "0 100000", "100000 0", "\xff 100000")
        ),
        (
            "4:cpu:/d\n0::/\n",
            {"cpu/d/cpu.cfs_quota_us": "250000\n", "cpu/d/cpu.cfs_period_us": "100000\n"},
            3,
        ),
        (
            "5:cpuset:/\n4:cpu,cpuacct:/of/the/host\n",
            {"cpu,cpuacct/cpu.cfs_quota_us": "50000", "cpu,cpuacct/cpu.cfs_period_us": "25000"},
            2,
        ),
        ("4:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 64),
        ("4:cpu:/\n", {"cpu/cpu.cfs_quota_us": "100000"}, 64),
        ("no group\n\n::\n", {}, 64),
        (None, {"cpu.max": "100000 100000"}, 64),  # not Linux
    ],
)  # fmt: skip
def test_cores_of_a_control_group(
    machine: Path, own: str | None, files: dict[str, str], expected: int
) -> None:
    if own is not None:
        (machine / "own").write_text(own)
    for name, text in files.items():
        (machine / name).parent.mkdir(parents=True, exist_ok=True)
        (machine / name).write_text(text, encoding="latin-1")
    assert cores.usable_cores() == expected


def test_cores_of_the_machine_and_of_the_affinity(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {3, 5, 7}, raising=False)
    assert cores.usable_cores() == 3
    monkeypatch.delattr("os.sched_getaffinity")  # macOS, Windows
    assert cores.usable_cores() == 64
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert cores.usable_cores() == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [("3", 3), (" 3 ", 3), ("4,2", 4), ("1000", 64)]
    + [(text, 64) for text in ("", " ", "0", "-2", "many", "2.5", "²", "9" * 5000)],
)
def test_threads_are_at_most_those_that_the_user_allows(
    machine: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: int
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    assert thread_count() == expected
    assert loader_processes() == 8  # processes of one thread each


def test_threads_that_decode_photos_are_limited_by_their_memory(machine: Path) -> None:
    assert decoding_threads() == 4
    (machine / "own").write_text("0::/\n")
    (machine / "cpu.max").write_text("200000 100000\n")
    assert decoding_threads() == 2


@pytest.mark.parametrize(("value", "kept"), [("", None), (" ", None), ("2", "2")])
def test_openmp_does_not_see_an_empty_number_of_threads(value: str, kept: str | None) -> None:
    code = "import os, mineral_recog as _; print([os.environ.get(name) for name in {}])".format(
        ("OMP_NUM_THREADS", "OMP_WAIT_POLICY")
    )
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {"OMP_NUM_THREADS": value},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str([kept, "PASSIVE"])


@pytest.mark.parametrize(
    ("sharing", "processes"), [("1", 8), ("4", 4), ("32", 1), ("", 8), ("0", 8), ("x", 8)]
)
def test_processes_of_torchrun_divide_the_loader_processes(
    sharing: str, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "usable_cores", lambda: 16)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", sharing)
    assert cores.loader_processes() == processes
