"""Learning rates over a stage, or over several that share one schedule."""

import math


def learning_rate_factor(shape: str, progress: float, warmup: float) -> float:
    """Share of the peak learning rate at a point of a schedule.

    A schedule is a pure function of how far it is, so that it resumes anywhere and two stages
    that share one cycle meet without a step. `one_cycle` is that of Smith and Topin ("Super-
    convergence", 2019) with cosine arms: from 1/25 of the peak up over the warm-up, then down to
    a 250,000th; momentum stays as it is. `cosine` falls from the peak to zero (Loshchilov and
    Hutter, "SGDR", ICLR 2017), after a linear warm-up.

    Args:
        shape: `one_cycle`, `cosine` or `constant`.
        progress: how much of the schedule is done, 0 to 1.
        warmup: share of the schedule that is warm-up, 0 to below 1.

    Raises:
        ValueError: unknown shape.
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
