"""Fuzz the parsers of the project's own formats and print a Markdown table.

    python faults/fuzz.py [--seconds 60] [--seed 0] [--keep FOLDER] [PARSER...]

Each parser gets files that libFuzzer mutates from a correct one, guided by the code that they
reach. A parser must read a file or report in one line what is wrong; anything else, more than 10 s
for a file, or more than 2 GB of memory is a failure, and the file is stored in the folder --keep.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import atheris
import numpy as np
import torch

with atheris.instrument_imports(include=["mineral_recog"]):
    from mineral_recog.calibration.calibration import fit_calibration
    from mineral_recog.curation.decisions import read_decisions
    from mineral_recog.data import cache
    from mineral_recog.data.class_groups import class_groups
    from mineral_recog.data.readers.aliases import read_aliases
    from mineral_recog.data.readers.list_reader import ListSource
    from mineral_recog.data.readers.tar_reader import TarSource
    from mineral_recog.errors import UserError
    from mineral_recog.evaluation.evaluation_files import read_evaluation
    from mineral_recog.identify.evidence import read_evidence
    from mineral_recog.minerals.facts import read_minerals
    from mineral_recog.models.bundle import Bundle, read_bundle
    from mineral_recog.models.network import build_network
    from mineral_recog.recipes.recipe_file import read_recipe
    from mineral_recog.serve.http_errors import HttpError
    from mineral_recog.serve.request_schemas import parse_question
    from mineral_recog.training.checkpoint import read_checkpoint, save_checkpoint
    from mineral_recog.training.run_folder import RUN, read_run_record

Parser = Callable[[Path], object]

FOLDER = Path("fuzzed")  # in the working folder; holds the file to parse
MODEL = Path("model")  # correct files, of which parts are mutated
CLASSES = ("agate", "beryl")


def parse_evidence_lines(file: Path) -> object:
    """Parse evidence as users type it, one test per line."""
    lines = file.read_bytes().decode("utf-8", "replace").split("\n")
    names = ("hardness", "streak", "lustre", "density", "magnetic", "acid")
    return read_evidence(**dict(zip(names, lines, strict=False)))


def read_cache(file: Path) -> object:
    """Read the index of a cache whose pixels exist."""
    (file.parent / cache.PIXELS_FILE).write_bytes(bytes(cache.TOKEN_BYTES + 5000))
    return cache.read_records(file.parent, 32)


def read_with_model(file: Path) -> object:
    """Read a bundle in which this file replaces its own."""
    for other in MODEL.iterdir():
        if other.name != file.name:
            shutil.copyfile(other, file.parent / other.name)
    return read_bundle(file.parent)


def read_figures(file: Path) -> object:
    """Read an evaluation with these figures."""
    folder = file.parent / "evaluation" / "test"
    folder.mkdir(parents=True)
    shutil.copyfile(file, folder / "metrics.json")
    lines = [f"{name},9,2,0.5,head" for name in CLASSES]
    (folder / "per_class.csv").write_text(
        "\n".join(["class,n_train,n_test,accuracy,group", *lines])
    )
    return read_evaluation(file.parent, "test", CLASSES)


def make_tar() -> bytes:
    """Return a tar file of two photos."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in (("a/1.jpg", b"photo"), ("b/2.jpg", b"p"), ("b/2.cls", b"1")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


def save_model(folder: Path) -> None:
    """Save a bundle of two classes."""
    network = build_network("test_resnet", False, "auto", 32, 2)
    labels = np.array([0, 0, 0, 1, 1, 1])
    features = np.eye(2, network.classifier.in_features, dtype=np.float32)[labels]
    logits = np.eye(2, dtype=np.float32)[labels] * np.arange(6, dtype=np.float32)[:, None]
    groups = ("head", "tail")
    calibration = fit_calibration(features, labels, features, logits, labels, groups)
    Bundle(network, "test_resnet", "linear", CLASSES, (9, 2), groups, calibration, {}).save(folder)


def make_checkpoint() -> bytes:
    """Return a checkpoint of two tensors."""
    save_checkpoint(Path("c"), {"a": torch.ones(2, 3), "b": torch.arange(4)}, {"done": 1})
    return Path("c").read_bytes()


def make_cache_index() -> bytes:
    """Return the index of a cache of two photos."""
    records = np.zeros(2, cache.RECORD)
    records["height"] = records["width"] = 8
    records["offset"] = cache.TOKEN_BYTES
    return cache.INDEX_MAGIC + bytes(cache.TOKEN_BYTES) + records.tobytes()


RUN_FACTS = {
    "data": "d", "fingerprint": "0", "cached": False,
    "preprocessing": {"image_size": 32, "mean": [0, 0, 0], "std": [1, 1, 1], "test_views": 1},
}  # fmt: skip
QUESTION = {
    "sightings": [{"logits": [1.0, 2.0], "strangeness": 0.5, "model": "0"}],
    "evidence": {"hardness": "6"},
}
LISTED = {"path": "a/1.jpg", "label": "quartz", "split": "train"}


