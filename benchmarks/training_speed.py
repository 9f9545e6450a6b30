"""Speed of the arithmetic and of the three stages compared with the plain way, as a Markdown table.

    python benchmarks/training_speed.py [--photos 96] [--turns 3] [--backbone efficientnet_lite0]
        [--size 160] [--epochs 6,4,1]

As in `speed.py`, which measures the loading alone, both ways alternate and figures are ratios of
medians. The plain way trains in float32, channels first, on photos that it reads as in a tutorial;
it computes p_i in a separate pass every five epochs of core feature learning, and passes the frozen
backbone again at every step of classifier re-training. Both ways validate after each epoch.
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

from mineral_recog.data.cache import CACHE_ROOT
from mineral_recog.data.cache_builder import build_caches
from mineral_recog.data.dataset import read_split
from mineral_recog.data.evaluation_view import evaluation_side
from mineral_recog.data.transforms import training_side
from mineral_recog.models.device import choose_precision
from mineral_recog.models.distributed import DistributedContext
from mineral_recog.models.network import Network, build_network
from mineral_recog.recipes.recipe import Recipe
from mineral_recog.recipes.recipe_file import read_recipe
from mineral_recog.training.run_photos import TrainingPhotos
from mineral_recog.training.trainer import Trainer

BATCH, LR = 16, 0.002
EPOCHS = "6,4,1"  # of the three stages, about in proportion to 60, 40 and 10
REFRESH = 5
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Setting:
    """Settings of all rows."""

    data: Path
    backbone: str
    size: int
    workers: int
    precision: str


def our_recipe(setting: Setting, epochs: dict[str, int], *more: str) -> Recipe:
    """Return the three stages with these epochs."""
    stages = [f"stages.{name}.epochs={count}" for name, count in epochs.items()]
    stages.append("stages.crt.min_steps=0")  # as many steps as the plain way
    return read_recipe(
        "multi_stage",
        [f"backbone={setting.backbone}", "pretrained=false", f"image_size={setting.size}",
         f"batch_size={BATCH}", f"precision={setting.precision}", *stages, *more],
    )  # fmt: skip


def our_network(setting: Setting) -> Network:
    """Build a network as training does."""
    torch.manual_seed(0)
    classes = len(read_split(setting.data, "train").classes)
    return build_network(setting.backbone, False, "auto", setting.size, classes)


class TimedTrainer(Trainer):
    """A trainer that records the seconds that its checkpoints took."""

    checkpoint_seconds = 0.0

    def _save(self) -> None:
        start = time.perf_counter()
        super()._save()
        self.checkpoint_seconds += time.perf_counter() - start


def our_run(
    setting: Setting,
    recipe: Recipe,
    on_step: Callable[[int, str], None] = lambda step, detail: None,
) -> tuple[float, float]:
    """Return seconds of a run, from making the cache to the last epoch, and of its checkpoints."""
    shutil.rmtree(setting.data / CACHE_ROOT, ignore_errors=True)
    network = our_network(setting)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        train, val = read_split(setting.data, "train"), read_split(setting.data, "val")
        sides = training_side(setting.size), evaluation_side(setting.size)
        caches = build_caches((train, val), sides)
        trainer = TimedTrainer(
            recipe,
            network,
            TrainingPhotos(train, val, caches),
            Path(folder),
            setting.workers,
            DistributedContext(),
        )
        trainer.checkpoint.path.parent.mkdir()
        trainer.run(on_step)
        return time.perf_counter() - start, trainer.checkpoint_seconds


class PlainTrainer:
    """Training as in a tutorial: ImageFolder, float32, channels first, a pass for everything."""

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
        self.train, self.val, self.train_in_eval = (
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
        """Train one epoch and validate after it."""
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
        self.predict(self.val)

    @torch.no_grad()
    def predict(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Pass over photos, for validation or for p_i."""
        self.network.eval()
        for pixels, _ in batches:
            self.network(pixels).softmax(1)

    def run(self, epochs: dict[str, int]) -> float:
        """Return the seconds of the three stages."""
        start = time.perf_counter()
        for _ in range(epochs["fea"]):
            self.epoch()
        for epoch in range(epochs["cfl"]):
            if epoch % REFRESH == 0:
                self.predict(self.train_in_eval)
            self.epoch()
        for _ in range(epochs["crt"]):
            self.epoch(frozen=True)
        return time.perf_counter() - start


def take_step(optimizer: torch.optim.Optimizer, logits: Tensor, labels: Tensor) -> None:
    """Take one step on the cross-entropy."""
    loss = F.cross_entropy(logits.float(), labels)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


