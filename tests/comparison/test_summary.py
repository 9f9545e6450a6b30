"""Comparison of recipes by hand: means, paired changes, tests, and error messages."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mineral_recog.calibration.temperature import Floats, Ints, softmax
from mineral_recog.comparison.plan import PlannedRun
from mineral_recog.comparison.summary import Trial, compare, read_trial
from mineral_recog.csv_files import write_rows
from mineral_recog.errors import UserError
from mineral_recog.evaluation import evaluation_files, metrics, significance
from mineral_recog.evaluation.resampling import Resampled, bootstrap_intervals
from mineral_recog.evaluation.results import Answers, Evaluation, Predictions
from mineral_recog.recipes.recipe_file import read_recipe
from tests.conftest import make_dataset

CLASSES = ("Agate", "Beryl", "Copper")
GROUPS = ("head", "medium", "tail")
LABELS = np.repeat(np.arange(3), (4, 2, 2))


def right_first(right: Sequence[int] | Ints, labels: Ints = LABELS) -> Floats:
    """Return logits [M, 3] whose first guess, of probability 0.8, is correct where `right` is 1."""
    guesses = np.where(np.array(right, dtype=bool), labels, (labels + 1) % 3)
    return np.eye(3)[guesses] * math.log(8)


def make_evaluation(
    logits: Floats, labels: Ints = LABELS, groups: Sequence[str] = GROUPS
) -> Evaluation:
    float_logits = logits.astype(np.float32)
    dataset = make_dataset(Path("gone"), [f"{CLASSES[c]}/{i:05}.png" for i, c in enumerate(labels)])
    return Evaluation(
        name="run", split="test", classes=CLASSES, train_counts=(100, 30, 5), groups=tuple(groups),
        predictions=Predictions(labels, float_logits, float_logits, dataset),
        figures=metrics.compute_metrics(labels, logits, groups), intervals={},
        class_accuracy=metrics.mean_by_cell(labels, logits.argmax(axis=1) == labels, 3),
        test_counts=np.bincount(labels, minlength=3),
        history=[], recipe="", provenance={},
    )  # fmt: skip


def make_trial(
    recipe: str,
    logits: Floats,
    data: str = "drawn",
    seed: int = 0,
    labels: Ints = LABELS,
    groups: Sequence[str] = GROUPS,
    seconds: float = 60.0,
    memory: float = 2e9,
) -> Trial:
    evaluation = make_evaluation(logits, labels, groups)
    answers = Answers(
        tuple(f"{i:05}" for i in range(len(labels))), labels, metrics.ranks(labels, logits),
        softmax(logits).max(axis=1),
    )  # fmt: skip
    return Trial(recipe, data, seed, evaluation, answers, seconds, memory)


HALF = right_first([1, 1, 0, 0, 1, 0, 0, 0])  # 1/2, 1/2 and 0: mean 1/3
MOST = right_first([1, 1, 1, 0, 1, 1, 1, 0])  # 3/4, 1 and 1/2: mean 3/4


def test_means_and_deviations_by_hand() -> None:
    trials = [
        make_trial("a", HALF, seed=0, seconds=10, memory=1e9),
        make_trial("a", MOST, seed=1, seconds=30, memory=3e9),
    ]
    (score,) = compare(trials, "made", "test").scores
    assert score.mean["mean_accuracy"] == pytest.approx((1 / 3 + 3 / 4) / 2)
    assert score.std["mean_accuracy"] == pytest.approx((3 / 4 - 1 / 3) / 2**0.5)
    assert score.mean["seconds"] == 20
    assert score.std["memory"] == pytest.approx(2e9 / 2**0.5)
    np.testing.assert_allclose(score.class_accuracy, [5 / 8, 3 / 4, 1 / 4])
    assert score.changes == {}
    assert score.mcnemar is None


def test_comparing_no_trials_is_an_error() -> None:
    with pytest.raises(ValueError, match="no trials"):
        compare([], "made", "test")


def test_single_run_has_no_deviation() -> None:
    comparison = compare([make_trial("a", HALF)], "made", "test")
    assert math.isnan(comparison.first.std["accuracy"])
    assert comparison.photo_count == 8
    assert comparison.train_counts.tolist() == [100, 30, 5]


def test_change_and_mcnemar_by_hand() -> None:
    comparison = compare([make_trial("a", HALF), make_trial("b", MOST)], "made", "test")
    score = comparison.scores[1]
    assert score.changes["mean_accuracy"].change == pytest.approx(3 / 4 - 1 / 3)
    assert score.changes["mean_accuracy_tail"].change == pytest.approx(0.5)
    assert score.changes["accuracy"].change == pytest.approx(6 / 8 - 3 / 8)
    assert score.mcnemar == (0, 3, 0.25)  # three photos gained, none lost: 2 / 2**3
    assert comparison.best is score


@pytest.mark.parametrize(
    ("lost", "gained", "p"),
    [
        (0, 0, 1.0),
        (0, 5, 0.0625),
        (1, 9, 22 / 1024),  # 2 * (1 + 10) / 2**10
        (4, 4, 1.0),
        (150, 86, 3.716e-5),  # Agresti, "Categorical Data Analysis", table 10.1, exact test
    ],
)
def test_mcnemar_against_known_values(lost: int, gained: int, p: float) -> None:
    first = np.repeat([1, 0, 1], (lost, gained, 7))
    second = np.repeat([0, 1, 1], (lost, gained, 7))
    test = significance.mcnemar(first, second)
    assert test[:2] == (lost, gained)
    assert test.p == pytest.approx(p, rel=1e-3)


def mcnemar_p(lost: int, gained: int) -> float:
    first = np.repeat([1, 0], (lost, gained))
    return significance.mcnemar(first, 1 - first).p


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_p_is_the_two_sided_binomial(lost: int, gained: int) -> None:
    throws = lost + gained
    ways = [math.comb(throws, heads) for heads in range(throws + 1)]
    as_uneven = sum(
        count for heads, count in enumerate(ways) if abs(2 * heads - throws) >= abs(lost - gained)
    )
    p = mcnemar_p(lost, gained)
    assert p == pytest.approx(as_uneven / 2**throws, rel=1e-12)
    assert p == mcnemar_p(gained, lost)


def test_mcnemar_is_exact_for_many_photos() -> None:
    p = mcnemar_p(9800, 10200)  # normal approximation: z = (400 - 1) / sqrt(20000)
    assert p == pytest.approx(math.erfc(399 / 20000**0.5 / 2**0.5), rel=1e-3)
    with pytest.raises(ValueError, match="photos"):
        significance.mcnemar(np.zeros(3, np.int64), np.zeros(2, np.int64))


def test_each_photo_counts_once_with_several_seeds() -> None:
    before = [make_trial("a", HALF, seed=0), make_trial("a", HALF, seed=1)]
    after = [make_trial("b", MOST, seed=0), make_trial("b", HALF, seed=1)]
    comparison = compare([*before, *after], "made", "test")
    assert comparison.scores[1].mcnemar == (0, 3, 0.25)
    assert comparison.scores[1].changes["accuracy"].change == pytest.approx(3 / 16)


def test_photos_of_two_folders_count_separately() -> None:
    trials = [
        make_trial(r, x, data=d) for r, x in (("a", HALF), ("b", MOST)) for d in ("one", "two")
    ]
    comparison = compare(trials, "made", "test")
    assert comparison.scores[1].mcnemar == (0, 6, 2 / 2**6)
    assert comparison.photo_count == 16


def test_identical_recipes_do_not_change() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(60, 3))
    labels = np.repeat(np.arange(3), 20)
    trials = [make_trial(r, logits, labels=labels, seed=s) for r in ("a", "b") for s in (0, 1)]
    score = compare(trials, "made", "test").scores[1]
    assert set(score.changes) == set(metrics.compute_metrics(labels, logits, GROUPS))
    for key, change in score.changes.items():
        assert (change.change, change.p) == (0, 1)
        if key != "top5_accuracy":  # of three classes, always 1
            assert -0.2 < change.low < 0 < change.high < 0.2
    assert score.mcnemar == (0, 0, 1)


def noisy_logits(
    seed: int, shares: tuple[float, float], shared: float
) -> tuple[Floats, Floats, Ints]:
    """Return logits of two models with accuracies `shares`, partly correct on the same photos."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(3), 60)
    draws = rng.random(180)
    other = np.where(rng.random(180) < shared, draws, rng.random(180))
    first, second = (draws < shares[0]).astype(int), (other < shares[1]).astype(int)
    return right_first(first, labels), right_first(second, labels), labels


