"""The comparison of an int8 network with the float32 network that it was made from."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mineral_recog.data.evaluation_view import Pixels
from mineral_recog.evaluation.metrics import compute_metrics, photos_from_logits
from mineral_recog.evaluation.resampling import resampled_metrics
from mineral_recog.evaluation.significance import RESAMPLES, Change, paired_change
from mineral_recog.export.int8 import Int8Graph
from mineral_recog.i18n import tr
from mineral_recog.models.engine import Floats
from mineral_recog.models.onnx_engine import OnnxEngine
from mineral_recog.progress import Progress

MAX_LOSS = 0.005  # of mean accuracy; more is refused if it is certain
KEYS = ("mean_accuracy", "mean_accuracy_tail")
BATCH = 8
TIMED_PASSES = 20  # of one view; the shortest counts, since other programs only lengthen it


@dataclass(frozen=True)
class Figures:
    """What is measured of a network.

    Attributes:
        accuracies: Accuracies on the validation photos, by key.
        size: Bytes of model.onnx.
        milliseconds: Time of one photo on one thread.
    """

    accuracies: dict[str, float]
    size: int
    milliseconds: float


@dataclass(frozen=True)
class Int8Comparison:
    """An int8 network beside its float32 network.

    Attributes:
        float32: Figures of the float32 network.
        int8: Figures of the int8 network.
        changes: Change of each accuracy with its 95 % interval, by key.
        photos: Number of validation photos.
        layers: Number of layers that could be int8.
        left_out: Number of them that stay float32.
    """

    float32: Figures
    int8: Figures
    changes: dict[str, Change]
    photos: int
    layers: int
    left_out: int

    @property
    def is_worse(self) -> bool:
        """Whether a loss of more than MAX_LOSS of mean accuracy is certain."""
        return self.changes["mean_accuracy"].high < -MAX_LOSS

    def refusal(self) -> str:
        """Return the error for a network that `is_worse`."""
        change = self.changes["mean_accuracy"]
        low, high = f"{100 * change.low:+.1f}", f"{100 * change.high:+.1f}"
        return tr(
            f"int8 costs {-100 * change.change:.1f} points of mean accuracy on {self.photos} "
            f"validation photos ({low} to {high}), which is more than {100 * MAX_LOSS:g}: export "
            "without --int8, or use --force.",
            f"在 {self.photos} 张验证照片上，int8 使平均准确率下降 {-100 * change.change:.1f} "
            f"个百分点（{low} 至 {high}），超过 {100 * MAX_LOSS:g}：请去掉 --int8 再导出，"
            "或用 --force。",
        )


def compare_engines(
    float32: bytes,
    small: Int8Graph,
    views: Pixels,
    labels: NDArray[np.int64],
    groups: Sequence[str],
    progress: Progress,
) -> Int8Comparison:
    """Compare an int8 network with its float32 network on validation photos.

    Args:
        float32: ONNX file of float32.
        small: The int8 network.
        views: Views of the photos, [M, S, S, 3].
        labels: Their classes, [M].
        groups: Group of each class, C.
        progress: Receives progress.
    """
    task = progress.start(tr("comparing int8", "比较 int8"), 2 * len(range(0, len(views), BATCH)))
    figures, resampled = [], []
    for answerer, content in enumerate((float32, small.content)):
        engine = OnnxEngine(content)
        logits: list[Floats] = []
        for start in range(0, len(views), BATCH):
            logits.append(engine.predict(views[start : start + BATCH])[1])
            task.step()
        joined = np.concatenate(logits)
        metrics = compute_metrics(labels, joined, groups)
        accuracies = {key: metrics[key] for key in KEYS if key in metrics}
        figures.append(Figures(accuracies, len(content), _milliseconds(content, views[:1])))
        photos = photos_from_logits(labels, joined, groups)
        resampled.append(resampled_metrics(photos, groups, RESAMPLES, 0, answerer))
    before, after = figures
    changes = {
        key: paired_change(
            key, value - before.accuracies[key], resampled[0][key], resampled[1][key]
        )
        for key, value in after.accuracies.items()
    }
    return Int8Comparison(before, after, changes, len(views), small.layers, len(small.left_out))


def _milliseconds(content: bytes, view: Pixels) -> float:
    """Return the time of a network for one view on one thread."""
    engine = OnnxEngine(content, threads=1)
    seconds = []
    for _ in range(TIMED_PASSES):
        began = time.perf_counter()
        engine.predict(view)
        seconds.append(time.perf_counter() - began)
    return 1000 * min(seconds)
