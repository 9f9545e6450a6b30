"""Measures a model on corrupted photos: accuracy, calibration and sets by kind and strength."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from mineral_recog.calibration.gate import GateScores
from mineral_recog.calibration.temperature import Ints
from mineral_recog.data.corruptions import corruption_names
from mineral_recog.data.dataset import Dataset
from mineral_recog.data.loaders import CorruptionLoader
from mineral_recog.evaluation import metrics
from mineral_recog.evaluation.calibration_evaluation import evaluate_calibration
from mineral_recog.evaluation.calibration_results import CorruptionResults, CorruptionRow
from mineral_recog.evaluation.corruption_rows import SAVED_KEYS
from mineral_recog.evaluation.results import Predictions
from mineral_recog.i18n import tr
from mineral_recog.models.bundle import Bundle
from mineral_recog.models.distributed import ALONE, DistributedContext
from mineral_recog.models.gate_network import gate_features
from mineral_recog.models.predictor import predict_batch
from mineral_recog.progress import SILENT, Progress, Task

MAX_PHOTOS = 500  # which take 22 times as long as in an evaluation
BATCH_SIZE = 3  # photos, with 22 views each
PICTURE_SIDE = 112  # pixels


def evaluate_corruptions(
    bundle: Bundle,
    dataset: Dataset,
    workers: int,
    progress: Progress = SILENT,
    context: DistributedContext = ALONE,
) -> CorruptionResults:
    """Predict photos unchanged and after each corruption, and compute metrics.

    Args:
        bundle: The model, on its device.
        dataset: The photos; of more than 500, 500 are drawn as evenly over classes as possible.
        workers: Number of loader processes.
        progress: Receives the progress.
        context: The processes that share the photos; the first has the pictures to show.

    Raises:
        UserError: A photo cannot be read.
    """
    dataset = dataset.subset(_draw(dataset.labels))
    preprocessing, network = bundle.network.preprocessing, bundle.network
    loader = CorruptionLoader(
        dataset,
        preprocessing.image_size,
        preprocessing.center_share,
        preprocessing.interpolation,
        BATCH_SIZE,
        workers,
        context.share,
    )
    passes = 1 if bundle.gate is None else 2
    task = progress.start(tr("corrupting photos", "评估受损照片"), passes * len(loader))
    rows = []
    pictures: list[bytes] = []
    for batch in loader:
        if not pictures:
            pictures = [_picture(view.permute(1, 2, 0).numpy()) for view in batch.inputs[0]]
        shape = batch.inputs.shape[:2]
        outputs = predict_batch(network, batch.inputs.flatten(0, 1))
        rows.append([array.reshape(*shape, -1) for array in outputs])
        task.step()
    features, logits = context.gather_rows(loader.indices, _joined(rows))
    gate_scores = _gate_scores(bundle, dataset, workers, task, context)
    measured = [
        CorruptionRow(
            kind,
            strength,
            _measure(
                bundle,
                Predictions(
                    dataset.labels,
                    logits[:, view],
                    features[:, view],
                    dataset,
                    None if gate_scores is None else gate_scores[view],
                ),
            ),
        )
        for view, (kind, strength) in enumerate(corruption_names())
    ]
    return CorruptionResults(len(dataset), tuple(measured), tuple(pictures))


def _gate_scores(
    bundle: Bundle, dataset: Dataset, workers: int, task: Task, context: DistributedContext
) -> list[GateScores] | None:
    """Return the gate's scores of the M photos for each of the V views; None without a gate."""
    gate, network = bundle.calibration.gate, bundle.network
    if bundle.gate is None or gate is None:
        return None
    loader = CorruptionLoader(
        dataset,
        gate.image_size,
        network.preprocessing.center_share,
        network.preprocessing.interpolation,
        BATCH_SIZE,
        workers,
        context.share,
    )
    scores = []
    for batch in loader:
        shape = batch.inputs.shape[:2]
        found = gate.scores(gate_features(network, bundle.gate, batch.inputs.flatten(0, 1)))
        scores.append([rows.reshape(shape) for rows in (found.no_mineral, found.novelty)])
        task.step()
    no_mineral, novelty = context.gather_rows(loader.indices, _joined(scores))
    return [GateScores(*rows) for rows in zip(no_mineral.T, novelty.T, strict=True)]


def _joined(batches: Sequence[Sequence[npt.NDArray[Any]]]) -> list[npt.NDArray[Any]]:
    return [np.concatenate(rows) for rows in zip(*batches, strict=True)]


def _draw(labels: Ints, seed: int = 0) -> Ints:
    """Return the indices of at most 500 photos, drawn as evenly over classes as possible."""
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    rank = np.empty(len(labels), np.int64)  # of a photo within its class
    for label in np.unique(labels):
        members = shuffled[labels[shuffled] == label]
        rank[members] = np.arange(len(members))
    return np.sort(shuffled[np.argsort(rank[shuffled], kind="stable")][:MAX_PHOTOS])


def _measure(bundle: Bundle, predictions: Predictions) -> dict[str, float]:
    accuracy = metrics.compute_metrics(predictions.labels, predictions.logits, bundle.groups)
    reliability = evaluate_calibration(bundle.calibration, predictions, bundle.groups).metrics
    figures = {**accuracy, **reliability, "ece": reliability["ece_after"]}
    return {key: figures[key] for key in SAVED_KEYS}


def _picture(view: npt.NDArray[np.uint8]) -> bytes:
    """Return a view as a small JPEG."""
    file = BytesIO()
    Image.fromarray(view).resize((PICTURE_SIDE, PICTURE_SIDE)).save(file, "JPEG", quality=85)
    return file.getvalue()
