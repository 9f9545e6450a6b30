"""Calibration of an evaluation, by hand: metrics, file, report and terminal."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from mineral_recog.cli.figure_tables import print_metrics
from mineral_recog.evaluation import calibration_plots, calibration_rows, report
from mineral_recog.evaluation.calibration_evaluation import evaluate_calibration, write_calibration
from mineral_recog.evaluation.calibration_results import Bin
from mineral_recog.rendering import plot_style
from tests.evaluation.calibrated_evaluation import (
    CALIBRATION,
    GROUPS,
    calibration_results,
    make_evaluation,
    make_predictions,
)
from tests.tags import Tags


def test_bins_have_confidence_and_accuracy() -> None:
    diagrams = calibration_results().reliability
    for bins, confidence in ((diagrams["all"].before, 0.9), (diagrams["all"].after, 0.75)):
        (filled,) = [index for index, bin_ in enumerate(bins) if bin_.photos]
        assert filled == int(confidence * 15)
        assert bins[filled] == pytest.approx((4, confidence, 0.75))
        assert len(bins) == 15
    assert diagrams["tail"].after[11] == pytest.approx((1, 0.75, 0))


def test_bins_add_up_to_the_calibration_error() -> None:
    results = calibration_results()
    assert results.metrics["ece_before"] == pytest.approx(0.15)
    assert results.metrics["ece_after"] == pytest.approx(0, abs=1e-6)
    assert results.metrics["ece_after_tail"] == pytest.approx(0.75)
    for bins, key in zip(results.reliability["all"], ("ece_before", "ece_after"), strict=True):
        gaps = [bin_.photos * abs(bin_.right - bin_.told) for bin_ in bins if bin_.photos]
        assert sum(gaps) / 4 == pytest.approx(results.metrics[key], abs=1e-12)


def test_each_class_has_its_coverage_and_basis() -> None:
    results = calibration_results()
    assert results.bases == ("own", "all")
    assert results.val_counts == (9, 2)
    # 0.75 reaches the threshold 0.7, but 0.25 does not reach 0.4.
    assert results.class_coverage.tolist() == [1, 0]
    assert results.metrics["coverage"] == 0.75
    assert results.metrics["lowest_coverage"] == 0


def test_split_without_tail_photos_has_no_tail_diagram() -> None:
    results = evaluate_calibration(CALIBRATION, make_predictions([0], [0]), GROUPS)
    assert results.reliability.keys() == {"all"}
    assert np.isnan(results.class_coverage[1])
    assert results.ood_pictures == ()


def test_ood_pictures_are_measured_together_and_per_folder() -> None:
    total, leaves, noise = calibration_results().ood_pictures
    assert [(pictures.name, pictures.pictures) for pictures in (total, leaves, noise)] == [
        ("", 4), ("leaves", 1), ("noise", 3),
    ]  # fmt: skip
    # One folder has the score of the photos, the other a higher one.
    assert [pictures.figures["auroc"] for pictures in (total, leaves, noise)] == [0.875, 0.5, 1]
    false_accepts = [pictures.figures["false_accepts"] for pictures in (total, leaves, noise)]
    assert false_accepts == [0.25, 1, 0]
    assert {pictures.figures["plain_auroc"] for pictures in (total, leaves, noise)} == {1}
    assert total.figures["kept"] == total.figures["plain_kept"] == 1
    (alone,) = calibration_results(folders=("",)).ood_pictures
    assert alone == total


def test_file_has_all_results_and_no_nan(tmp_path: Path) -> None:
    results = calibration_results()
    write_calibration(tmp_path / "trust.json", make_evaluation(results))
    written = json.loads((tmp_path / "trust.json").read_text("utf-8"), parse_constant=pytest.fail)
    assert written["temperature"] == 2
    assert written["coverage_asked"] == 0.9
    assert written["figures"] == results.metrics
    assert written["classes"] == [
        {"class": "Quartz", "n_val": 9, "rests_on": "own", "coverage": 1},
        {"class": "Opal", "n_val": 2, "rests_on": "all", "coverage": 0},
    ]
    bins = written["reliability"]["tail"]["before"]
    assert bins[0] == {"photos": 0, "told": None, "right": None}
    assert bins[13]["photos"] == 1
    assert [pictures["pictures"] for pictures in written["others"]] == [4, 1, 3]


@pytest.mark.parametrize("tail", [True, False])
def test_diagram_names_its_panels(tail: bool) -> None:
    diagrams = calibration_results().reliability
    if not tail:
        diagrams = {"all": diagrams["all"]}
    root = ElementTree.fromstring(plot_style.as_svg(calibration_plots.reliability(diagrams)))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "All photos" in texts
    assert ("Photos of tail classes" in texts) == tail
    assert texts.count("after calibration") == 1


def test_points_of_the_diagram_are_at_their_bins() -> None:
    diagrams = calibration_results().reliability
    before = tuple(Bin(2, 0.5, 0.25) if index == 7 else bin_ for index, bin_ in
                   enumerate(diagrams["all"].before))  # fmt: skip
    figure = calibration_plots.reliability({"all": diagrams["all"]._replace(before=before)})
    plain, calibrated = figure.axes[0].collections[1::2]
    assert np.array(plain.get_offsets()) == pytest.approx(np.array([[0.5, 0.25], [0.9, 0.75]]))
    assert np.array(calibrated.get_offsets()) == pytest.approx(np.array([[0.75, 0.75]]))


def write_page(tmp_path: Path, **changed: object) -> str:
    results = replace(calibration_results(), **changed)  # type: ignore[arg-type]
    report.write_report(tmp_path / "report.html", make_evaluation(results))
    return (tmp_path / "report.html").read_text("utf-8")


def test_report_shows_calibration_in_both_languages(tmp_path: Path) -> None:
    text = write_page(tmp_path)
    assert not Tags(text).open
    for expected in (
        "off by 0.0 percentage points on average (15.0 before",
        "校准前为 15.0",
        "The lowest coverage is that of Opal: 0.0% of its 1 photos.",
        "fewer than 9 validation photos has too few to guarantee 90% coverage",
        "少于 9 张的矿物",
        "Opal (2)",
        "minerals of other groups too",
        '<tspan class="zh" lang="zh">实际正确的比例</tspan>',
        '<td class="name">leaves</td><td class="number">1</td><td class="number">0.500</td>',
    ):
        assert expected in text


def test_report_without_ood_pictures_explains_the_option(tmp_path: Path) -> None:
    text = write_page(tmp_path, ood_pictures=())
    assert "--others FOLDER" in text
    assert "AUROC" not in text


def test_rows_by_basis_count_their_photos() -> None:
    evaluation = make_evaluation(calibration_results())
    rows = calibration_rows.calibration_context(evaluation)["bases"]  # type: ignore[index]
    assert [(row["basis"], row["photos"], row["coverage"]) for row in rows] == [
        ("own", "3", "100.0%"), ("all", "1", "0.0%"),
    ]  # fmt: skip
    results = replace(calibration_results(), class_coverage=np.array([1, np.nan]))
    evaluation = replace(evaluation, calibration=results, test_counts=np.array([3, 0]))
    rows = calibration_rows.calibration_context(evaluation)["bases"]  # type: ignore[index]
    assert [row["coverage"] for row in rows] == ["100.0%", "–"]


def test_folder_names_are_escaped(tmp_path: Path) -> None:
    total, leaves, _ = calibration_results().ood_pictures
    text = write_page(tmp_path, ood_pictures=(total, leaves._replace(name="<b>leaves")))
    assert "&lt;b&gt;leaves" in text
    assert "<b>leaves" not in text


def test_terminal_shows_a_dash_without_tail_photos(
    capsys: pytest.CaptureFixture[str],
) -> None:
    results = evaluate_calibration(CALIBRATION, make_predictions([0, 0], [0, 0]), GROUPS)
    print_metrics(make_evaluation(results))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    start = next(index for index, words in enumerate(lines) if words[:1] == ["calibrated"])
    assert [words[-1] for words in lines[start + 1 :]] == ["–"] * 3


def test_run_without_calibration_is_shown_without_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report.write_report(tmp_path / "report.html", make_evaluation(None))
    assert "Reliability of the answers" not in (tmp_path / "report.html").read_text("utf-8")
    print_metrics(make_evaluation(None))
    assert "calibrated" not in capsys.readouterr().out


def test_terminal_shows_the_main_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    print_metrics(make_evaluation(calibration_results(with_ood=False)))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    start = next(index for index, words in enumerate(lines) if words[:1] == ["calibrated"])
    assert [words[-2:] for words in lines[start + 1 :]] == [
        ["0.000", "0.750"], ["75.0%", "0.0%"], ["1.00", "1.00"],
    ]  # fmt: skip
    print_metrics(make_evaluation(calibration_results()))
    shown = capsys.readouterr().out
    assert "AUROC, unknown mineral (plain 1.000)" in shown
    assert "false accepts (plain 0.0%)" in shown
    assert "25.0%" in shown