def test_pairing_narrows_the_interval() -> None:
    before, after, labels = noisy_logits(0, (0.6, 0.7), shared=1.0)
    trials = [make_trial("a", before, labels=labels), make_trial("b", after, labels=labels)]
    change = compare(trials, "made", "test").scores[1].changes["mean_accuracy"]
    width = change.high - change.low
    single = [bootstrap_intervals(labels, x, GROUPS, 2000)["mean_accuracy"]
             for x in (before, after)]  # fmt: skip
    unpaired = sum((high - low) ** 2 for low, high in single) ** 0.5
    assert width < 0.6 * unpaired
    assert change.significant
    assert change.p < 0.01


def change_of(measured: float, resampled: Floats, centre: float) -> significance.Change:
    """Return the change of a metric that is always 0 in the first model."""
    first, second = (Resampled(x, c, x) for x, c in ((resampled * 0, 0.0), (resampled, centre)))
    return significance.paired_change("accuracy", measured, first, second)


def test_p_and_interval_agree_with_a_normal_change() -> None:
    rng = np.random.default_rng(1)
    change = change_of(0.196, 0.196 + 0.1 * rng.normal(size=200_000), 0.196)
    assert change.p == pytest.approx(0.05, abs=2e-3)  # 1.96 deviations from zero
    assert change.low == pytest.approx(0, abs=2e-3)
    assert change.high == pytest.approx(0.392, abs=2e-3)


