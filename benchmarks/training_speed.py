"""How fast the arithmetic and the whole recipe are beside the plain way, as a Markdown table.

    python benchmarks/training_speed.py [--photos 96] [--turns 3] [--backbone efficientnet_lite0]
        [--size 160]

As `speed.py`, which times the loading alone: both ways take turns, figures are ratios of medians.
The plain way trains in float32, channels first, on photos that it reads as a tutorial does; it asks
the model for p_i in a pass of its own every five epochs of core feature learning, and passes the
frozen backbone again at every step of classifier re-training. Both validate after each epoch.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import timm
import torch
import torch.nn.functional as F
from speed import Row, draw_photos, machine
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from mineral_recog.data.cache import HIDDEN
from mineral_recog.data.cache_builder import reduce_photos
from mineral_recog.data.dataset import read_split
from mineral_recog.data.transforms import evaluation_side, training_side
from mineral_recog.models.device import choose_precision
from mineral_recog.models.network import Network, build_network
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.recipe_file import read_recipe
from mineral_recog.training.distributed import Ranks
from mineral_recog.training.trainer import Trainer

BATCH, LR = 16, 0.002
STAGES = {"fea": 6, "cfl": 4, "crt": 1}  # epochs, as 60, 40 and 10 are shared out about
REFRESH = 5
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Setting:
    """What all rows are measured on."""

    data: Path
    backbone: str
    size: int
    workers: int
    precision: str


def our_recipe(setting: Setting, epochs: dict[str, int], *more: str) -> Recipe:
    """The three stages with these epochs."""
    stages = [f"stages.{name}.epochs={count}" for name, count in epochs.items()]
    return read_recipe(
        "multi_stage",
        [f"backbone={setting.backbone}", "pretrained=false", f"image_size={setting.size}",
         f"batch_size={BATCH}", f"precision={setting.precision}", *stages, *more],
    )  # fmt: skip


def our_network(setting: Setting) -> Network:
    """A network as training builds it."""
    torch.manual_seed(0)
    classes = len(read_split(setting.data, "train").classes)
    return build_network(setting.backbone, False, "auto", setting.size, classes)


class TimedEngine(Trainer):
    """The engine, with the seconds that its checkpoints took."""

    saving = 0.0

    def _save(self) -> None:
        start = time.perf_counter()
        super()._save()
        self.saving += time.perf_counter() - start


def our_run(
    setting: Setting, recipe: Recipe, on_step: Callable[[int, str], None] = lambda at, what: None
) -> tuple[float, float]:
    """Seconds of a run from the making of the cache to the last epoch, and of its checkpoints."""
    shutil.rmtree(setting.data / HIDDEN, ignore_errors=True)
    network = our_network(setting)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        splits = [read_split(setting.data, split) for split in ("train", "val")]
        sides = training_side(setting.size), evaluation_side(setting.size)
        caches = reduce_photos(splits, sides)
        engine = TimedEngine(
            recipe, network, *splits, Path(folder), CPU, setting.workers, Ranks(), caches
        )
        engine.checkpoint.parent.mkdir()
        engine.run(on_step)
        return time.perf_counter() - start, engine.saving


class PlainTrainer:
    """What a tutorial has: ImageFolder, float32, channels first, a pass for everything."""

    def __init__(self, setting: Setting) -> None:
        torch.manual_seed(0)
        normal = transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
        train = transforms.Compose(
            [
                transforms.RandomResizedCrop(setting.size),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                normal,
            ]
        )
        test = transforms.Compose(
            [
                transforms.Resize(round(setting.size / 0.875)),
                transforms.CenterCrop(setting.size),
                transforms.ToTensor(),
                normal,
            ]
        )
        self.train, self.val, self.seen = (
            DataLoader(
                ImageFolder(setting.data / split, view),
                BATCH,
                shuffle=split == "train",
                num_workers=setting.workers,
                persistent_workers=True,
            )
            for split, view in (("train", train), ("val", test), ("train", test))
        )
        self.network = timm.create_model(setting.backbone, num_classes=12)
        self.optimizer = torch.optim.SGD(self.network.parameters(), LR, 0.9, weight_decay=5e-4)

    def epoch(self, frozen: bool = False) -> None:
        """One epoch of steps, and the validation after it."""
        self.network.train(not frozen)
        for pixels, labels in self.train:
            if frozen:
                with torch.no_grad():
                    features = self.network.forward_head(
                        self.network.forward_features(pixels), pre_logits=True
                    )
                logits = self.network.get_classifier()(features)
            else:
                logits = self.network(pixels)
            take_step(self.optimizer, logits, labels)
        self.look(self.val)

    @torch.no_grad()
    def look(self, photos: Iterable[tuple[Tensor, Tensor]]) -> None:
        """A pass over photos, to validate or for p_i."""
        self.network.eval()
        for pixels, _ in photos:
            self.network(pixels).softmax(1)

    def run(self, epochs: dict[str, int]) -> float:
        """Seconds of the three stages."""
        start = time.perf_counter()
        for _ in range(epochs["fea"]):
            self.epoch()
        for epoch in range(epochs["cfl"]):
            if epoch % REFRESH == 0:
                self.look(self.seen)
            self.epoch()
        for _ in range(epochs["crt"]):
            self.epoch(frozen=True)
        return time.perf_counter() - start


def take_step(optimizer: torch.optim.Optimizer, logits: Tensor, labels: Tensor) -> None:
    """One step on the cross-entropy."""
    loss = F.cross_entropy(logits.float(), labels)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


def bare_rate(
    setting: Setting, network: nn.Module, channels_last: bool, precision: str, steps: int
) -> float:
    """Photos a second of steps on one batch in memory."""
    pixels = torch.randint(0, 256, (BATCH, 3, setting.size, setting.size), dtype=torch.uint8)
    labels = torch.randint(0, 12, (BATCH,))
    layout = torch.channels_last if channels_last else torch.contiguous_format
    network = network.to(memory_format=layout).train()
    optimizer = torch.optim.SGD(network.parameters(), LR, 0.9, weight_decay=5e-4)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            if isinstance(network, Network):
                logits = network(pixels)[1]
            else:
                logits = network(((pixels.float() - 120) / 60).contiguous(memory_format=layout))
        take_step(optimizer, logits, labels)

    step()
    start = time.perf_counter()
    for _ in range(steps):
        step()
    return steps * BATCH / (time.perf_counter() - start)


def loop_rate(setting: Setting, epochs: int) -> float:
    """Photos a second of the training loop between its second step and the last of an epoch."""
    times: list[tuple[int, float]] = []
    recipe = our_recipe(setting, {"fea": epochs, "cfl": 1, "crt": 1})
    a_run = len(read_split(setting.data, "train")) // BATCH

    class EnoughError(Exception):
        """The first stage is over."""

    def note(step: int, what: str) -> None:
        times.append((step, time.perf_counter()))
        if step == epochs * a_run:
            raise EnoughError

    with contextlib.suppress(EnoughError):
        our_run(setting, recipe, note)
    rates = []
    for epoch in range(epochs):
        own = [(step, at) for step, at in times if epoch * a_run < step <= (epoch + 1) * a_run]
        (first, began), (last, ended) = own[1], own[-1]
        rates.append((last - first) * BATCH / (ended - began))
    return statistics.median(rates)


def crt_seconds(setting: Setting, views: int, epochs: int = 10) -> float:
    """Seconds of classifier re-training alone, the first epochs of the others left out."""
    began: list[float] = []

    def note(step: int, what: str) -> None:
        if what.startswith("crt") and not began:
            began.append(time.perf_counter())

    recipe = our_recipe(
        setting, {"fea": 1, "cfl": 1, "crt": epochs}, f"stages.crt.feature_views={views}"
    )
    # The first step told is the first that is done: of ten epochs it is a small part.
    our_run(setting, recipe, note)
    return time.perf_counter() - began[0]


def measure(setting: Setting, turns: int) -> list[Row]:
    """All rows; within a turn, one way after the other."""
    photos = len(read_split(setting.data, "train"))
    step = Row(f"a step of {setting.backbone}, {setting.size} px, tensors in memory", "photos/s")
    loop = Row("the training loop (right) beside our bare step (left)", "photos/s")
    crt = Row("classifier re-training, 10 epochs", "photos/s")
    known = Row("the same (left: ours with a pass of the backbone a step)", "photos/s")
    whole = Row("the three stages, 6 + 4 + 1 epochs", "photos/s")
    saved = Row("the same (left: ours without the time of its checkpoints)", "photos/s")
    for _ in range(turns):
        plain = timm.create_model(setting.backbone, num_classes=12)
        step.plain.append(bare_rate(setting, plain, False, "float32", 8))
        step.ours.append(bare_rate(setting, our_network(setting), True, setting.precision, 8))
        bare = [bare_rate(setting, our_network(setting), True, setting.precision, 20)]
        loop.ours.append(loop_rate(setting, 4))
        bare.append(bare_rate(setting, our_network(setting), True, setting.precision, 20))
        loop.plain.append(statistics.mean(bare))  # before and after: the machine is not alone
        crt.plain.append(10 * photos / PlainTrainer(setting).run({"fea": 0, "cfl": 0, "crt": 10}))
        crt.ours.append(10 * photos / crt_seconds(setting, 1))
        known.plain.append(10 * photos / crt_seconds(setting, 0))
        known.ours.append(crt.ours[-1])
        seen = photos * sum(STAGES.values())
        whole.plain.append(seen / PlainTrainer(setting).run(STAGES))
        seconds, saving = our_run(setting, our_recipe(setting, STAGES))
        whole.ours.append(seen / seconds)
        saved.plain.append(seen / (seconds - saving))
        saved.ours.append(whole.ours[-1])
    return [step, loop, crt, known, whole, saved]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--photos", type=int, default=96)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    where = machine()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        draw_photos(data, asked.photos)
        shutil.copytree(data / "train", data / "val")
        for extra in sorted(data.glob("val/*/*.jpg"))[:]:
            if int(extra.stem) % 4:  # one photo in four, so that every mineral has one
                extra.unlink()
        setting = Setting(data, asked.backbone, asked.size, asked.workers, "float32")
        precision = choose_precision(our_network(setting), CPU)
        setting = Setting(data, asked.backbone, asked.size, asked.workers, precision)
        rows = measure(setting, asked.turns)
    print(
        f"{where}.\n{asked.photos} photos, batches of {BATCH}, {asked.workers} loader processes, "
        f"{precision} chosen, medians of {asked.turns} turns.\n"
    )
    print("| | plain | mineral-recog | times as fast (turns) |\n|---|---|---|---|")
    print("\n".join(row.line() for row in rows))


if __name__ == "__main__":
    main()
