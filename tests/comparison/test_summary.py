"""Comparison of recipes: means, paired changes and tests by hand; what is missing is told."""

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

from mineral_recog.calibration.temperature import softmax
from mineral_recog.comparison.summary import Trial, compare, read_trial
from mineral_recog.errors import UserError
from mineral_recog.evaluation import evaluator, metrics, significance
from mineral_recog.evaluation.metrics import Floats, Ints
from mineral_recog.evaluation.results import Answers, Evaluation, Predictions
from tests.conftest import dataset_of

CLASSES = ("Agate", "Beryl", "Copper")
GROUPS = ("head", "medium", "tail")
LABELS = np.repeat(np.arange(3), (4, 2, 2))


def right_first(right: Sequence[int] | Ints, labels: Ints = LABELS) -> Floats:
    """Logits [M, 3] whose first guess is right where `right` says so, with probability 0.8."""
    guesses = np.where(np.array(right, dtype=bool), labels, (labels + 1) % 3)
    return np.eye(3)[guesses] * math.log(8)


def evaluation_of(
    logits: Floats, labels: Ints = LABELS, groups: Sequence[str] = GROUPS
) -> Evaluation:
    confusion = metrics.confusion_matrix(labels, logits.argmax(axis=1), 3)
    single = logits.astype(np.float32)
    photos = dataset_of(Path("gone"), [f"{CLASSES[c]}/{i:05}.png" for i, c in enumerate(labels)])
    return Evaluation(
        name="run", split="test", classes=CLASSES, train_counts=(100, 30, 5), groups=tuple(groups),
        predictions=Predictions(labels, single, single, photos),
        figures=metrics.figures(labels, logits, groups), intervals={},
        class_accuracy=metrics.class_accuracy(confusion), test_counts=confusion.sum(axis=1),
        history=[], recipe="", provenance={},
    )  # fmt: skip


def trial(
    recipe: str,
    logits: Floats,
    data: str = "drawn",
    seed: int = 0,
    labels: Ints = LABELS,
    groups: Sequence[str] = GROUPS,
    seconds: float = 60.0,
    memory: float = 2e9,
) -> Trial:
    evaluation = evaluation_of(logits, labels, groups)
    photos = Answers(
        tuple(f"{i:05}" for i in range(len(labels))), labels, metrics.ranks(labels, logits),
        softmax(logits).max(axis=1),
    )  # fmt: skip
    return Trial(recipe, data, seed, evaluation, photos, seconds, memory)


HALF = right_first([1, 1, 0, 0, 1, 0, 0, 0])  # 1/2, 1/2 and 0: mean 1/3
MOST = right_first([1, 1, 1, 0, 1, 1, 1, 0])  # 3/4, 1 and 1/2: mean 3/4


def test_means_and_deviations_by_hand() -> None:
    trials = [
        trial("a", HALF, seed=0, seconds=10, memory=1e9),
        trial("a", MOST, seed=1, seconds=30, memory=3e9),
    ]
    (score,) = compare(trials, "made", "test").scores
    assert score.mean["mean_accuracy"] == pytest.approx((1 / 3 + 3 / 4) / 2)
    assert score.std["mean_accuracy"] == pytest.approx((3 / 4 - 1 / 3) / 2**0.5)
    assert score.mean["seconds"] == 20
    assert score.std["memory"] == pytest.approx(2e9 / 2**0.5)
    np.testing.assert_allclose(score.class_accuracy, [5 / 8, 3 / 4, 1 / 4])
    assert score.changes == {}
    assert score.mcnemar is None


def test_nothing_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="no trials"):
        compare([], "made", "test")


def test_a_single_run_has_no_deviation() -> None:
    found = compare([trial("a", HALF)], "made", "test")
    assert math.isnan(found.first.std["accuracy"])
    assert found.photos == 8
    assert found.train_counts.tolist() == [100, 30, 5]


def test_change_and_mcnemar_by_hand() -> None:
    found = compare([trial("a", HALF), trial("b", MOST)], "made", "test")
    score = found.scores[1]
    assert score.changes["mean_accuracy"].change == pytest.approx(3 / 4 - 1 / 3)
    assert score.changes["mean_accuracy_tail"].change == pytest.approx(0.5)
    assert score.changes["accuracy"].change == pytest.approx(6 / 8 - 3 / 8)
    assert score.mcnemar == (0, 3, 0.25)  # three photos gained, none lost: 2 / 2**3
    assert found.best is score


