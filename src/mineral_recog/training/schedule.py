"""The learning rate over a stage, or over several stages that share one schedule."""

import math

from mineral_recog.recipes.stage import StageInRun


def learning_rate(placed: StageInRun, epochs_done: float) -> float:
    """Return the learning rate of a stage after a number of epochs of the run."""
    schedule = placed.schedule
    progress = (epochs_done - schedule.first_epoch) / schedule.epochs
    factor = learning_rate_factor(schedule.shape, progress, schedule.warmup)
    return (placed.stage.lr or 0.0) * factor


def cycled_momentum(placed: StageInRun, epochs_done: float) -> float:
    """Return the momentum that cycles against the learning rate of a one-cycle schedule.

    It falls from 0.95 to 0.85 while the rate rises, and rises again while the rate falls: Smith and
    Topin ("Super-convergence", 2019), with the values that PyTorch's OneCycleLR has by default.
    """
    schedule = placed.schedule
    progress = (epochs_done - schedule.first_epoch) / schedule.epochs
    if progress < schedule.warmup:
        return _cosine(0.95, 0.85, progress / schedule.warmup)
    return _cosine(0.85, 0.95, (progress - schedule.warmup) / (1 - schedule.warmup))


def learning_rate_factor(shape: str, progress: float, warmup: float) -> float:
    """Return the learning rate as a share of its peak at a point of a schedule.

    The factor depends only on the progress, so that a run can resume anywhere, and the rate is
    continuous between two stages that share a cycle. `one_cycle` is the schedule of Smith and
    Topin ("Super-convergence", 2019) with cosine arms: it rises from 1/25 of the peak during the
    warm-up, then falls to 1/250,000. `cosine` falls from the peak to zero (Loshchilov and Hutter,
    "SGDR", ICLR 2017) after a linear warm-up.

    Args:
        shape: `one_cycle`, `cosine` or `constant`.
        progress: Completed share of the schedule, 0 to 1.
        warmup: Share of the schedule that is warm-up, at least 0 and below 1.

    Raises:
        ValueError: The shape is unknown.
    """
    start, end = (1 / 25, 1 / 250_000) if shape == "one_cycle" else (0.0, 0.0)
    if progress < warmup:
        done = progress / warmup
        return _cosine(start, 1.0, done) if shape == "one_cycle" else max(done, 1e-3)
    if shape == "constant":
        return 1.0
    if shape in ("one_cycle", "cosine"):
        return _cosine(1.0, end, (progress - warmup) / (1 - warmup))
    raise ValueError(f"unknown schedule {shape!r}")


def _cosine(first: float, last: float, done: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * done)) / 2
