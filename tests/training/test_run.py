"""Training runs from folder to bundle, and their errors."""

from __future__ import annotations

import json
import re
import shutil
import signal
from functools import partial
from pathlib import Path

import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

from mineral_recog.errors import UserError
from mineral_recog.evaluation.evaluation_files import read_evaluation
from mineral_recog.evaluation.evaluator import evaluate
from mineral_recog.models.bundle import read_bundle
from mineral_recog.models.run_files import training_data_of
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.recipe_file import read_recipe
from mineral_recog.training import checkpoint, run_photos
from mineral_recog.training import run as training
from mineral_recog.training.epoch_log import EpochLog
from mineral_recog.training.run_folder import read_run_record
from mineral_recog.training.signals import Stopped
from tests.conftest import TINY, Recorder, have_same_weights, write_photos


@pytest.fixture
def data(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "data"))


@pytest.fixture
def recipe() -> Recipe:
    return read_recipe("baseline", [*TINY, "stages.ce.epochs=2"])


def train_and_interrupt(data: Path, recipe: Recipe, run: Path, epoch: int = 1) -> None:
    """Train until the end of an epoch."""

    def stop(line: EpochLog) -> None:
        if line.epoch == epoch:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.train(data, recipe, run, device="cpu", workers=0, on_epoch=stop)