def test_interval_leaves_out_the_bias_of_resampling() -> None:
    # Resamples are 0.1 above their centre on average, as the measured change is above the true one.
    change = change_of(0.1, np.linspace(0.1, 0.3, 1001), 0.1)
    assert (change.low, change.high) == pytest.approx((-0.095, 0.1))
    assert change.p == pytest.approx(3 / 1002)  # the first and the last one are 0.1 from the mean
    assert not change.significant


def test_p_is_never_zero() -> None:
    assert change_of(0.5, np.full(99, 0.5), 0.5) == (0.5, 0.5, 0.5, 1 / 100)


@pytest.mark.parametrize("count", [1, 5])
def test_equal_answers_leave_room_for_a_change(count: int) -> None:
    labels = np.repeat(np.arange(3), count)
    perfect = [
        make_trial(name, right_first(np.ones_like(labels), labels), labels=labels) for name in "ab"
    ]
    changes = compare(perfect, "made", "test").scores[1].changes
    for key in ("accuracy", "mean_accuracy", "mean_accuracy_tail", "cw_asd", "cw_arange",
                "lowest_accuracy", "harmonic_mean_accuracy"):  # fmt: skip
        assert changes[key].low < -0.02
        assert changes[key].high > 0.02
        assert changes[key].p == 1