def bare_rate(
    setting: Setting, network: nn.Module, channels_last: bool, precision: str, steps: int
) -> float:
    """Return photos per second of steps on one batch in memory."""
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
    """Return photos per second of the training loop, without the first step of each epoch."""
    times: list[tuple[int, float]] = []
    recipe = our_recipe(setting, {"fea": epochs, "cfl": 1, "crt": 1})
    epoch_steps = len(read_split(setting.data, "train")) // BATCH

    class StageDoneError(Exception):
        """The first stage is over."""

    def record(step: int, detail: str) -> None:
        times.append((step, time.perf_counter()))
        if step == epochs * epoch_steps:
            raise StageDoneError

    with contextlib.suppress(StageDoneError):
        our_run(setting, recipe, record)
    rates = []
    for epoch in range(epochs):
        steps = range(epoch * epoch_steps + 1, (epoch + 1) * epoch_steps + 1)
        epoch_times = [(step, at) for step, at in times if step in steps]
        (first, began), (last, ended) = epoch_times[1], epoch_times[-1]
        rates.append((last - first) * BATCH / (ended - began))
    return statistics.median(rates)


def crt_seconds(setting: Setting, views: int, epochs: int = 10) -> float:
    """Return the seconds of classifier re-training alone."""
    began: list[float] = []

    def record(step: int, detail: str) -> None:
        if detail.startswith("crt") and not began:
            began.append(time.perf_counter())

    recipe = our_recipe(
        setting, {"fea": 1, "cfl": 1, "crt": epochs}, f"stages.crt.feature_views={views}"
    )
    # The first step reported is the first that is done: it is a small part of ten epochs.
    our_run(setting, recipe, record)
    return time.perf_counter() - began[0]


def measure(setting: Setting, epochs: dict[str, int], turns: int) -> list[Row]:
    """Measure all rows, that of the three stages with these epochs.

    Within a turn, one way is measured after the other.
    """
    photos = len(read_split(setting.data, "train"))
    step = Row(f"a step of {setting.backbone}, {setting.size} px, tensors in memory", "photos/s")
    loop = Row("the training loop (right) compared with our bare step (left)", "photos/s")
    crt = Row("classifier re-training, 10 epochs", "photos/s")
    cached = Row("the same (left: ours with a backbone pass at every step)", "photos/s")
    lengths = " + ".join(map(str, epochs.values()))
    stages = Row(f"the three stages, {lengths} epochs", "photos/s")
    without_checkpoints = Row(
        "the same (left: ours without the time of its checkpoints)", "photos/s"
    )
    for _ in range(turns):
        plain = timm.create_model(setting.backbone, num_classes=12)
        step.plain.append(bare_rate(setting, plain, False, "float32", 8))
        step.ours.append(bare_rate(setting, our_network(setting), True, setting.precision, 8))
        bare = [bare_rate(setting, our_network(setting), True, setting.precision, 20)]
        loop.ours.append(loop_rate(setting, 4))
        bare.append(bare_rate(setting, our_network(setting), True, setting.precision, 20))
        loop.plain.append(statistics.mean(bare))  # before and after: other load varies
        crt.plain.append(10 * photos / PlainTrainer(setting).run({"fea": 0, "cfl": 0, "crt": 10}))
        crt.ours.append(10 * photos / crt_seconds(setting, 1))
        cached.plain.append(10 * photos / crt_seconds(setting, 0))
        cached.ours.append(crt.ours[-1])
        seen = photos * sum(epochs.values())
        stages.plain.append(seen / PlainTrainer(setting).run(epochs))
        seconds, checkpoint_seconds = our_run(setting, our_recipe(setting, epochs))
        stages.ours.append(seen / seconds)
        without_checkpoints.plain.append(seen / (seconds - checkpoint_seconds))
        without_checkpoints.ours.append(stages.ours[-1])
    return [step, loop, crt, cached, stages, without_checkpoints]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--photos", type=int, default=96)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--epochs", default=EPOCHS, help="of FEA, CFL and cRT, such as 6,4,1")
    options = parser.parse_args()
    hardware = machine()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        draw_photos(data, options.photos)
        shutil.copytree(data / "train", data / "val")
        for photo in sorted(data.glob("val/*/*.jpg"))[:]:
            if int(photo.stem) % 4:  # one photo in four, so that every mineral has one
                photo.unlink()
        setting = Setting(data, options.backbone, options.size, options.workers, "float32")
        precision = choose_precision(our_network(setting), CPU)
        setting = Setting(data, options.backbone, options.size, options.workers, precision)
        epochs = dict(zip(("fea", "cfl", "crt"), map(int, options.epochs.split(",")), strict=True))
        rows = measure(setting, epochs, options.turns)
    print(
        f"{hardware}.\n{options.photos} photos, batches of {BATCH}, {options.workers} loader "
        f"processes, {precision} chosen, medians of {options.turns} turns.\n"
    )
    print("| | plain | mineral-recog | times as fast (turns) |\n|---|---|---|---|")
    print("\n".join(row.line() for row in rows))


if __name__ == "__main__":
    main()