def test_run_writes_a_bundle_with_its_provenance(
    data: Path, recipe: Recipe, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    recipe = recipe.model_copy(update={"precision": "auto"})
    training.train(data, recipe, run, device="cpu", workers=0)
    bundle = read_bundle(run)
    assert bundle.classes == ("agate", "beryl", "copper")
    assert bundle.train_counts == (12, 6, 3)
    assert bundle.groups == ("head", "medium", "tail")
    assert bundle.provenance["seed"] == "3407"
    assert bundle.provenance["precision"] in ("float32", "bfloat16")
    assert not bundle.network.training
    # The chosen precision is written to the recipe, so that the run can be repeated.
    assert read_recipe(str(run / "recipe.yaml")).precision == bundle.provenance["precision"]
    names = {path.name for path in run.iterdir()}
    assert names == {"gallery", "log.jsonl", "model", "recipe.yaml", "run.json"}


def test_unreadable_photos_are_refused_and_listed(
    data: Path, recipe: Recipe, tmp_path: Path
) -> None:
    (data / "train" / "beryl" / "bad.png").write_text("no photo")
    (data / "train" / "beryl" / "worse.jpg").touch()
    with pytest.raises(UserError, match=r"2 photos.*bad\.png.*worse\.jpg.*prepare"):
        training.train(data, recipe, tmp_path / "run", device="cpu", workers=0)
    assert not (tmp_path / "run").exists()


def test_single_class_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    for split in ("train", "val"):
        write_photos(tmp_path / "data" / split / "agate", 1, 3)
    with pytest.raises(UserError, match="one class, agate"):
        training.train(tmp_path / "data", recipe, tmp_path / "run", device="cpu", workers=0)


def test_existing_run_is_replaced_only_with_force(
    data: Path, recipe: Recipe, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    training.train(data, recipe, run, device="cpu", workers=0)
    before = (run / "model" / "model.safetensors").read_bytes()
    with pytest.raises(UserError, match=r"finished run: evaluate it .* --force, which deletes"):
        training.train(data, recipe, run, device="cpu", workers=0)
    (run / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"1 file .* \(notes\.txt\)"):
        training.train(data, recipe, run, device="cpu", workers=0, force=True)
    (run / "notes.txt").unlink()
    changed = recipe.model_copy(update={"seed": 5})
    training.train(data, changed, run, device="cpu", workers=0, force=True)
    assert (run / "model" / "model.safetensors").read_bytes() != before
    with pytest.raises(UserError, match="not made by this command"):
        training.train(data, recipe, data, device="cpu", workers=0, force=True)


def test_same_command_on_an_interrupted_run_advises_to_resume_it(
    data: Path, recipe: Recipe, tmp_path: Path
) -> None:
    run = tmp_path / "my run"
    train_and_interrupt(data, recipe, run)
    advice = rf"interrupted run: continue it with .*train {data} --out '{run}' --resume`.*--force"
    with pytest.raises(UserError, match=advice):
        training.train(data, recipe, run, device="cpu", workers=0)
    training.train(data, recipe, run, device="cpu", workers=0, force=True)
    assert (run / "model").is_dir()


def test_run_of_another_version_is_reported(data: Path, recipe: Recipe, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train_and_interrupt(data, recipe, run)
    text = (run / "recipe.yaml").read_text("utf-8")
    (run / "recipe.yaml").write_text(f"{text}loudness: 3\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"loudness: unknown key.*another version.*--force"):
        training.resume(data, run, device="cpu", workers=0)


def test_missing_or_finished_run_cannot_be_resumed(
    data: Path, recipe: Recipe, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    with pytest.raises(UserError, match="no run to resume"):
        training.resume(data, run, device="cpu", workers=0)
    training.train(data, recipe, run, device="cpu", workers=0)
    with pytest.raises(UserError, match="is finished"):
        training.resume(data, run, device="cpu", workers=0)


def test_interrupted_run_is_resumed(data: Path, recipe: Recipe, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train_and_interrupt(data, recipe, run)
    assert not (run / "model").exists()
    training.resume(data, run, device="cpu", workers=0)
    epochs = [json.loads(line)["epoch"] for line in (run / "log.jsonl").read_text().splitlines()]
    assert epochs == [1, 2]
    assert read_bundle(run).classes == ("agate", "beryl", "copper")


def test_resume_needs_no_pretrained_weights(
    data: Path, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Saves after the first epoch, however short it is.
    monkeypatch.setattr(checkpoint, "MAX_SAVING_SHARE", 1000.0)
    weights = tmp_path / "weights.safetensors"
    save_file(timm.create_model("test_resnet").state_dict(), weights)
    recipe = recipe.model_copy(update={"pretrained": str(weights), "normalisation": "imagenet"})
    run = tmp_path / "run"
    train_and_interrupt(data, recipe, run)
    weights.unlink()
    training.resume(data, run, device="cpu", workers=0)
    assert read_bundle(run).network.preprocessing.mean == (0.485, 0.456, 0.406)


def test_resume_on_changed_photos_is_refused_before_they_are_read(
    data: Path, recipe: Recipe, tmp_path: Path, recorder: Recorder
) -> None:
    run, agate = tmp_path / "run", data / "train" / "agate"
    train_and_interrupt(data, recipe, run)
    (agate / "0.png").unlink()
    (agate / "1.png").write_bytes((agate / "2.png").read_bytes() + b"changed")
    for number in range(4):
        shutil.copy(agate / "2.png", agate / f"new {number}.png")
    changes = (
        "4 added: agate/new 0.png, agate/new 1.png, agate/new 2.png, ...; "
        "1 missing: agate/0.png; 1 changed: agate/1.png"
    )
    for message in (re.escape(f"have changed since {run} was started ({changes}): "), "started: "):
        with pytest.raises(UserError, match=message):
            training.resume(data, run, device="cpu", workers=0, progress=recorder)
        assert not recorder.tasks
        (run / "checkpoint" / "photos.json").unlink(missing_ok=True)  # as in an older version


def test_resume_reports_changed_validation_photos(
    data: Path, recipe: Recipe, tmp_path: Path, recorder: Recorder
) -> None:
    run, agate = tmp_path / "run", data / "val" / "agate"
    train_and_interrupt(data, recipe, run)
    shutil.copy(agate / "0.png", agate / "new.png")
    training.resume(data, run, device="cpu", workers=0, progress=recorder)
    (notice,) = [notice for notice in recorder.notices if "validation photos" in notice]
    assert "(1 added: agate/new.png)" in notice


def test_run_resumed_on_moved_photos_records_where_they_are(
    data: Path, recipe: Recipe, tmp_path: Path, recorder: Recorder
) -> None:
    run, moved = tmp_path / "run", tmp_path / "moved"
    train_and_interrupt(data, recipe, run)
    record = read_run_record(run)
    data.rename(moved)
    training.resume(moved, run, device="cpu", workers=0, progress=recorder)
    assert not [notice for notice in recorder.notices if "changed" in notice]
    threads = torch.get_num_threads()
    thread_text = "1 thread" if threads == 1 else f"{threads} threads"
    assert recorder.notices[0].endswith(f"epochs, {thread_text}, 0 loader processes")
    assert training_data_of(run) == moved.resolve()
    assert read_run_record(run) == record


def test_links_to_nothing_are_named(data: Path, recipe: Recipe, tmp_path: Path) -> None:
    photo, gone = data / "train" / "beryl" / "link.png", tmp_path / "gone"
    photo.symlink_to(gone)
    message = rf"link\.png \(links to {re.escape(str(gone))}, which does not exist\)"
    for cache in (True, False):
        settings = recipe.model_copy(update={"cache": cache})
        with pytest.raises(UserError, match=message):
            training.train(data, settings, tmp_path / "run", device="cpu", workers=0)
    photo.rename(data / "train" / "copper-link")
    with pytest.raises(UserError, match=r"copper-link links to .*gone, which does not exist"):
        training.train(data, recipe, tmp_path / "run", device="cpu", workers=0)


def test_damaged_checkpoint_is_reported(data: Path, recipe: Recipe, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train_and_interrupt(data, recipe, run)
    (run / "checkpoint" / "last.safetensors").write_bytes(b"truncated")
    with pytest.raises(UserError, match=r"damaged.*--force"):
        training.resume(data, run, device="cpu", workers=0)


def enlarge_photos(data: Path) -> None:
    """Give the photos at least four times the pixels that a cache would store."""
    for path in data.glob("*/*/*.png"):
        Image.open(path).resize((128, 128)).save(path)


def test_small_photos_are_not_cached(data: Path, recipe: Recipe, tmp_path: Path) -> None:
    for cache in ("auto", False):
        chosen = recipe.model_copy(update={"cache": cache})
        training.train(data, chosen, tmp_path / str(cache), device="cpu", workers=0)
    assert have_same_weights(tmp_path / "auto", tmp_path / "False")
    assert not (data / ".cache").exists()
    assert read_bundle(tmp_path / "auto").provenance["photos seen in training"] == "as they are"


def test_large_photos_are_cached_at_reduced_size(
    data: Path, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enlarge_photos(data)
    for run in ("first", "second"):
        training.train(data, recipe, tmp_path / run, device="cpu", workers=0)
    assert have_same_weights(tmp_path / "first", tmp_path / "second")
    seen = read_bundle(tmp_path / "first").provenance["photos seen in training"]
    assert seen == "reduced to 55 px"
    folders = {path.name for path in (data / ".cache").iterdir() if path.is_dir()}
    assert folders == {"train-55", "val-37"}

    train_and_interrupt(data, recipe, tmp_path / "resumed")
    # A resumed run uses the recorded choice, not a new one.
    monkeypatch.setattr(run_photos, "is_cache_worthwhile", lambda index, side: False)
    training.resume(data, tmp_path / "resumed", device="cpu", workers=0)
    assert have_same_weights(tmp_path / "first", tmp_path / "resumed")


def test_run_without_a_writable_cache_is_the_same(
    data: Path, recipe: Recipe, tmp_path: Path
) -> None:
    (data / ".cache").touch()
    for cache in (True, False):
        chosen = recipe.model_copy(update={"cache": cache})
        training.train(data, chosen, tmp_path / str(cache), device="cpu", workers=0)
    assert have_same_weights(tmp_path / "True", tmp_path / "False")
    (data / ".cache").unlink()
    (data / "val" / "beryl" / "bad.png").write_text("no photo")
    with pytest.raises(UserError, match=r"1 photos .*bad\.png.*prepare"):
        training.train(
            data,
            recipe.model_copy(update={"cache": True}),
            tmp_path / "run",
            device="cpu",
            workers=0,
        )


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
@pytest.mark.parametrize("device", ["cuda", "cuda:3", "gpu", "mps:9", "meta"])
def test_unavailable_device_is_refused(
    data: Path, recipe: Recipe, tmp_path: Path, device: str
) -> None:
    with pytest.raises(UserError, match=f"Device {device} is not available.*cpu"):
        training.train(data, recipe, tmp_path / "run", device=device, workers=0)


def test_run_resumes_from_the_previous_checkpoint_if_the_last_is_damaged(
    data: Path,
    recipe: Recipe,
    tmp_path: Path,
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checkpoint, "MAX_SAVING_SHARE", 1000.0)  # saves after each epoch
    recipe = three_stages(recipe)
    training.train(data, recipe, tmp_path / "uninterrupted", device="cpu", workers=0)
    run = tmp_path / "run"
    train_and_interrupt(data, recipe, run, epoch=2)
    last = run / "checkpoint" / "last.safetensors"
    bytes_ = bytearray(last.read_bytes())
    bytes_[-5] ^= 1  # one bit of the weights
    last.write_bytes(bytes_)
    training.resume(data, run, device="cpu", workers=0, progress=recorder)
    assert "resuming from the previous one" in recorder.notices[0]
    assert have_same_weights(run, tmp_path / "uninterrupted")


def test_checkpoint_that_is_not_worth_its_time_is_written_if_asked_for(
    data: Path, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "MAX_SAVING_SHARE", 1e-9)  # however slow the machine is
    run, saved = tmp_path / "run", []

    def look(line: EpochLog) -> None:
        saved.append((run / "checkpoint" / "last.safetensors").exists())

    start = partial(training.train, data, three_stages(recipe), run, device="cpu", workers=0)
    start(on_epoch=look)
    start(on_epoch=look, save_after=[2], force=True)
    assert saved == [False] * 4 + [True] * 2


def three_stages(recipe: Recipe) -> Recipe:
    """Return the recipe with its stage three times, an epoch each."""
    stage = next(iter(recipe.stages.values())).model_copy(update={"epochs": 1})
    return recipe.model_copy(update={"stages": {"one": stage, "two": stage, "three": stage}})


def test_signal_after_the_last_step_loses_nothing(
    data: Path, recipe: Recipe, tmp_path: Path
) -> None:
    def request_stop(line: EpochLog) -> None:
        if line.epoch == recipe.epochs:
            signal.raise_signal(signal.SIGTERM)

    training.train(data, recipe, tmp_path / "uninterrupted", device="cpu", workers=0)
    run = tmp_path / "run"
    with pytest.raises(Stopped):
        training.train(data, recipe, run, device="cpu", workers=0, on_epoch=request_stop)
    assert not (run / "model").exists()
    lines: list[EpochLog] = []
    training.resume(data, run, device="cpu", workers=0, on_epoch=lines.append)
    assert lines == []  # all epochs were saved
    assert len((run / "log.jsonl").read_text().splitlines()) == recipe.epochs
    assert have_same_weights(run, tmp_path / "uninterrupted")


def test_interrupted_run_of_an_older_version_keeps_its_order_of_classes(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    for split, count in {"train": 4, "val": 2, "test": 2}.items():
        for hue, name in enumerate(("1", "2", "10")):
            write_photos(data / split / name, hue, count)
    with monkeypatch.context() as older:
        older.setattr("mineral_recog.data.dataset.natural_order", sorted)
        training.train(data, recipe, tmp_path / "whole", device="cpu", workers=0)
        train_and_interrupt(data, recipe, tmp_path / "run")
    record = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))
    assert record.pop("classes") == ["1", "10", "2"]
    (tmp_path / "run" / "run.json").write_text(json.dumps(record), encoding="utf-8")
    training.resume(data, tmp_path / "run", device="cpu", workers=0)
    assert read_bundle(tmp_path / "run").classes == ("1", "10", "2")
    assert have_same_weights(tmp_path / "run", tmp_path / "whole")
    training.train(data, recipe, tmp_path / "new", device="cpu", workers=0)
    assert read_bundle(tmp_path / "new").classes == ("1", "2", "10")
    for run in ("whole", "new"):
        evaluate(tmp_path / run, device="cpu", workers=0)
    newer = read_evaluation(tmp_path / "new", "test", ("1", "2", "10"))
    older_read = read_evaluation(tmp_path / "whole", "test", ("1", "2", "10"))
    assert older_read.classes == newer.classes == ("1", "2", "10")
    made = evaluate(
        tmp_path / "new", against=tmp_path / "whole", device="cpu", workers=0, force=True
    )
    assert made.against is not None
