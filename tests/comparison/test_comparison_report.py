"""Files of a comparison: one page in both languages, hostile names as text, numbers that agree."""

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
from mineral_recog.comparison.comparison_files import escaped, markdown
from mineral_recog.comparison.comparison_report import write_comparison
from mineral_recog.comparison.summary import Comparison, compare
from mineral_recog.rendering import plot_style
from mineral_recog.rendering.plot_elements import PALETTE
from tests.comparison.test_summary import HALF, MOST, right_first, trial
from tests.tags import Tags

SAME = right_first([1, 1, 0, 0, 1, 0, 0, 0])
HOSTILE = "</script><img src=x onerror=alert(1)>|`*{{ 7 * 7 }}\n\udc80$x_1$"


def pair(first: str = "base", second: str = "ours", memory: float = 2e9) -> Comparison:
    return compare(
        [trial(first, HALF, memory=memory), trial(second, MOST, seconds=7200, memory=memory)],
        "mineral-recog compare drawn", "test",
    )  # fmt: skip


def many(recipes: int, classes: int = 3) -> Comparison:
    """Recipes on three seeds; with more classes than three, drawn ones for the plots."""
    rng = np.random.default_rng(0)
    found = compare(
        [trial(f"recipe {r}", rng.normal(size=(8, 3)), seed=s)
         for r in range(recipes) for s in range(3)], "made", "test",
    )  # fmt: skip
    if classes == 3:
        return found
    return replace(
        found,
        classes=tuple(f"class {c}" for c in range(classes)),
        groups=("",) * classes,
        train_counts=np.geomspace(400, 3, classes),
        scores=tuple(replace(score, class_accuracy=rng.random(classes)) for score in found.scores),
    )


def page(folder: Path, comparison: Comparison) -> str:
    write_comparison(folder, comparison)
    return (folder / "comparison.html").read_text("utf-8")


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_all_files_are_there(tmp_path: Path) -> None:
    write_comparison(tmp_path, pair())
    assert {path.name for path in tmp_path.iterdir()} == {
        "comparison.html", "comparison.md", "comparison.csv", "trials.csv", "per_class.csv",
        "accuracy_by_count.png", "mean_against_tail.png",
    }  # fmt: skip
    for path in tmp_path.glob("*.png"):
        with Image.open(path) as image:
            assert len(image.convert("RGB").getcolors(1 << 24) or ()) > 10  # something is drawn


def test_csv_has_the_figures_and_changes(tmp_path: Path) -> None:
    write_comparison(tmp_path, pair())
    found = {(row["recipe"], row["figure"]): row for row in table(tmp_path / "comparison.csv")}
    ours = found["ours", "mean_accuracy"]
    assert (ours["mean"], ours["std"], ours["change"]) == ("0.75", "", "0.416667")
    assert float(ours["low"]) <= 0.416667 <= float(ours["high"])
    assert found["base", "mean_accuracy"]["change"] == found["base", "accuracy"]["mcnemar_p"] == ""
    counted = found["ours", "accuracy"]
    assert (counted["photos_lost"], counted["photos_gained"]) == ("0", "3")
    assert counted["mcnemar_p"] == "0.25"
    assert found["ours", "seconds"]["mean"] == "7200"
    (first, second) = table(tmp_path / "trials.csv")
    assert (first["recipe"], first["data"], first["seed"]) == ("base", "drawn", "0")
    assert (second["accuracy"], second["memory"]) == ("0.75", "2e+09")
    assert table(tmp_path / "per_class.csv")[1] == {
        "class": "Beryl", "n_train": "30", "group": "medium", "base": "0.5", "ours": "1",
    }  # fmt: skip


def test_markdown_tables_say_the_same() -> None:
    lines = markdown(pair()).splitlines()
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
    text = markdown(many(4))
    assert re.search(r"\| recipe 0 \|( \*{0,2}\d+\.\d ± \d+\.\d\*{0,2} \|){3}", text)
    assert "1 prepared folder, 3 seeds: 3 runs a recipe" in text
    assert "With 3 recipes tested" in text
    assert "below 0.0167 stands for itself" in text  # 0.05 / 3


def test_names_stay_within_their_cell() -> None:
    assert escaped("a|b\n# c") == "a\\|b # c"
    assert escaped("multi_stage") == "multi_stage"
    assert escaped("_x_ <b> `c` [d](e)") == "\\_x\\_ &lt;b&gt; \\`c\\` \\[d\\](e)"
    text = markdown(pair(first="a|b\nc", second=HOSTILE))
    assert len({line.count("|") - line.count("\\|") for line in text.splitlines()
                if line.startswith("|")}) == 2  # fmt: skip
    assert "<img" not in text
    command = markdown(replace(pair(), command="one\n\n<b>two"))
    assert command.startswith("    one\n    \n    <b>two\n\n")