@pytest.mark.parametrize(
    ("lost", "gained", "p"),
    [
        (0, 0, 1.0),
        (0, 5, 0.0625),
        (1, 9, 22 / 1024),  # 2 * (1 + 10) / 2**10
        (4, 4, 1.0),
        (150, 86, 3.716e-5),  # Agresti, "Categorical Data Analysis", table 10.1, in exact form
    ],
)
def test_mcnemar_against_known_values(lost: int, gained: int, p: float) -> None:
    first = np.repeat([1, 0, 1], (lost, gained, 7))
    second = np.repeat([0, 1, 1], (lost, gained, 7))
    found = significance.mcnemar(first, second)
    assert found[:2] == (lost, gained)
    assert found.p == pytest.approx(p, rel=1e-3)


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_sums_the_binomial_on_both_sides(lost: int, gained: int) -> None:
    throws = lost + gained
    ways = [math.comb(throws, heads) for heads in range(throws + 1)]
    as_uneven = sum(
        w for heads, w in enumerate(ways) if abs(2 * heads - throws) >= abs(lost - gained)
    )
    assert significance._fair_coin(lost, gained) == pytest.approx(as_uneven / 2**throws)
    assert significance._fair_coin(lost, gained) == significance._fair_coin(gained, lost)


def test_mcnemar_stays_exact_for_many_photos() -> None:
    found = significance._fair_coin(
        9800, 10200
    )  # normal approximation: z = (400 - 1) / sqrt(20000)
    assert found == pytest.approx(math.erfc(399 / 20000**0.5 / 2**0.5), rel=1e-3)
    with pytest.raises(ValueError, match="photos"):
        significance.mcnemar(np.zeros(3, np.int64), np.zeros(2, np.int64))


def test_a_photo_counts_once_however_many_seeds() -> None:
    before = [trial("a", HALF, seed=0), trial("a", HALF, seed=1)]
    after = [trial("b", MOST, seed=0), trial("b", HALF, seed=1)]
    found = compare([*before, *after], "made", "test")
    assert found.scores[1].mcnemar == (0, 3, 0.25)
    assert found.scores[1].changes["accuracy"].change == pytest.approx(3 / 16)


def test_photos_of_two_folders_count_apart() -> None:
    trials = [trial(r, x, data=d) for r, x in (("a", HALF), ("b", MOST)) for d in ("one", "two")]
    found = compare(trials, "made", "test")
    assert found.scores[1].mcnemar == (0, 6, 2 / 2**6)
    assert found.photos == 16


def test_identical_recipes_do_not_change() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(60, 3))
    labels = np.repeat(np.arange(3), 20)
    trials = [trial(r, logits, labels=labels, seed=s) for r in ("a", "b") for s in (0, 1)]
    score = compare(trials, "made", "test").scores[1]
    assert set(score.changes) == set(metrics.figures(labels, logits, GROUPS))
    assert all(tuple(change) == (0, 0, 0, 1) for change in score.changes.values())
    assert score.mcnemar == (0, 0, 1)


