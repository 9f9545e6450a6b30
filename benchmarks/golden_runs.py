"""Check that a change of the code changes no result: train every recipe and compare all files.

    python benchmarks/golden_runs.py OUT                              before the change
    python benchmarks/golden_runs.py OUT2 --against OUT/golden.json   after it, on the same machine

The script uses commands only, so one copy of it serves any version (set PYTHONPATH to choose one).
Weights, logs, metrics, answers and tables must be equal to the last bit. Hashes of weights differ
between processors and between versions of torch: compare on one machine, in one environment.

Exit status: 0 if everything is equal, 1 if something differs. It takes about six minutes.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from safetensors.numpy import load_file

import mineral_recog

COMMANDS = (
    "demo", "draw", "audit", "prepare", "train", "evaluate", "compare", "identify", "serve",
)  # fmt: skip
DRAWN = "--size 40 --largest 60 --imbalance 20 --val 3 --test 3 --seed 1"
SMALL = "backbone=test_resnet pretrained=false image_size=32 batch_size=16 precision=float32"
# Runs beyond the shipped recipes: name, recipe, settings.
VARIANTS = (
    ("crt_every_step", "multi_stage", "stages.crt.feature_views=0 stages.crt.min_steps=0"),
    ("cached", "multi_stage", "cache=true"),
)
MEASURED = ("seconds", "memory")  # differ between two runs of one version


def main() -> int:
    """Produce all results, write golden.json and compare it with an earlier one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder to make")
    parser.add_argument("--against", type=Path, help="golden.json of another version")
    arguments = parser.parse_args()
    out: Path = arguments.out
    out.mkdir(parents=True)
    hashes = all_results(out)
    (out / "golden.json").write_text(json.dumps(hashes, indent=1, sort_keys=True))
    print(f"{len(hashes)} results in {out / 'golden.json'}")
    if arguments.against is None:
        return 0
    before = json.loads(arguments.against.read_text())
    different = [key for key in sorted(before | hashes) if before.get(key) != hashes.get(key)]
    print("\n".join(f"different: {key}" for key in different) or "everything is equal")
    return 1 if different else 0


def all_results(out: Path) -> dict[str, str]:
    """Run all commands; return the hash of each result by its name."""
    data, runs = out / "minerals", out / "runs"
    run_command("draw", data, *DRAWN.split())
    hashes = {"draw": digest(*(file.read_bytes() for file in sorted(data.rglob("*.png"))))}
    hashes |= {f"options of {name}": options_of(name) for name in COMMANDS}
    run_command("audit", data / "train", "--out", out / "audit")
    hashes |= hash_files(out / "audit", "audit", "findings.csv")
    run_command("prepare", data / "train", out / "prepared", "--seed", "3", "--imbalance", "10")
    hashes["prepare"] = digest(*(str(path).encode() for path in photos_in(out / "prepared")))
    for name, recipe, settings in (*((name, name, "") for name in shipped_recipes()), *VARIANTS):
        run = runs / name
        train_options = ["--recipe", recipe, "--out", run, *small(f"epochs=6 {settings}")]
        run_command("train", data, *train_options)
        run_command("evaluate", run, "--workers", "1", "--device", "cpu")
        hashes |= hash_tensors(run, name)
        hashes[f"{name}/log"] = digest(json.dumps(log_without_measures(run)).encode())
        hashes |= hash_files(run / "evaluation" / "test", name, "*.json", "*.csv")
    model = runs / "multi_stage"
    answers = run_command("identify", data / "test", "--model", model, "--json", "--hardness", "6")
    hashes["identify"] = digest(answers.replace(str(out), "").encode())
    recipes = ["--recipes", "baseline,multi_stage,fea_crt", "--seeds", "0,1"]
    run_command("compare", data, *recipes, "--out", out / "comparison", *small("epochs=3"))
    return hashes | hash_files(out / "comparison" / "test", "compare", "*.csv")


def run_command(*words: object) -> str:
    """Run a command and return what it prints; the script ends if the command fails."""
    print("mineral-recog", *words, flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "mineral_recog", *map(str, words)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "MINERAL_RECOG_LANG": "en"},
    )
    if done.returncode:
        sys.exit(f"exit status {done.returncode}")
    return done.stdout


def small(settings: str) -> list[str]:
    """Return the options that make a run small, with further settings."""
    sets = [part for word in f"{SMALL} {settings}".split() for part in ("--set", word)]
    return [*sets, "--workers", "1", "--device", "cpu"]


def options_of(command: str) -> str:
    """Return the names of a command's options."""
    return " ".join(sorted(set(re.findall(r"--[a-z-]+", run_command(command, "--help")))))


def shipped_recipes() -> list[str]:
    """Return the names of the recipes of the version that runs."""
    folder = Path(str(mineral_recog.__file__)).parent / "recipes"
    return sorted(file.stem for file in folder.glob("*.yaml"))


def photos_in(data: Path) -> list[Path]:
    """Return the photos of the splits, as sorted relative paths."""
    return sorted(path.relative_to(data) for path in data.rglob("*/*.png"))


def hash_tensors(run: Path, name: str) -> dict[str, str]:
    """Hash each file of tensors of a run, with the tensors' names, types and shapes."""
    return {
        f"{name}/{file.name}": digest(
            *(
                f"{key} {value.dtype} {value.shape}".encode() + value.tobytes()
                for key, value in sorted(load_file(file).items())
            )
        )
        for file in sorted(run.rglob("*.safetensors"))
    }


def log_without_measures(run: Path) -> list[dict[str, object]]:
    """Return the log of a run without times and memory."""
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in MEASURED} for line in lines]


def hash_files(folder: Path, name: str, *patterns: str) -> dict[str, str]:
    """Hash files of a folder, without the folder's own path and without times and memory."""
    files = sorted(file for pattern in patterns for file in folder.glob(pattern))
    root = str(folder.resolve()).encode()
    return {f"{name}/{file.name}": digest(steady(file).replace(root, b"")) for file in files}


def steady(file: Path) -> bytes:
    """Return the content of a file without times and memory, by column or by row."""
    if file.name not in ("trials.csv", "comparison.csv"):
        return file.read_bytes()
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = [
            {key: value for key, value in row.items() if key not in MEASURED}
            for row in csv.DictReader(lines)
            if row.get("figure") not in MEASURED
        ]
    return json.dumps(rows).encode()


def digest(*contents: bytes) -> str:
    """Return the start of the SHA-256 of all contents."""
    return hashlib.sha256(b"\0".join(contents)).hexdigest()[:16]


if __name__ == "__main__":
    sys.exit(main())