def test_names_are_text_and_nothing_is_loaded(tmp_path: Path) -> None:
    hostile = pair(first=HOSTILE, second="<b>ours</b>")
    hostile = replace(hostile, classes=("</title><s>", "{{ 8 * 8 }}", "c"), command="</pre><i>",
                      data=("<u>",))  # fmt: skip
    text = page(tmp_path, hostile)
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


def test_both_languages_stand_side_by_side(tmp_path: Path) -> None:
    text = page(tmp_path, pair())
    classes = [attributes.get("class") for _, attributes in Tags(text).tags]
    assert classes.count("en") == classes.count("zh") > 50
    assert '<tspan class="zh" lang="zh">训练用时（小时）</tspan>' in text


def test_parts_of_recipes_can_be_brought_out(tmp_path: Path) -> None:
    text = page(tmp_path, many(3))
    ids = [attributes["id"] or "" for _, attributes in Tags(text).tags if "id" in attributes]
    own = [name for name in ids if name.startswith("recipe-")]
    assert len(own) == len(set(own))
    for number in range(3):
        assert {f"recipe-{number}-line", f"recipe-{number}-points", f"recipe-{number}-tail",
                f"recipe-{number}-time"} <= set(own)  # fmt: skip


def test_lead_names_the_best_and_whether_luck_explains_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 60)
    weak, strong = (right_first((rng.random(180) < p).astype(np.int64), labels) for p in (0.5, 0.9))
    clear = [trial("base", weak, labels=labels), trial("ours", strong, labels=labels)]
    text = page(tmp_path, compare(clear, "made", "test"))
    assert re.search(r"Of 2 recipes, ours has the best mean accuracy: \d\d\.\d%, which is "
                     r"\d\d\.\d points more than base \(95% interval \+\d", text)  # fmt: skip
    assert "The interval leaves out zero" in text
    assert "how much another training run" in text.lower()
    back = page(tmp_path, compare(clear[::-1], "made", "test"))
    assert "ours, the one that the others are set against, has the best mean accuracy" in back
    assert "Next is base" in back
    alike = page(tmp_path, compare([trial("a", HALF), trial("b", SAME)], "made", "test"))
    assert "cannot tell the two apart" in alike
    assert "The interval leaves out zero" not in alike


def test_a_single_recipe_has_no_changes(tmp_path: Path) -> None:
    alone = compare([trial("base", HALF)], "made", "test")
    text = page(tmp_path, alone)
    assert "base has a mean accuracy of 33.3%." in text
    assert "Changes against" not in text
    assert "Change against" not in markdown(alone)


def test_without_a_tail_there_is_no_plot_of_it(tmp_path: Path) -> None:
    groups = ("head", "head", "medium")
    found = compare([trial(r, x, groups=groups) for r, x in (("a", HALF), ("b", MOST))], "", "test")
    assert plots.mean_against_tail(found) is None
    assert "Mean accuracy, tail classes" not in page(tmp_path, found)
    assert not (tmp_path / "mean_against_tail.png").exists()


def test_what_is_known_of_one_recipe_alone_is_a_dash_for_the_other() -> None:
    (column,) = [one for one in rows.figure_columns(pair()) if one.key == "memory"]
    first = trial("base", HALF, memory=float("nan"))
    found = compare([first, trial("ours", MOST)], "made", "test")
    cells = rows.figure_cells(found, column)
    assert [(cell.text, cell.best) for cell in cells] == [("–", False), ("2.0 GB", True)]
    assert rows.mcnemar_cell(found.first) == ("–", "–")


def test_the_terminal_leaves_out_what_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    for groups, told in ((("head", "medium", "tail"), True), (("head", "head", "medium"), False)):
        trials = [trial(r, x, groups=groups) for r, x in (("a", HALF), ("b", MOST))]
        figure_tables.print_comparison(compare(trials, "made", "test"))
        assert ("Tail" in capsys.readouterr().out) == told


def test_with_more_recipes_than_colours_lines_are_dashed() -> None:
    recipes = len(PALETTE) + 2  # the first is in ink
    lines = plots.accuracy_by_count(many(recipes), with_legend=True).axes[0].lines
    drawn = {str(line.get_gid()): line for line in lines}
    own = [drawn[f"recipe-{number}-line"] for number in range(recipes)]
    assert [line.is_dashed() for line in own] == [False] * (recipes - 1) + [True]
    assert len({(line.get_color(), line.is_dashed()) for line in own}) == recipes


def test_memory_that_is_not_known_has_no_column(tmp_path: Path) -> None:
    keys = [column.key for column in rows.figure_columns(pair(memory=float("nan")))]
    assert "memory" not in keys
    assert "seconds" in keys
    assert "nan" not in markdown(pair(memory=float("nan")))


