"""Compares photos of another place with the run's own: do probabilities and sets still hold?

Conformal sets are promised for photos like those of validation. Whether they hold on others is
tested exactly: if sets had the requested coverage, the photos whose set holds the right class
would be binomial, and too few of them are evidence of a shift. Photos of one specimen are not
independent, so a specimen counts as one photo where specimens are known.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mineral_recog.calibration.temperature import Floats
from mineral_recog.data.dataset import first_names
from mineral_recog.evaluation.calibration_results import Shift, SplitSummary
from mineral_recog.evaluation.results import Evaluation
from mineral_recog.text import parse_json

ALPHA = 0.05  # of the tests together, and of the bound
_FIGURES = {
    "mean_accuracy": ("Mean accuracy", "平均准确率"),
    "ece": ("Expected calibration error (ECE)", "期望校准误差（ECE）"),
    "coverage": ("Coverage of sets", "集合的覆盖率"),
    "lowest_coverage": ("Lowest coverage of a class", "单个类别的最低覆盖率"),
    "kept": ('Not called "none of these"', "未被判为“都不是”"),
}


def measure_shift(evaluation: Evaluation, own: SplitSummary | None) -> Shift:
    """Return how an evaluation differs from the run's own photos.

    The sets hold unless one of C + 1 exact binomial tests, one for all photos and one for each
    class with photos, rejects the requested coverage at 5 % in total (Holm, "A simple sequentially
    rejective multiple test procedure", 1979).

    Args:
        evaluation: Evaluation of the photos of the other place, with its calibration.
        own: Summary of the run's own photos; None if they are gone.
    """
    results = evaluation.calibration
    assert results is not None
    trials = _trials(evaluation)
    successes = np.nan_to_num(results.class_coverage) * trials
    seen = np.flatnonzero(trials)
    counts = np.append(trials[seen], trials.sum())
    held = np.append(successes[seen], results.metrics["coverage"] * trials.sum())
    p_values = _p_of_coverage(held, counts, results.coverage_target)
    rejected = _holm(p_values)
    return Shift(
        these=summarise(evaluation),
        own=own,
        coverage_target=results.coverage_target,
        coverage_bound=_upper_bound(held[-1], counts[-1]),
        holds=not rejected.any(),
        failing=tuple(evaluation.classes[c] for c in seen[rejected[:-1]]),
    )


def summarise(evaluation: Evaluation) -> SplitSummary:
    """Return what a shift compares of an evaluation."""
    results = evaluation.calibration
    assert results is not None
    figures = {"mean_accuracy": evaluation.figures["mean_accuracy"], **_figures_of(results.metrics)}
    return SplitSummary(int(evaluation.test_counts.sum()), figures)


def read_own_summary(folder: Path) -> SplitSummary | None:
    """Return the summary of the run's own photos of all classes from an earlier evaluation.

    Args:
        folder: Folder of the evaluation, of its own photos or of others that it was compared with.

    Returns:
        None if there is none, or if it may be one of other photos.
    """
    try:
        metrics, trust = (
            parse_json((folder / name).read_text(encoding="utf-8"))
            for name in ("metrics.json", "trust.json")
        )
        if trust.get("own_photos"):
            figures = {"mean_accuracy": metrics["mean_accuracy"], **_figures_of(trust["figures"])}
            photos = trust["photos"]
        else:
            own = metrics["shift"]["own"]
            photos, figures = own["photos"], own["figures"]
        if metrics.get("classes", {}).get("missing"):
            return None
        return SplitSummary(int(photos), {key: float(figures[key]) for key in _FIGURES})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def shift_document(shift: Shift) -> dict[str, Any]:
    """Return the part of metrics.json."""
    return {
        "these": shift.these._asdict(),
        "own": None if shift.own is None else shift.own._asdict(),
        "coverage_asked": shift.coverage_target,
        "coverage_at_most": shift.coverage_bound,
        "sets_hold": shift.holds,
        "classes_below": list(shift.failing),
    }


def shift_rows(shift: Shift) -> list[dict[str, str]]:
    """Return the metrics of both kinds of photos, named in both languages."""
    return [
        {
            "english": english,
            "chinese": chinese,
            "own": "–" if shift.own is None else _shown(key, shift.own.figures[key]),
            "these": _shown(key, shift.these.figures[key]),
        }
        for key, (english, chinese) in _FIGURES.items()
    ]


def shift_line(shift: Shift) -> tuple[str, str]:
    """Say in one line, in both languages, whether the sets hold on the photos."""
    target, bound = f"{100 * shift.coverage_target:.0f}", f"{100 * shift.coverage_bound:.1f}"
    coverage, photos = f"{100 * shift.these.figures['coverage']:.1f}", f"{shift.these.photos:,}"
    own, own_zh = "", ""
    if shift.own is not None:
        share = f"{100 * shift.own.figures['coverage']:.1f} %"
        own = f", on the run's own photos {share}"
        own_zh = f"，在原数据的照片上为 {share.replace(' ', '')}"
    if shift.holds:
        return (
            f"The sets: no sign that they fail on these {photos} photos. {coverage} % hold the "
            f"right mineral (at most {bound} % with 95 % confidence), the aim is {target} %{own}.",
            f"集合：没有迹象表明它在这 {photos} 张照片上失效。{coverage}%的集合包含正确矿物"
            f"（95% 置信上限 {bound}%），目标为 {target}%{own_zh}。",
        )
    names = first_names(shift.failing)
    place, place_zh = f"on these {photos} photos", f"在这 {photos} 张照片上"
    which, which_zh = "", ""
    if shift.coverage_bound >= shift.coverage_target and shift.failing:  # not all photos together
        place, place_zh = f"for {names[0]} {place}", f"对 {names[1]} {place_zh}"
    elif shift.failing:
        which = f" Below {target} % beyond chance: {names[0]}."
        which_zh = f"低于 {target}%且不能以偶然解释的类别：{names[1]}。"
    return (
        f"The sets no longer hold {place}: {coverage} % of all hold the right mineral (at most "
        f"{bound} % with 95 % confidence), the aim is {target} %{own}.{which} With labelled photos "
        "of the place: mineral-recog calibrate RUN --photos FOLDER --out DIR.",
        f"集合{place_zh}不再可靠：全部照片中 {coverage}%的集合包含正确矿物（95% 置信上限 "
        f"{bound}%），目标为 {target}%{own_zh}。{which_zh}若有该场所已标注的照片："
        "mineral-recog calibrate RUN --photos FOLDER --out DIR。",
    )


def _figures_of(metrics: dict[str, float]) -> dict[str, float]:
    """Return the figures of a summary that `calibration_metrics` has."""
    return {"ece": metrics["ece_after"]} | {
        key: metrics[key] for key in ("coverage", "lowest_coverage", "kept")
    }


def _shown(key: str, value: float) -> str:
    return f"{value:.3f}" if key == "ece" else f"{100 * value:.1f}%"


def _trials(evaluation: Evaluation) -> Floats:
    """Return how many independent photos each class has, [C]: its specimens where known."""
    counts = evaluation.test_counts.astype(np.float64)
    if evaluation.by_specimen is None or evaluation.predictions is None:
        return counts
    labels = evaluation.predictions.labels.tolist()
    pairs = set(zip(labels, evaluation.by_specimen.names, strict=True))
    specimens = [label for label, _ in pairs]
    return np.bincount(specimens, minlength=len(counts)).astype(np.float64)


def _p_of_coverage(held: Floats, counts: Floats, target: float) -> Floats:
    """Return the probability of at most k of n successes at a coverage, for each k and n.

    It is the binomial distribution, continued by the beta distribution to a k that is no integer.
    """
    from scipy.stats import beta  # slow to import, and needed only here

    missed = counts - held
    p: Floats = np.where(missed > 0, beta.sf(target, held + 1, np.maximum(missed, 1e-9)), 1.0)
    return p


def _upper_bound(held: float, count: float) -> float:
    """Return the upper end of the one-sided 95 % interval of a share (Clopper and Pearson)."""
    from scipy.stats import beta

    return 1.0 if held >= count else float(beta.ppf(1 - ALPHA, held + 1, count - held))


def _holm(p_values: Floats) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return which hypotheses Holm's procedure rejects at 5 % in total."""
    order = np.argsort(p_values)
    steps = ALPHA / np.arange(len(p_values), 0, -1)
    passed = np.minimum.accumulate(p_values[order] <= steps)
    rejected = np.zeros(len(p_values), dtype=np.bool_)
    rejected[order] = passed
    return rejected