def noisy(seed: int, shares: tuple[float, float], together: float) -> tuple[Floats, Floats, Ints]:
    """Logits of two models that are right as often as `shares`, on the same photos in part."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(3), 60)
    luck = rng.random(180)
    own = np.where(rng.random(180) < together, luck, rng.random(180))
    first, second = (luck < shares[0]).astype(int), (own < shares[1]).astype(int)
    return right_first(first, labels), right_first(second, labels), labels


def test_pairing_narrows_the_interval() -> None:
    before, after, labels = noisy(0, (0.6, 0.7), together=1.0)
    trials = [trial("a", before, labels=labels), trial("b", after, labels=labels)]
    change = compare(trials, "made", "test").scores[1].changes["mean_accuracy"]
    width = change.high - change.low
    alone = [metrics.bootstrap_intervals(labels, x, GROUPS, 2000)["mean_accuracy"]
             for x in (before, after)]  # fmt: skip
    unpaired = sum((high - low) ** 2 for low, high in alone) ** 0.5
    assert width < 0.6 * unpaired
    assert change.clear
    assert change.p < 0.01


def test_p_and_interval_agree_with_a_normal_change() -> None:
    rng = np.random.default_rng(1)
    change = significance.paired_change(0.196, 0.196 + 0.1 * rng.normal(size=200_000))
    assert change.p == pytest.approx(0.05, abs=2e-3)  # 1.96 deviations from zero
    assert change.low == pytest.approx(0, abs=2e-3)
    assert change.high == pytest.approx(0.392, abs=2e-3)


def test_interval_turns_lopsided_resamples_around() -> None:
    # they lie 0 to 0.2 above what was measured, which then lies that far above the truth
    change = significance.paired_change(0.1, np.linspace(0.1, 0.3, 1001))
    assert (change.low, change.high) == pytest.approx((0.2 - 0.295, 0.1))
    assert change.p == pytest.approx(502 / 1002)  # those of 0.2 and more are 0.1 off
    assert not change.clear


def test_p_is_never_zero() -> None:
    assert significance.paired_change(0.5, np.full(99, 0.5)) == (0.5, 0.5, 0.5, 1 / 100)


def test_p_is_small_as_often_as_it_says_when_nothing_changed() -> None:
    below, trials = 0, 300
    for seed in range(trials):
        before, after, labels = noisy(seed, (0.6, 0.6), together=0.5)
        measured, drawn = [], []
        for logits in (before, after):
            own = trial("", logits, labels=labels)
            measured.append(own.figures["mean_accuracy"])
            model = significance.Answered(own.photos, GROUPS, draw=0)
            drawn.append(significance.mean_resamples([model], resamples=200)["mean_accuracy"])
        below += significance.paired_change(measured[1] - measured[0], drawn[1] - drawn[0]).p < 0.05
    assert 0.02 <= below / trials <= 0.09


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_swapping_recipes_turns_the_change_around(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = (trial(name, rng.normal(size=(8, 3))) for name in "ab")
    there = compare([a, b], "made", "test").scores[1]
    back = compare([b, a], "made", "test").scores[1]
    for key, change in there.changes.items():
        other = back.changes[key]
        assert (other.change, other.p) == pytest.approx((-change.change, change.p))
        assert (-other.high, -other.low) == pytest.approx((change.low, change.high))
        assert change.low <= change.change <= change.high


def test_folders_draw_independently_and_seeds_of_one_together() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 40)
    photos = trial("a", rng.normal(size=(120, 3)), labels=labels).photos

    def deviation(draws: tuple[int, int]) -> float:
        models = [significance.Answered(photos, GROUPS, draw) for draw in draws]
        return float(significance.mean_resamples(models)["accuracy"].std())

    assert deviation((0, 1)) == pytest.approx(deviation((0, 0)) / 2**0.5, rel=0.1)


def test_groups_that_differ_between_folders_are_left_open() -> None:
    other = ("head", "tail", "tail")
    trials = [trial("a", HALF), trial("a", MOST, data="other", groups=other)]
    found = compare(trials, "made", "test")
    assert found.groups == ("head", "", "tail")
    assert "mean_accuracy_medium" not in found.first.mean  # one of the two has none
    assert found.data == ("drawn", "other")


def renamed(one: Trial) -> Trial:
    return replace(one, photos=replace(one.photos, photos=tuple("abcdefgh")))


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ([trial("b", HALF, seed=1)], "no run on drawn with seed"),
        ([trial("b", HALF), trial("b", HALF, data="other")], "a has no run on other with seed 0"),
        ([trial("b", HALF), trial("b", HALF)], "b has two runs on drawn with seed 0"),
        ([renamed(trial("b", HALF))], "other photos of drawn"),
        ([trial("b", HALF, groups=("head", "tail", "tail"))], "other groups"),
    ],
)
def test_what_cannot_be_compared_is_told(second: list[Trial], message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        compare([trial("a", HALF), *second], "made", "test")
    assert "\n" not in str(error.value)


def test_other_classes_are_told() -> None:
    other = trial("a", HALF, data="other")
    other = replace(other, evaluation=replace(other.evaluation, classes=("x", "y", "z")))
    with pytest.raises(UserError, match="other has other classes than drawn"):
        compare([trial("a", HALF), other], "made", "test")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder whose evaluation was written as the command writes it."""
    rng = np.random.default_rng(5)
    folder = tmp_path / "run"
    written = folder / "evaluation" / "test"
    written.mkdir(parents=True)
    labels = np.repeat(np.arange(3), 50)
    made = evaluation_of(2 * rng.normal(size=(150, 3)), labels)
    told = {**made.figures, "intervals": {}}
    (written / "metrics.json").write_text(json.dumps(told), encoding="utf-8")
    evaluator._write_per_class(written / "per_class.csv", made)
    evaluator._write_predictions(written / "predictions.csv", made)
    log = ({"epoch": e, "seconds": e / 4, "memory": 1000 - e} for e in (1, 2, 3))
    (folder / "log.jsonl").write_text("\n".join(map(json.dumps, log)), encoding="utf-8")
    return folder


