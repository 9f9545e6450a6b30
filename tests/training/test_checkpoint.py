"""Checkpoints: reading returns what was saved, and refuses anything else."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from mineral_recog.errors import UserError
from mineral_recog.models.distributed import DistributedContext
from mineral_recog.models.network import build_network
from mineral_recog.recipes.recipe_file import read_recipe
from mineral_recog.training.checkpoint import (
    VERSION,
    CheckpointWriter,
    State,
    read_checkpoint,
    save_checkpoint,
)
from mineral_recog.training.state import TrainState
from tests.conftest import TINY

TENSORS = {"weight": torch.arange(6.0).view(2, 3)}

# Of each version, a digest of the names of everything in a checkpoint. If this fails, the fields
# have changed: give `VERSION` a new number, and add its digest here.
FIELDS = {1: "02131b1500c5d83b", 2: "fa04a0ce308585cb"}
# The same with AdamW and float16, which add fields.
MORE_FIELDS = {2: "65e3ce7afeb3f9da"}


@pytest.mark.parametrize(
    ("digests", "settings"),
    [(FIELDS, ()), (MORE_FIELDS, ("optimiser=adamw", "precision=float16"))],
)
def test_fields_change_only_with_the_version(
    digests: dict[int, str], settings: tuple[str, ...]
) -> None:
    recipe = read_recipe("baseline", [*TINY, "weight_average_epochs=1", *settings])
    network = build_network("test_resnet", False, "auto", 32, classes=2)
    state = TrainState(recipe, network, 6, 2, DistributedContext())
    state.start_stage(recipe.stages["ce"])
    network(torch.zeros(2, 3, 32, 32, dtype=torch.uint8))[1].sum().backward()
    state.optimizer.step()
    state.keep_if_best(0.5)
    state.steps_done = 1  # in the middle of an epoch
    state.add_losses({"loss": torch.tensor(1.0)})
    tensors, facts = state.state_dict()
    fields = [
        sorted({name.split(".")[0] for name in tensors}),
        sorted({name.split(".")[1] for name in tensors if name.startswith("network.")}),
        sorted(name for name in tensors if name.startswith("centers.")),
        sorted(facts),
    ]
    digest = hashlib.sha256(json.dumps(fields).encode()).hexdigest()
    assert digests.get(VERSION) == digest[:16], fields


def test_saving_takes_two_percent_of_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    writer = CheckpointWriter(tmp_path / "last.safetensors", 200_000_000)
    # The first save is expected to take 2 s, so it waits 100 s; at most 300 s within an epoch.
    for at, at_end, within in ((99.0, False, False), (101.0, True, False), (301.0, True, True)):
        now[0] = at
        assert (writer.is_due(min_seconds=0), writer.is_due()) == (at_end, within)

    def state() -> State:
        now[0] += 8
        return TENSORS, {}

    writer.save(state)  # it took 8 s
    now[0] += 399
    assert not writer.is_due(min_seconds=0)
    now[0] += 2
    assert writer.is_due()


def test_saved_checkpoint_is_read(tmp_path: Path) -> None:
    assert read_checkpoint(tmp_path / "last.safetensors") is None
    save_checkpoint(tmp_path / "last.safetensors", TENSORS, {"epoch": 3})
    state = read_checkpoint(tmp_path / "last.safetensors")
    assert state is not None
    assert torch.equal(state[0]["weight"], TENSORS["weight"])
    assert state[1] == {"epoch": 3}


def change_metadata(path: Path, **changes: str | None) -> None:
    with safe_open(path, framework="pt") as file:
        metadata = {**file.metadata(), **changes}
    save_file(TENSORS, path, {key: value for key, value in metadata.items() if value is not None})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"version": None, "sha256": None}, "older version .*cannot continue: finish .*--force"),
        ({"version": None}, "older version .*cannot continue: finish .*--force"),
        ({"version": "1"}, "older version .*cannot continue: finish .*--force"),
        ({"version": "99"}, f"newer version .*format 99; this one reads {VERSION}.*pip install -U"),
        ({"version": "many"}, "damaged"),
        ({"facts": None}, "damaged"),
    ],
)
def test_checkpoint_of_another_version_is_reported(
    tmp_path: Path, changes: dict[str, str | None], reason: str
) -> None:
    file = tmp_path / "last.safetensors"
    save_checkpoint(file, TENSORS, {"epoch": 3})
    change_metadata(file, **changes)
    with pytest.raises(UserError, match=reason) as error:
        read_checkpoint(file)
    assert "\n" not in str(error.value)
    assert ("damaged" in str(error.value)) == (reason == "damaged")


def test_facts_that_are_not_an_object_are_reported(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "last.safetensors", TENSORS, [3])  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"damaged \(its facts are not a JSON object\).*--force"):
        read_checkpoint(tmp_path / "last.safetensors")
