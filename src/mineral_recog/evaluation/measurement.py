"""Measure a network on the photos of a split: predictions, figures, intervals, calibration."""

from __future__ import annotations

import numpy as np
import torch

from mineral_recog.data.class_groups import class_groups
from mineral_recog.data.dataset import Dataset
from mineral_recog.data.loaders import EvaluationLoader
from mineral_recog.evaluation import metrics
from mineral_recog.evaluation.by_specimen import measure_by_specimen, specimen_numbers
from mineral_recog.evaluation.calibration_evaluation import evaluate_calibration
from mineral_recog.evaluation.resampling import bootstrap_intervals
from mineral_recog.evaluation.results import Evaluation, Predictions
from mineral_recog.i18n import tr
from mineral_recog.models.bundle import Bundle
from mineral_recog.models.device import choose_device
from mineral_recog.models.distributed import ALONE, DistributedContext
from mineral_recog.models.gate_network import predict_gate
from mineral_recog.progress import SILENT, Progress, Task

BATCH_SIZE = 64


def measure(
    name: str,
    bundle: Bundle,
    dataset: Dataset,
    split: str,
    groups: str | None = None,
    ood: Dataset | None = None,
    specimens: tuple[str, ...] | None = None,
    *,
    device: torch.device | None = None,
    workers: int = 2,
    progress: Progress = SILENT,
    context: DistributedContext = ALONE,
) -> Evaluation:
    """Predict the photos of a split, and out-of-distribution pictures if given; compute metrics.

    Where the specimens of the photos are given, metrics are computed by specimen too, and
    intervals resample whole specimens.

    Raises:
        UserError: A photo cannot be read, or the groups are not available.
    """
    class_group_names = bundle.groups
    if groups is not None:
        class_group_names = class_groups(groups, bundle.classes, bundle.train_counts)
    preprocessing = bundle.network.preprocessing
    datasets = [dataset] if ood is None else [dataset, ood]
    sizes = [preprocessing.image_size, *([bundle.gate.image_size] if bundle.gate else [])]
    loaders = [
        EvaluationLoader(
            item,
            size,
            BATCH_SIZE,
            workers,
            center_share=preprocessing.center_share,
            batch_share=context.share,
            interpolation=preprocessing.interpolation,
        )
        for item in datasets
        for size in sizes
    ]
    task = progress.start(tr(f"evaluating {name}", f"评估 {name}"), sum(map(len, loaders)))
    bundle.network.to(device or choose_device("auto"))
    predictions, *ood_predictions = (
        _predict(bundle, item, loaders, task, context) for item in datasets
    )
    labels, logits, class_count = predictions.labels, predictions.logits, len(bundle.classes)
    units = None if specimens is None else specimen_numbers(labels, specimens)
    return Evaluation(
        name=name,
        split=split,
        classes=bundle.classes,
        train_counts=bundle.train_counts,
        groups=class_group_names,
        predictions=predictions,
        figures=metrics.compute_metrics(labels, logits, class_group_names)
        | metrics.macro_f1(labels, logits),
        intervals=bootstrap_intervals(labels, logits, class_group_names, specimens=units),
        class_accuracy=metrics.mean_by_cell(labels, predictions.guesses == labels, class_count),
        test_counts=np.bincount(labels, minlength=class_count),
        history=[],
        recipe="",
        provenance={},
        calibration=evaluate_calibration(
            bundle.calibration,
            predictions,
            class_group_names,
            ood_predictions[0] if ood is not None else None,
            ood.classes if ood is not None else (),
        ),
        by_specimen=(
            None
            if specimens is None
            else measure_by_specimen(predictions, specimens, class_group_names)
        ),
    )


def _predict(
    bundle: Bundle,
    dataset: Dataset,
    loaders: list[EvaluationLoader],
    task: Task,
    context: DistributedContext,
) -> Predictions:
    """Predict a dataset with the first of the loaders, and its gate's scores with the next."""
    # Popped, since the worker processes of a loader live as long as it does.
    outputs = context.predict(bundle.network, loaders.pop(0), on_batch=task.step)
    gate, scores = bundle.calibration.gate, None
    if gate is not None and bundle.gate is not None:
        gate_network = bundle.gate.to(bundle.network.device)
        loader = loaders.pop(0)
        features = predict_gate(bundle.network, gate_network, loader, task.step)
        scores = gate.scores(context.gather_rows(loader.indices, features))
    return Predictions(outputs.labels, outputs.logits, outputs.features, dataset, scores)