def read(run: Path) -> Trial:
    return read_trial(run, "base", "drawn", 7, "test", CLASSES)


def test_a_trial_is_read_as_it_was_written(run: Path) -> None:
    found = read(run)
    assert (found.recipe, found.data, found.seed) == ("base", "drawn", 7)
    assert (found.seconds, found.memory) == (1.5, 999)
    assert found.photos.photos[:2] == ("Agate/00000.png", "Agate/00001.png")
    again = metrics.answered_figures(found.photos, GROUPS)
    assert again == pytest.approx(found.evaluation.figures, abs=5e-5)  # the calibration error too
    assert 0.1 < (found.photos.ranks == 2).mean() < 0.6


def test_the_order_of_lines_does_not_matter(run: Path) -> None:
    before = read(run).photos
    path = run / "evaluation/test/predictions.csv"
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([head, *reversed(lines)]), encoding="utf-8")
    after = read(run).photos
    assert after.photos == before.photos
    assert after.ranks.tolist() == before.ranks.tolist()


def test_memory_that_no_log_tells_is_unknown(run: Path) -> None:
    (run / "log.jsonl").write_text('{"seconds": 2}\n{"seconds": 3, "memory": null}')
    found = read(run)
    assert found.seconds == 5
    assert math.isnan(found.memory)
    assert math.isnan(compare([found], "made", "test").first.mean["memory"])


def without_rank(text: str) -> str:
    return "\n".join(line.rpartition(",")[0] for line in text.splitlines())


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("evaluation/test/metrics.json", lambda text: text[:20], "has no evaluation of test"),
        ("evaluation/test/metrics.json", lambda text: '{"intervals": {}}', "damaged"),
        ("evaluation/test/predictions.csv", without_rank, "of an older version"),
        ("evaluation/test/predictions.csv", lambda text: text[: len(text) // 2], "damaged"),
        ("evaluation/test/predictions.csv", lambda text: "", "damaged"),
        ("evaluation/test/predictions.csv", lambda text: text.replace("Beryl,", "B,"), "damaged"),
        ("evaluation/test/predictions.csv", lambda text: text.replace(",0.", ",7."), "damaged"),
        ("evaluation/test/predictions.csv", lambda text: text.replace(",1\r", ",2\r"), "damaged"),
        ("log.jsonl", lambda text: "", "does not tell how long"),
        ("log.jsonl", lambda text: '{"epoch": 1}', "does not tell how long"),
        ("log.jsonl", lambda text: "[1, 2]", "does not tell how long"),
    ],
)
def test_damage_is_told_in_one_line(
    run: Path, name: str, damage: Callable[[str], str], message: str
) -> None:
    with (run / name).open(encoding="utf-8", newline="") as file:
        text = file.read()
    with (run / name).open("w", encoding="utf-8", newline="") as file:
        file.write(damage(text))
    with pytest.raises(UserError, match=message) as error:
        read(run)
    assert "\n" not in str(error.value)


def test_missing_files_and_other_classes_are_told(run: Path) -> None:
    with pytest.raises(UserError, match="other classes"):
        read_trial(run, "base", "drawn", 0, "test", ("x", "y", "z"))
    (run / "evaluation/test/predictions.csv").unlink()
    with pytest.raises(UserError, match="missing"):
        read(run)
    (run / "evaluation/test/metrics.json").unlink()
    with pytest.raises(UserError, match="has no evaluation"):
        read(run)