def test_best_is_what_no_other_beats_as_shown() -> None:
    columns = {column.key: column for column in rows.COLUMNS}

    def best(key: str) -> list[bool]:
        return [cell.best for cell in rows.figure_cells(pair(), columns[key])]

    assert best("mean_accuracy") == [False, True]
    assert best("cw_arange") == [True, True]  # 0.5 both
    assert best("seconds") == [True, False]  # less is better


@pytest.mark.parametrize(
    ("value", "key", "shown"),
    [(0.0926, "accuracy", "+9.3"), (-0.142, "cw_asd", "-0.142"), (-0.0004, "accuracy", "+0.0")],
)
def test_changes_carry_their_sign_and_zero_is_positive(value: float, key: str, shown: str) -> None:
    column = next(column for column in rows.COLUMNS if column.key == key)
    assert rows.signed(value, column) == shown


def test_times_and_sizes_have_their_natural_unit() -> None:
    shown = [rows.duration(seconds) for seconds in (7, 150, 1000, 6000)]
    assert shown == ["7 s", "2.5 min", "17 min", "1.7 h"]
    assert [rows.size(count) for count in (4.2e8, 1.25e9)] == ["420 MB", "1.2 GB"]


def test_every_one_of_many_recipes_is_named_and_names_do_not_overlap() -> None:
    found = many(18)
    for figure in (plots.mean_against_tail(found), plots.time_against_mean(found)):
        assert figure is not None
        svg = plot_style.as_svg(figure)
        drawn = {
            e.text for e in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
        }
        assert {score.recipe for score in found.scores} <= drawn
        boxes = [note.get_window_extent() for note in figure.axes[0].texts if note.get_text()]
        pairs = [(a, b) for i, a in enumerate(boxes) for b in boxes[i + 1 :]]
        assert not any(a.shrunk(0.9, 0.9).overlaps(b.shrunk(0.9, 0.9)) for a, b in pairs)


def test_recipes_look_different() -> None:
    looks = [plots.look(number) for number in range(24)]
    assert len(set(looks)) == 24


def test_trend_by_hand() -> None:
    accuracy = np.array([1.0, 0.5, 0.7, np.nan])
    places, heights = plots.trend(np.array([100.0, 10.0, 10.0, 5.0]), accuracy)
    np.testing.assert_allclose(places, [10, 100])  # two classes of ten photos are one place
    np.testing.assert_allclose(heights, [0.6, 1.0])


def test_trend_of_many_classes_keeps_a_straight_line_and_quiets_noise() -> None:
    counts = np.geomspace(3, 300, 40)
    straight = np.log(counts) / 6
    places, heights = plots.trend(counts, straight)
    np.testing.assert_allclose(heights, np.log(places) / 6)
    noise = np.random.default_rng(0).normal(size=40)
    assert plots.trend(counts, noise)[1].std() < 0.6 * noise.std()


def test_heat_map_is_ordered_by_training_photos_and_takes_gaps() -> None:
    found = pair()
    scores = tuple(
        replace(score, class_accuracy=np.array([0.25, np.nan, 0.75])) for score in found.scores
    )
    found = replace(found, train_counts=np.array([5.0, 30, 100]), scores=scores)
    axes = plots.class_heat_map(found).axes[0]
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert names == ["Copper (100)", "Beryl (30)", "Agate (5)"]
    assert [text.get_text() for text in axes.texts] == ["75", "25"] * 2


@pytest.mark.parametrize("classes", [13, 200])
def test_any_number_of_classes(classes: int, tmp_path: Path) -> None:
    assert f"class {classes - 1} (3)" in page(tmp_path, many(3, classes))


@pytest.mark.parametrize("recipes", [1, 2, 18])
def test_terminal_table_fits_a_pipe(recipes: int, capsys: pytest.CaptureFixture[str]) -> None:
    figure_tables.print_comparison(many(recipes))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == recipes + 1  # no cell breaks
    assert max(map(len, lines)) <= 120
    assert ("95 % interval" in lines[0]) == (recipes > 1)


def test_terminal_table_in_chinese_and_with_markup_in_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MINERAL_RECOG_LANG", "zh")
    figure_tables.print_comparison(pair(first="[red]a[/red]"))
    shown = capsys.readouterr().out
    assert "平均，全部" in shown
    assert "[red]a[/red]" in shown
    assert " 至 " in shown


def test_language_before_any_script_is_that_of_the_writer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MINERAL_RECOG_LANG", "zh")
    text = page(tmp_path, pair())
    assert '<html lang="zh" data-lang="zh">' in text
    assert "<title>2 个配方的比较 · mineral-recog</title>" in text
