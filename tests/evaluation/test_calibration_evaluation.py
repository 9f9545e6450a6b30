"""How far answers can be believed: figures, file, report and terminal, worked out by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from mineral_recog.cli.figure_tables import print_figures
from mineral_recog.evaluation import calibration_plots, calibration_rows, report
from mineral_recog.evaluation.calibration_evaluation import evaluate_calibration, write_calibration
from mineral_recog.evaluation.results import Bin
from mineral_recog.rendering import plot_style
from tests.evaluation.believed import CALIBRATION, GROUPS, answers, believed, evaluation
from tests.tags import Tags


def test_bins_hold_what_was_told_and_what_was_right() -> None:
    found = believed().reliability
    for bins, told in ((found["all"].before, 0.9), (found["all"].after, 0.75)):
        (filled,) = [number for number, one in enumerate(bins) if one.photos]
        assert filled == int(told * 15)
        assert bins[filled] == pytest.approx((4, told, 0.75))
        assert len(bins) == 15
    assert found["tail"].after[11] == pytest.approx((1, 0.75, 0))


def test_bins_add_up_to_the_calibration_error() -> None:
    found = believed()
    assert found.figures["ece_before"] == pytest.approx(0.15)
    assert found.figures["ece_after"] == pytest.approx(0, abs=1e-6)
    assert found.figures["ece_after_tail"] == pytest.approx(0.75)
    for bins, key in zip(found.reliability["all"], ("ece_before", "ece_after"), strict=True):
        gaps = [one.photos * abs(one.right - one.told) for one in bins if one.photos]
        assert sum(gaps) / 4 == pytest.approx(found.figures[key], abs=1e-12)


def test_each_class_has_its_coverage_and_basis() -> None:
    found = believed()
    assert found.rests_on == ("own", "all")
    assert found.val_counts == (9, 2)
    assert found.class_coverage.tolist() == [1, 0]  # 0.75 is in from 0.7, 0.25 is not from 0.4
    assert found.figures["coverage"] == 0.75
    assert found.figures["lowest_coverage"] == 0


def test_a_split_without_tail_photos_has_no_tail() -> None:
    found = evaluate_calibration(CALIBRATION, answers([0], [0]), GROUPS)
    assert found.reliability.keys() == {"all"}
    assert np.isnan(found.class_coverage[1])
    assert found.others == ()


def test_other_pictures_are_told_together_and_by_kind() -> None:
    every, leaves, noise = believed().others
    assert [(kind.name, kind.pictures) for kind in (every, leaves, noise)] == [
        ("", 4), ("leaves", 1), ("noise", 3),
    ]  # fmt: skip
    # One of the kinds is as strange as the photos are, the other stranger.
    assert [kind.figures["auroc"] for kind in (every, leaves, noise)] == [0.875, 0.5, 1]
    assert [kind.figures["false_accepts"] for kind in (every, leaves, noise)] == [0.25, 1, 0]
    assert {kind.figures["plain_auroc"] for kind in (every, leaves, noise)} == {1}
    assert every.figures["kept"] == every.figures["plain_kept"] == 1
    (alone,) = believed(kinds=("",)).others
    assert alone == every


def test_the_file_holds_it_all_and_no_nan(tmp_path: Path) -> None:
    found = believed()
    write_calibration(tmp_path / "trust.json", evaluation(found))
    written = json.loads((tmp_path / "trust.json").read_text("utf-8"), parse_constant=pytest.fail)
    assert written["temperature"] == 2
    assert written["coverage_asked"] == 0.9
    assert written["figures"] == found.figures
    assert written["classes"] == [
        {"class": "Quartz", "n_val": 9, "rests_on": "own", "coverage": 1},
        {"class": "Opal", "n_val": 2, "rests_on": "all", "coverage": 0},
    ]
    bins = written["reliability"]["tail"]["before"]
    assert bins[0] == {"photos": 0, "told": None, "right": None}
    assert bins[13]["photos"] == 1
    assert [kind["pictures"] for kind in written["others"]] == [4, 1, 3]


@pytest.mark.parametrize("tail", [True, False])
def test_the_diagram_names_its_panels(tail: bool) -> None:
    found = believed().reliability
    if not tail:
        found = {"all": found["all"]}
    root = ElementTree.fromstring(plot_style.as_svg(calibration_plots.reliability(found)))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "All photos" in texts
    assert ("Photos of tail classes" in texts) == tail
    assert texts.count("after calibration") == 1


def test_points_of_the_diagram_stand_at_their_bins() -> None:
    found = believed().reliability
    before = tuple(Bin(2, 0.5, 0.25) if number == 7 else one for number, one in
                   enumerate(found["all"].before))  # fmt: skip
    figure = calibration_plots.reliability({"all": found["all"]._replace(before=before)})
    plain, calibrated = figure.axes[0].collections[1::2]
    assert np.array(plain.get_offsets()) == pytest.approx(np.array([[0.5, 0.25], [0.9, 0.75]]))
    assert np.array(calibrated.get_offsets()) == pytest.approx(np.array([[0.75, 0.75]]))


def page(tmp_path: Path, **changed: object) -> str:
    found = replace(believed(), **changed)  # type: ignore[arg-type]
    report.write_report(tmp_path / "report.html", evaluation(found))
    return (tmp_path / "report.html").read_text("utf-8")


def test_the_report_tells_it_in_both_languages(tmp_path: Path) -> None:
    text = page(tmp_path)
    assert not Tags(text).open
    for told in (
        "off by 0.0 percentage points on average (15.0 before",
        "校准前为 15.0",
        "Covered least is Opal: 0.0% of its 1 photos here.",
        "fewer than 9 validation photos cannot be held at 90%",
        "少于 9 张的矿物",
        "Opal (2)",
        "minerals of other groups too",
        '<tspan class="zh" lang="zh">实际正确的比例</tspan>',
        '<td class="name">leaves</td><td class="number">1</td><td class="number">0.500</td>',
    ):
        assert told in text


def test_without_other_pictures_the_report_says_how_to_get_there(tmp_path: Path) -> None:
    text = page(tmp_path, others=())
    assert "--others FOLDER" in text
    assert "AUROC" not in text


def test_rows_by_basis_count_their_photos() -> None:
    found = evaluation(believed())
    rows = calibration_rows.calibration_context(found)["bases"]  # type: ignore[index]
    assert [(row["basis"], row["photos"], row["coverage"]) for row in rows] == [
        ("own", "3", "100.0%"), ("all", "1", "0.0%"),
    ]  # fmt: skip
    unseen = replace(believed(), class_coverage=np.array([1, np.nan]))
    found = replace(found, calibration=unseen, test_counts=np.array([3, 0]))
    rows = calibration_rows.calibration_context(found)["bases"]  # type: ignore[index]
    assert [row["coverage"] for row in rows] == ["100.0%", "–"]


def test_kinds_are_text(tmp_path: Path) -> None:
    every, leaves, _ = believed().others
    text = page(tmp_path, others=(every, leaves._replace(name="<b>leaves")))
    assert "&lt;b&gt;leaves" in text
    assert "<b>leaves" not in text


def test_the_terminal_has_a_dash_where_no_class_is_of_the_tail(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = evaluate_calibration(CALIBRATION, answers([0, 0], [0, 0]), GROUPS)
    print_figures(evaluation(found))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    start = next(number for number, words in enumerate(lines) if words[:1] == ["calibrated"])
    assert [words[-1] for words in lines[start + 1 :]] == ["–"] * 3


def test_a_run_without_it_is_shown_without_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report.write_report(tmp_path / "report.html", evaluation(None))
    assert "How far to believe it" not in (tmp_path / "report.html").read_text("utf-8")
    print_figures(evaluation(None))
    assert "calibrated" not in capsys.readouterr().out


def test_the_terminal_has_a_few_lines_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    print_figures(evaluation(believed(with_others=False)))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    start = next(number for number, words in enumerate(lines) if words[:1] == ["calibrated"])
    assert [words[-2:] for words in lines[start + 1 :]] == [
        ["0.000", "0.750"], ["75.0%", "0.0%"], ["1.00", "1.00"],
    ]  # fmt: skip
    print_figures(evaluation(believed()))
    shown = capsys.readouterr().out
    assert "AUROC (plain 1.000)" in shown
    assert "false accepts (plain 0.0%)" in shown
    assert "25.0%" in shown