# By name: the file to parse, its parser, and a function that makes a correct file.
PARSERS: dict[str, tuple[str, Parser, Callable[[], bytes]]] = {
    "recipe": ("r.yaml", lambda file: read_recipe(str(file)),
               lambda: b"base: crt\nepochs: 9\nstages: {crt: {epochs: 2, lr: 1e-3}}\n"),
    "list of photos, CSV": ("l.csv", ListSource,
                            lambda: b"path,label,split\na/1.jpg,q,train\n"),
    "list of photos, JSON": ("l.json", ListSource, lambda: json.dumps([LISTED]).encode()),
    "list of photos, JSONL": ("l.jsonl", ListSource, lambda: json.dumps(LISTED).encode()),
    "aliases": ("a.csv", read_aliases, lambda: b"alias,name\nrock crystal,quartz\n"),
    "table of minerals": ("m.csv", read_minerals,
                          lambda: resources.files("mineral_recog.minerals").joinpath("minerals.csv")
                          .read_bytes()[:1500].rpartition(b"\n")[0]),
    "decisions": ("d.json", read_decisions,
                  lambda: b'{"keep": ["a/1"], "drop": [], "move": {"a/2": "b"}, "classes": {}}'),
    "groups": ("g.json", lambda file: class_groups(str(file), CLASSES, (9, 2)),
               lambda: b'{"head": ["agate"], "tail": ["beryl"]}'),
    "tar file": ("s.tar", TarSource, make_tar),
    "index of a cache": (cache.INDEX_FILE, read_cache, make_cache_index),
    "checkpoint": ("c", read_checkpoint, make_checkpoint),
    "config of a model": ("config.json", read_with_model,
                          lambda: (MODEL / "config.json").read_bytes()),
    "weights of a model": ("model.safetensors", read_with_model,
                           lambda: (MODEL / "model.safetensors").read_bytes()[:20_000]),
    "calibration of a model": ("trust.safetensors", read_with_model,
                               lambda: (MODEL / "trust.safetensors").read_bytes()),
    "record of a run": (RUN, lambda file: read_run_record(file.parent),
                        lambda: json.dumps(RUN_FACTS).encode()),
    "figures of a run": ("m.json", read_figures,
                         lambda: b'{"accuracy": 0.5, "intervals": {"accuracy": [0.1, 0.9]}}'),
    "evidence": ("e.txt", parse_evidence_lines, lambda: b"5-6\nwhite\nvitreous\n2.65\nno\nyes"),
    "question to the server": ("q.json", lambda file: parse_question(file.read_bytes()),
                               lambda: json.dumps(QUESTION).encode()),
}  # fmt: skip


def fuzz(name: str, arguments: list[str]) -> None:
    """Fuzz one parser in this process, which does not return."""
    save_model(MODEL)
    file_name, parse, make_correct = PARSERS[name]
    Path("corpus").mkdir()
    Path("corpus", "correct").write_bytes(make_correct())

    def check_file(data: bytes) -> None:
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir()
        (FOLDER / file_name).write_bytes(data)
        try:
            parse(FOLDER / file_name)
        except (UserError, HttpError) as error:
            if not str(error).isprintable():
                raise AssertionError(f"the message is not one line: {error!a}") from error

    atheris.Setup([sys.argv[0], *arguments, "corpus"], check_file)
    atheris.Fuzz()


def run_parser(name: str, seconds: int, seed: int, keep: Path) -> tuple[str, bool]:
    """Fuzz one parser in a new process; return a row of the table, and whether it held."""
    limits = [f"-max_total_time={seconds}", f"-seed={seed + 1}", "-print_final_stats=1",
              "-timeout=10", "-rss_limit_mb=2048", "-max_len=65536"]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--inside", name, *limits]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
        failures = [*Path(folder).glob("crash-*"), *Path(folder).glob("timeout-*"),
                 *Path(folder).glob("oom-*")]  # fmt: skip
        for file in failures:
            shutil.copy(file, keep / f"{name.replace(' ', '-')}-{file.name[:16]}")
    tried = re.findall(r"number_of_executed_units:\s+(\d+)|^#(\d+)", done.stderr, re.MULTILINE)
    files = max((int(a or b) for a, b in tried), default=0)
    reached = re.findall(r"cov: (\d+)", done.stderr)
    memory = re.findall(r"peak_rss_mb:\s+(\d+)", done.stderr)
    held = done.returncode == 0 and files > 0
    if not held:
        print(done.stderr[-3000:], file=sys.stderr)
    cells = (name, f"{files:,}", (reached or ["?"])[-1], f"{(memory or ['?'])[-1]} MB",
             "held" if held else "FAILED")  # fmt: skip
    return f"| {' | '.join(cells)} |", held


def main() -> int:
    """Fuzz all parsers, or the given ones."""
    if sys.argv[1:2] == ["--inside"]:
        fuzz(sys.argv[2], sys.argv[3:])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=int, default=60, help="for each parser")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--keep", type=Path, default=Path(), help="folder for files that break a parser"
    )
    parser.add_argument("readers", nargs="*", choices=[[], *PARSERS], default=[])
    options = parser.parse_args()
    print("| parser | files tried | branches reached | peak memory | |\n|---|---|---|---|---|")
    all_held = True
    for name in options.readers or PARSERS:
        line, held = run_parser(name, options.seconds, options.seed, options.keep)
        print(line, flush=True)
        all_held &= held
    return int(not all_held)


if __name__ == "__main__":
    sys.exit(main())