def test_p_has_its_nominal_level_without_a_change() -> None:
    below, trials = 0, 300
    for seed in range(trials):
        before, after, labels = noisy_logits(seed, (0.6, 0.6), shared=0.5)
        measured: list[float] = []
        resamples: list[Resampled] = []
        for logits in (before, after):
            trial = make_trial("", logits, labels=labels)
            measured.append(trial.metrics["mean_accuracy"])
            model = significance.ModelAnswers(trial.answers, GROUPS, draw=0)
            resampled = significance.mean_resamples([model], len(resamples), 200)
            resamples.append(resampled["mean_accuracy"])
        change = measured[1] - measured[0]
        below += significance.paired_change("mean_accuracy", change, *resamples).p < 0.05
    assert 0.02 <= below / trials <= 0.09


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_swapping_recipes_reverses_the_change(seed: int) -> None:
    rng, labels = np.random.default_rng(seed), np.repeat(np.arange(3), 40)
    a, b = (make_trial(name, rng.normal(size=(120, 3)), labels=labels) for name in "ab")
    forward = compare([a, b], "made", "test").scores[1]
    backward = compare([b, a], "made", "test").scores[1]
    for key, change in forward.changes.items():
        other = backward.changes[key]
        assert other.change == pytest.approx(-change.change)
        # Not equal: the additional photo of each class is drawn anew.
        assert other.p == pytest.approx(change.p, abs=0.1)
        assert (-other.high, -other.low) == pytest.approx((change.low, change.high), abs=0.06)
        assert change.low <= change.change <= change.high


def test_resamples_are_independent_between_folders_and_shared_between_seeds() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 40)
    answers = make_trial("a", rng.normal(size=(120, 3)), labels=labels).answers

    def deviation(draws: tuple[int, int]) -> float:
        models = [significance.ModelAnswers(answers, GROUPS, draw) for draw in draws]
        return float(significance.mean_resamples(models, 0)["accuracy"].bootstrap.std())

    assert deviation((0, 1)) == pytest.approx(deviation((0, 0)) / 2**0.5, rel=0.1)


def test_groups_that_differ_between_folders_are_empty() -> None:
    other = ("head", "tail", "tail")
    trials = [make_trial("a", HALF), make_trial("a", MOST, data="other", groups=other)]
    comparison = compare(trials, "made", "test")
    assert comparison.groups == ("head", "", "tail")
    assert "mean_accuracy_medium" not in comparison.first.mean  # one of the two has none
    assert comparison.data == ("drawn", "other")


