"""Files of a comparison: a bilingual page, hostile names as text, and numbers that agree."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from mineral_recog.cli import figure_tables
from mineral_recog.comparison import comparison_plots as plots
from mineral_recog.comparison import comparison_rows as rows
from mineral_recog.comparison.comparison_files import escape_markdown, markdown
from mineral_recog.comparison.comparison_report import write_comparison
from mineral_recog.comparison.summary import Comparison, compare
from mineral_recog.rendering import plot_style
from mineral_recog.rendering.plot_elements import PALETTE, trend
from tests.comparison.test_summary import HALF, MOST, make_trial, right_first
from tests.tags import Tags

SAME = right_first([1, 1, 0, 0, 1, 0, 0, 0])
HOSTILE = "</script><img src=x onerror=alert(1)>|`*{{ 7 * 7 }}\n\udc80$x_1$"


def make_pair(first: str = "base", second: str = "ours", memory: float = 2e9) -> Comparison:
    return compare(
        [make_trial(first, HALF, memory=memory),
         make_trial(second, MOST, seconds=7200, memory=memory)],
        "mineral-recog compare drawn", "test",
    )  # fmt: skip


def make_many(recipes: int, classes: int = 3) -> Comparison:
    """Compare recipes on three seeds; with more than three classes their values are random."""
    rng = np.random.default_rng(0)
    comparison = compare(
        [make_trial(f"recipe {r}", rng.normal(size=(8, 3)), seed=s)
         for r in range(recipes) for s in range(3)], "made", "test",
    )  # fmt: skip
    if classes == 3:
        return comparison
    return replace(
        comparison,
        classes=tuple(f"class {c}" for c in range(classes)),
        groups=("",) * classes,
        train_counts=np.geomspace(400, 3, classes),
        scores=tuple(
            replace(score, class_accuracy=rng.random(classes)) for score in comparison.scores
        ),
    )


def write_page(folder: Path, comparison: Comparison) -> str:
    write_comparison(folder, comparison)
    return (folder / "comparison.html").read_text("utf-8")


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_all_files_are_written(tmp_path: Path) -> None:
    write_comparison(tmp_path, make_pair())
    assert {path.name for path in tmp_path.iterdir()} == {
        "comparison.html", "comparison.md", "comparison.csv", "trials.csv", "per_class.csv",
        "accuracy_by_count.png", "mean_against_tail.png",
    }  # fmt: skip
    for path in tmp_path.glob("*.png"):
        with Image.open(path) as image:
            assert len(image.convert("RGB").getcolors(1 << 24) or ()) > 10  # something is drawn


def test_csv_has_the_metrics_and_changes(tmp_path: Path) -> None:
    write_comparison(tmp_path, make_pair())
    by_key = {
        (row["recipe"], row["figure"]): row for row in read_table(tmp_path / "comparison.csv")
    }
    ours = by_key["ours", "mean_accuracy"]
    assert (ours["mean"], ours["std"], ours["change"]) == ("0.75", "", "0.416667")
    assert float(ours["low"]) <= 0.416667 <= float(ours["high"])
    assert (
        by_key["base", "mean_accuracy"]["change"] == by_key["base", "accuracy"]["mcnemar_p"] == ""
    )
    loss = by_key["ours", "ece"]
    assert float(loss["change"]) < 0  # a number, not a text
    counted = by_key["ours", "accuracy"]
    assert (counted["photos_lost"], counted["photos_gained"]) == ("0", "3")
    assert counted["mcnemar_p"] == "0.25"
    assert by_key["ours", "seconds"]["mean"] == "7200"
    (first, second) = read_table(tmp_path / "trials.csv")
    assert (first["recipe"], first["data"], first["seed"]) == ("base", "drawn", "0")
    assert (second["accuracy"], second["memory"]) == ("0.75", "2e+09")
    assert read_table(tmp_path / "per_class.csv")[1] == {
        "class": "Beryl", "n_train": "30", "group": "medium", "base": "0.5", "ours": "1",
    }  # fmt: skip


def test_markdown_tables_have_the_same_values() -> None:
    lines = markdown(make_pair()).splitlines()
    assert lines[0] == "    mineral-recog compare drawn"
    table_rows = [line for line in lines if line.startswith("|")]
    shown = "33.3 | 50.0 | 0.0 | 0.236 | **0.500** | 37.5 | 0.425 | **60 s** | **2.0 GB**"
    assert table_rows[2] == f"| base | {shown} |"  # 0.425 = 0.8 - 3 / 8
    assert table_rows[3].startswith("| ours | **75.0** | **75.0** | **50.0** | **0.204** |")
    assert " 2.0 h | " in table_rows[3]
    assert table_rows[6].startswith("| ours | +41.7 (")
    assert table_rows[6].endswith("| -0 / +3, p 0.250 |")
    assert "Mean ± standard deviation" not in "".join(lines)


def test_markdown_of_several_seeds_has_deviations_and_a_warning() -> None:
    text = markdown(make_many(4))
    assert re.search(r"\| recipe 0 \|( \*{0,2}\d+\.\d ± \d+\.\d\*{0,2} \|){3}", text)
    assert "1 prepared folder, 3 seeds: 3 runs per recipe" in text
    assert "With 3 recipes tested" in text
    assert "below 0.0167 is significant on its own" in text  # 0.05 / 3


def test_names_do_not_break_their_cell() -> None:
    assert escape_markdown("a|b\n# c") == "a\\|b # c"
    assert escape_markdown("multi_stage") == "multi_stage"
    assert escape_markdown("_x_ <b> `c` [d](e)") == "\\_x\\_ &lt;b&gt; \\`c\\` \\[d\\](e)"
    text = markdown(make_pair(first="a|b\nc", second=HOSTILE))
    assert len({line.count("|") - line.count("\\|") for line in text.splitlines()
                if line.startswith("|")}) == 2  # fmt: skip
    assert "<img" not in text
    command = markdown(replace(make_pair(), command="one\n\n<b>two"))
    assert command.startswith("    one\n    \n    <b>two\n\n")


def test_names_are_escaped_and_nothing_is_loaded(tmp_path: Path) -> None:
    hostile = make_pair(first=HOSTILE, second="<b>ours</b>")
    hostile = replace(hostile, classes=("</title><s>", "{{ 8 * 8 }}", "c"), command="</pre><i>",
                      data=("<u>",))  # fmt: skip
    text = write_page(tmp_path, hostile)
    parsed = Tags(text)
    assert not parsed.open
    tags = [tag for tag, _ in parsed.tags]
    assert tags.count("script") == 1
    assert not {"b", "s", "i", "u"} & set(tags)
    assert "{{ 7 * 7 }}" in text
    assert "{{ 8 * 8 }}" in text
    assert "default-src 'none'" in text
    for _, attributes in parsed.tags:
        assert "onerror" not in attributes
        for name in ("src", "href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))
    assert not re.search(r"@import|url\((?!#)", text)


def test_every_text_is_in_both_languages(tmp_path: Path) -> None:
    text = write_page(tmp_path, make_pair())
    classes = [attributes.get("class") for _, attributes in Tags(text).tags]
    assert classes.count("en") == classes.count("zh") > 50
    assert '<tspan class="zh" lang="zh">训练用时（小时）</tspan>' in text


def test_elements_of_recipes_can_be_highlighted(tmp_path: Path) -> None:
    text = write_page(tmp_path, make_many(3))
    ids = [attributes["id"] or "" for _, attributes in Tags(text).tags if "id" in attributes]
    recipe_ids = [name for name in ids if name.startswith("recipe-")]
    assert len(recipe_ids) == len(set(recipe_ids))
    for number in range(3):
        assert {f"recipe-{number}-line", f"recipe-{number}-points", f"recipe-{number}-tail",
                f"recipe-{number}-time"} <= set(recipe_ids)  # fmt: skip


def test_first_paragraph_names_the_best_and_its_significance(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 60)
    weak, strong = (right_first((rng.random(180) < p).astype(np.int64), labels) for p in (0.5, 0.9))
    trials = [make_trial("base", weak, labels=labels), make_trial("ours", strong, labels=labels)]
    text = write_page(tmp_path, compare(trials, "made", "test"))
    assert re.search(r"Of 2 recipes, ours has the best mean accuracy: \d\d\.\d%, which is "
                     r"\d\d\.\d points more than base \(95% interval \+\d", text)  # fmt: skip
    assert "The interval excludes zero" in text
    assert "how much training runs vary" in text.lower()
    reversed_page = write_page(tmp_path, compare(trials[::-1], "made", "test"))
    assert "ours, which the others are compared with, has the best mean accuracy" in reversed_page
    assert "Next is base" in reversed_page
    equal = write_page(
        tmp_path, compare([make_trial("a", HALF), make_trial("b", SAME)], "made", "test")
    )
    assert "do not show which of the two is better" in equal
    assert "The interval excludes zero" not in equal


def test_single_recipe_has_no_changes(tmp_path: Path) -> None:
    single = compare([make_trial("base", HALF)], "made", "test")
    text = write_page(tmp_path, single)
    assert "base has a mean accuracy of 33.3%." in text
    assert "Changes against" not in text
    assert "Change against" not in markdown(single)


def test_comparison_without_a_tail_has_no_plot_of_it(tmp_path: Path) -> None:
    groups = ("head", "head", "medium")
    comparison = compare(
        [make_trial(r, x, groups=groups) for r, x in (("a", HALF), ("b", MOST))], "", "test"
    )
    assert plots.mean_against_tail(comparison) is None
    assert "Mean accuracy, tail classes" not in write_page(tmp_path, comparison)
    assert not (tmp_path / "mean_against_tail.png").exists()


def test_value_missing_for_one_recipe_is_a_dash() -> None:
    (column,) = [item for item in rows.metric_columns(make_pair()) if item.key == "memory"]
    first = make_trial("base", HALF, memory=float("nan"))
    comparison = compare([first, make_trial("ours", MOST)], "made", "test")
    cells = rows.metric_cells(comparison, column)
    assert [(cell.text, cell.best) for cell in cells] == [("–", False), ("2.0 GB", True)]
    assert rows.mcnemar_cell(comparison.first) == ("–", "–")


def test_terminal_leaves_out_missing_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    for groups, shown in ((("head", "medium", "tail"), True), (("head", "head", "medium"), False)):
        trials = [make_trial(r, x, groups=groups) for r, x in (("a", HALF), ("b", MOST))]
        figure_tables.print_comparison(compare(trials, "made", "test"))
        assert ("Tail" in capsys.readouterr().out) == shown


def test_with_more_recipes_than_colours_lines_are_dashed() -> None:
    recipes = len(PALETTE) + 2  # the first one is dark
    lines = plots.accuracy_by_count(make_many(recipes), with_legend=True).axes[0].lines
    drawn = {str(line.get_gid()): line for line in lines}
    recipe_lines = [drawn[f"recipe-{number}-line"] for number in range(recipes)]
    assert [line.is_dashed() for line in recipe_lines] == [False] * (recipes - 1) + [True]
    assert len({(line.get_color(), line.is_dashed()) for line in recipe_lines}) == recipes


def test_unknown_memory_has_no_column(tmp_path: Path) -> None:
    keys = [column.key for column in rows.metric_columns(make_pair(memory=float("nan")))]
    assert "memory" not in keys
    assert "seconds" in keys
    assert "nan" not in markdown(make_pair(memory=float("nan")))


def test_best_is_decided_after_rounding() -> None:
    columns = {column.key: column for column in rows.COLUMNS}

    def best(key: str) -> list[bool]:
        return [cell.best for cell in rows.metric_cells(make_pair(), columns[key])]

    assert best("mean_accuracy") == [False, True]
    assert best("cw_arange") == [True, True]  # both 0.5
    assert best("seconds") == [True, False]  # less is better


@pytest.mark.parametrize(
    ("value", "key", "shown"),
    [(0.0926, "accuracy", "+9.3"), (-0.142, "cw_asd", "-0.142"), (-0.0004, "accuracy", "+0.0")],
)
def test_changes_have_a_sign_and_zero_is_positive(value: float, key: str, shown: str) -> None:
    column = next(column for column in rows.COLUMNS if column.key == key)
    assert rows.format_change(value, column) == shown


def test_times_and_sizes_have_a_suitable_unit() -> None:
    shown = [rows.format_seconds(seconds) for seconds in (7, 150, 1000, 6000)]
    assert shown == ["7 s", "2.5 min", "17 min", "1.7 h"]
    assert [rows.format_bytes(count) for count in (4.2e8, 1.25e9)] == ["420 MB", "1.2 GB"]


def test_all_of_many_recipes_are_labelled_without_overlap() -> None:
    comparison = make_many(18)
    for figure in (plots.mean_against_tail(comparison), plots.time_against_mean(comparison)):
        assert figure is not None
        svg = plot_style.as_svg(figure)
        drawn = {
            element.text
            for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
        }
        assert {score.recipe for score in comparison.scores} <= drawn
        boxes = [note.get_window_extent() for note in figure.axes[0].texts if note.get_text()]
        pairs = [(a, b) for i, a in enumerate(boxes) for b in boxes[i + 1 :]]
        assert not any(a.shrunk(0.9, 0.9).overlaps(b.shrunk(0.9, 0.9)) for a, b in pairs)


def test_recipes_look_different() -> None:
    looks = [plots.recipe_look(index) for index in range(24)]
    assert len(set(looks)) == 24


def test_trend_by_hand() -> None:
    accuracy = np.array([1.0, 0.5, 0.7, np.nan])
    positions, heights = trend(np.array([100.0, 10.0, 10.0, 5.0]), accuracy)
    np.testing.assert_allclose(positions, [10, 100])  # two classes with ten photos are one position
    np.testing.assert_allclose(heights, [0.6, 1.0])


def test_trend_of_many_classes_keeps_a_straight_line_and_smooths_noise() -> None:
    counts = np.geomspace(3, 300, 40)
    straight = np.log(counts) / 6
    positions, heights = trend(counts, straight)
    np.testing.assert_allclose(heights, np.log(positions) / 6)
    noise = np.random.default_rng(0).normal(size=40)
    assert trend(counts, noise)[1].std() < 0.6 * noise.std()


def test_heat_map_is_ordered_by_training_photos_and_accepts_gaps() -> None:
    comparison = make_pair()
    scores = tuple(
        replace(score, class_accuracy=np.array([0.25, np.nan, 0.75])) for score in comparison.scores
    )
    comparison = replace(comparison, train_counts=np.array([5.0, 30, 100]), scores=scores)
    axes = plots.class_heat_map(comparison).axes[0]
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert names == ["Copper (100)", "Beryl (30)", "Agate (5)"]
    assert [text.get_text() for text in axes.texts] == ["75", "25"] * 2


@pytest.mark.parametrize("classes", [13, 120])
def test_page_has_any_number_of_classes(classes: int, tmp_path: Path) -> None:
    page = write_page(tmp_path, make_many(3, classes))
    assert f"class {classes - 1} (3)" in page


@pytest.mark.parametrize("recipes", [1, 2, 18])
def test_terminal_table_fits_120_columns(recipes: int, capsys: pytest.CaptureFixture[str]) -> None:
    figure_tables.print_comparison(make_many(recipes))
    *lines, remark = capsys.readouterr().out.splitlines()
    assert remark.startswith("Fewer than 5 photos to evaluate on:")
    assert len(lines) == recipes + 1  # no cell breaks
    assert max(map(len, lines)) <= 120
    assert ("95 % interval" in lines[0]) == (recipes > 1)


def test_terminal_table_in_chinese_and_with_markup_in_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MINERAL_RECOG_LANG", "zh")
    figure_tables.print_comparison(make_pair(first="[red]a[/red]"))
    shown = capsys.readouterr().out
    assert "平均，全部" in shown
    assert "[red]a[/red]" in shown
    assert " 至 " in shown


def test_initial_language_is_that_of_the_writer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MINERAL_RECOG_LANG", "zh")
    text = write_page(tmp_path, make_pair())
    assert '<html lang="zh" data-lang="zh">' in text
    assert "<title>2 个配方的比较 · mineral-recog</title>" in text


def test_many_classes_have_no_names_on_the_heat_map(tmp_path: Path) -> None:
    for classes, named in ((3, True), (150, False)):
        page = write_page(tmp_path, make_many(2, classes))
        assert ("its training photos are in brackets" in page) == named
        assert ("Classes, most training photos first" in page) != named