def renamed(trial: Trial) -> Trial:
    return replace(trial, answers=replace(trial.answers, paths=tuple("abcdefgh")))


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ([make_trial("b", HALF, seed=1)], "no run on drawn with seed"),
        (
            [make_trial("b", HALF), make_trial("b", HALF, data="other")],
            "a has no run on other with seed 0",
        ),
        ([make_trial("b", HALF), make_trial("b", HALF)], "b has two runs on drawn with seed 0"),
        ([renamed(make_trial("b", HALF))], "different photos of drawn"),
        ([make_trial("b", HALF, groups=("head", "tail", "tail"))], "different groups"),
    ],
)
def test_trials_that_cannot_be_compared_are_reported(second: list[Trial], message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        compare([make_trial("a", HALF), *second], "made", "test")
    assert "\n" not in str(error.value)


def test_different_classes_are_reported() -> None:
    other = make_trial("a", HALF, data="other")
    other = replace(other, evaluation=replace(other.evaluation, classes=("x", "y", "z")))
    with pytest.raises(UserError, match="other and drawn have different classes"):
        compare([make_trial("a", HALF), other], "made", "test")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Write a run folder with an evaluation, as the command writes it."""
    rng = np.random.default_rng(5)
    folder = tmp_path / "run"
    output = folder / "evaluation" / "test"
    output.mkdir(parents=True)
    labels = np.repeat(np.arange(3), 50)
    evaluation = make_evaluation(2 * rng.normal(size=(150, 3)), labels)
    document = {**evaluation.figures, "intervals": {}}
    (output / "metrics.json").write_text(json.dumps(document), encoding="utf-8")
    assert evaluation.predictions is not None
    write_rows(output / "per_class.csv", evaluation_files._class_rows(evaluation))
    answers = evaluation_files._prediction_rows(evaluation)
    write_rows(output / "predictions.csv", answers)
    log = ({"epoch": e, "seconds": e / 4, "memory": 1000 - e} for e in (1, 2, 3))
    (folder / "log.jsonl").write_text("\n".join(map(json.dumps, log)), encoding="utf-8")
    return folder


def read_run(run: Path, classes: Sequence[str] = CLASSES) -> Trial:
    planned = PlannedRun("base", read_recipe("baseline"), Path("drawn"), "drawn", 7, run)
    return read_trial(planned, "test", classes)


def test_trial_is_read_as_it_was_written(run: Path) -> None:
    trial = read_run(run)
    assert (trial.recipe, trial.data, trial.seed) == ("base", "drawn", 7)
    assert (trial.seconds, trial.memory) == (1.5, 999)
    assert trial.answers.paths[:2] == ("Agate/00000.png", "Agate/00001.png")
    computed = metrics.metrics_of_answers(trial.answers, GROUPS)
    # The calibration error is as exact as the probabilities in the file.
    assert computed == pytest.approx(trial.evaluation.figures, abs=5e-5)
    assert 0.1 < (trial.answers.ranks == 2).mean() < 0.6


def test_order_of_rows_does_not_matter(run: Path) -> None:
    before = read_run(run).answers
    path = run / "evaluation/test/predictions.csv"
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([header, *reversed(lines)]), encoding="utf-8")
    after = read_run(run).answers
    assert after.paths == before.paths
    assert after.ranks.tolist() == before.ranks.tolist()


def test_memory_missing_from_the_log_is_unknown(run: Path) -> None:
    (run / "log.jsonl").write_text('{"seconds": 2}\n{"seconds": 3, "memory": null}')
    trial = read_run(run)
    assert trial.seconds == 5
    assert math.isnan(trial.memory)
    assert math.isnan(compare([trial], "made", "test").first.mean["memory"])


def without_rank(text: str) -> str:
    return "\n".join(line.rpartition(",")[0] for line in text.splitlines())


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("evaluation/test/metrics.json", lambda text: text[:20], "damaged or of another version"),
        ("evaluation/test/metrics.json", lambda text: '{"intervals": {}}', "damaged"),
        ("evaluation/test/predictions.csv", without_rank, "of an older version"),
        ("evaluation/test/predictions.csv", lambda text: text[: len(text) // 2], "damaged"),
        ("evaluation/test/predictions.csv", lambda text: "", "damaged"),
        ("evaluation/test/predictions.csv", lambda text: text.replace("Beryl,", "B,"), "damaged"),
        ("evaluation/test/predictions.csv", lambda text: text.replace(",0.", ",7."), "damaged"),
        ("evaluation/test/predictions.csv", lambda text: text.replace(",1\r", ",2\r"), "damaged"),
        ("log.jsonl", lambda text: "", "does not have the training time"),
        ("log.jsonl", lambda text: '{"epoch": 1}', "does not have the training time"),
        ("log.jsonl", lambda text: "[1, 2]", "does not have the training time"),
    ],
)
def test_damage_is_reported_in_one_line(
    run: Path, name: str, damage: Callable[[str], str], message: str
) -> None:
    with (run / name).open(encoding="utf-8", newline="") as file:
        text = file.read()
    with (run / name).open("w", encoding="utf-8", newline="") as file:
        file.write(damage(text))
    with pytest.raises(UserError, match=message) as error:
        read_run(run)
    assert "\n" not in str(error.value)


def test_missing_files_and_different_classes_are_reported(run: Path) -> None:
    with pytest.raises(UserError, match="different classes"):
        read_run(run, ("x", "y", "z"))
    (run / "evaluation/test/predictions.csv").unlink()
    with pytest.raises(UserError, match="missing"):
        read_run(run)
    (run / "evaluation/test/metrics.json").unlink()
    with pytest.raises(UserError, match="has no evaluation"):
        read_run(run)
