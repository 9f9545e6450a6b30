"""Plots are deterministic and draw any number of classes, any name and missing parts."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib import font_manager
from matplotlib.figure import Figure
from PIL import Image

from mineral_recog.data.class_groups import GROUPS
from mineral_recog.evaluation import metrics, plots
from mineral_recog.evaluation.accuracy_plot import per_class_accuracy
from mineral_recog.evaluation.results import Evaluation, Predictions
from mineral_recog.rendering import plot_style
from mineral_recog.rendering.plot_elements import MAX_NAMED_CLASSES
from tests.conftest import make_dataset

HOSTILE = ("<b>", "$x_1$", "_under", "a&amp;b", "钠长石", "\udc80\x01\n", "x" * 80, "\\u94a0")


def make_evaluation(classes: tuple[str, ...], photos: int = 6, seed: int = 0) -> Evaluation:
    rng = np.random.default_rng(seed)
    size = len(classes)
    labels = np.repeat(np.arange(size), photos)
    logits = rng.normal(size=(len(labels), size)).astype(np.float32)
    logits[np.arange(len(labels)), labels] += 1.5
    features = (np.eye(size)[labels] + 0.1 * rng.normal(size=(len(labels), size))).astype(
        np.float32
    )
    groups = tuple(GROUPS[3 * c // size] for c in range(size))
    history = [
        {"stage": stage, "epoch": epoch, "loss": 1 / epoch, "val_mean_accuracy": 0.5}
        for epoch, stage in enumerate(("fea", "fea", "$cfl$"), start=1)
    ]
    gone = make_dataset(Path("gone"), [""] * len(labels))
    return Evaluation(
        name="run", split="test", classes=classes, groups=groups,
        train_counts=tuple(1000 // (c + 1) for c in range(size)),
        predictions=Predictions(labels, logits, features, gone),
        figures=metrics.compute_metrics(labels, logits, groups), intervals={},
        class_accuracy=metrics.mean_by_cell(labels, logits.argmax(axis=1) == labels, size),
        test_counts=np.full(size, photos), history=history, recipe="", provenance={},
    )  # fmt: skip


def class_counts(evaluation: Evaluation) -> Figure:
    return plots.class_counts(evaluation.classes, evaluation.train_counts, evaluation.groups)


def every_plot(evaluation: Evaluation) -> dict[str, Figure]:
    return {
        "confusion_matrix": plots.confusion_matrix(evaluation),
        "feature_distribution": plots.feature_distribution(evaluation),
        "per_class_accuracy": per_class_accuracy(evaluation, evaluation),
        "training_curves": plots.training_curves(evaluation.history),
        "class_counts": class_counts(evaluation),
    }


def test_plots_without_groups_name_none() -> None:
    evaluation = make_evaluation(("Agate", "Beryl", "Copper"))
    equal = replace(evaluation, groups=("",) * 3, train_counts=(30,) * 3)
    for figure in every_plot(equal).values():
        assert not {"head", "medium", "tail"} & {text.partition(" ")[0] for text in texts(figure)}
    assert {"Agate", "Beryl", "Copper"} <= set(texts(plots.feature_distribution(equal)))


def texts(figure: Figure) -> list[str]:
    root = ElementTree.fromstring(plot_style.as_svg(figure))
    return [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("size", [2, 40, 150])
def test_plots_draw_any_number_of_classes(size: int, tmp_path: Path) -> None:
    for name, figure in every_plot(
        make_evaluation(tuple(f"m{c}" for c in range(size)), photos=3 if size < 99 else 1)
    ).items():
        plot_style.save(figure, tmp_path / f"{name}.png")
        with Image.open(tmp_path / f"{name}.png") as image:
            assert min(image.size) > 300
            assert len(image.convert("RGB").getcolors(1 << 24) or ()) > 10  # something is drawn


def test_more_classes_than_can_be_read_have_no_names() -> None:
    names = {f"m{c}" for c in range(MAX_NAMED_CLASSES + 1)}
    evaluation = make_evaluation(tuple(sorted(names)), photos=1)
    for name, figure in every_plot(evaluation).items():
        assert not names & set(texts(figure)), name
    drawn = texts(per_class_accuracy(evaluation, replace(evaluation, name="other")))
    assert {"mean of neighbours", "other", "tail classes"} <= set(drawn)
    assert {"head classes", "tail classes"} <= set(texts(plots.feature_distribution(evaluation)))


def test_names_are_drawn_literally() -> None:
    evaluation = make_evaluation(HOSTILE)
    for name in ("confusion_matrix", "class_counts"):
        drawn = texts(every_plot(evaluation)[name])
        for text in ("<b>", "$x_1$", "_under", "a&amp;b", "钠长石", r"\udc80\x01\n", r"\u94a0"):
            assert text in drawn
        assert "x" * 29 + "…" in drawn
    assert "$cfl$" in texts(plots.training_curves(evaluation.history))


def test_legend_shows_names_with_an_underscore() -> None:
    evaluation = make_evaluation(("a", "b", "_c"))
    assert "_c" in texts(plots.feature_distribution(evaluation))
    assert "_old" in texts(per_class_accuracy(evaluation, replace(evaluation, name="_old")))


def test_names_without_a_font_are_escaped_in_png_and_literal_in_svg(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(plot_style, "_fonts", lambda: ("DejaVu Sans",))
    plot_style._glyphs.cache_clear()
    try:
        assert plot_style.drawable("钠长石") == r"\u94a0\u957f\u77f3"
        figure = class_counts(make_evaluation(("钠长石", "石英")))
        plot_style.save(figure, tmp_path / "plot.png")  # would warn of missing glyphs
        assert "钠长石" in texts(figure)
    finally:
        plot_style._glyphs.cache_clear()


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> Iterator[font_manager.FontManager]:
    """Make matplotlib's list of fonts older than its CJK fonts."""
    fonts = font_manager.fontManager
    monkeypatch.setattr(
        fonts, "ttflist", [font for font in fonts.ttflist if font.name not in plot_style._CJK]
    )
    plot_style._fonts.cache_clear()
    plot_style._glyphs.cache_clear()
    yield fonts
    plot_style._fonts.cache_clear()
    plot_style._glyphs.cache_clear()


def test_fonts_installed_after_the_list_was_made_are_found(
    forgetful: font_manager.FontManager, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    font = forgetful.ttflist[0]
    shutil.copy(font.fname, tmp_path / "new.ttf")
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    monkeypatch.setattr(plot_style, "_CJK", (font.name,))
    forgetful.ttflist[:] = [known for known in forgetful.ttflist if known.name != font.name]
    files = [str(tmp_path / "broken.ttf"), str(tmp_path / "new.ttf")]
    calls: list[int] = []

    def find() -> list[str]:
        calls.append(1)
        return files

    monkeypatch.setattr(font_manager, "findSystemFonts", find)
    assert plot_style._fonts()[-1] == font.name
    plot_style._fonts()
    assert len(calls) == 1


def test_notice_says_what_to_install(
    forgetful: font_manager.FontManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(font_manager, "findSystemFonts", list)
    notice = plot_style.font_notice(["Quartz", "钠长石"])
    assert notice is not None
    assert "draw 钠, so that PNG plots show codes such as \\u94a0: install" in notice
    assert "fonts-noto-cjk" in notice
    # Other characters, for which that package is no help.
    assert plot_style.font_notice(["Quartz", "\x01", "\udc80", "\U0001faa8"]) is None


def test_svg_is_deterministic() -> None:
    first, second = (every_plot(make_evaluation(("a", "b", "c"))) for _ in range(2))
    for name in first:
        assert plot_style.as_svg(first[name]) == plot_style.as_svg(second[name])


def test_matplotlib_settings_do_not_change(tmp_path: Path) -> None:
    matplotlib.get_backend()  # set on the first call
    before = matplotlib.rcParams.copy()
    plot_style.save(class_counts(make_evaluation(("a", "b"))), tmp_path / "plot.png")
    assert matplotlib.rcParams == before
    assert [path.name for path in tmp_path.iterdir()] == ["plot.png"]


def test_confusion_matrix_is_ordered_and_normalised_by_row() -> None:
    evaluation = replace(
        make_evaluation(("rare", "common")), train_counts=(5, 50), groups=("tail", "head"),
        predictions=Predictions(
            np.array([0, 0, 0, 0, 1]), np.eye(2, dtype=np.float32)[[0, 0, 0, 1, 1]],
            np.zeros((5, 2), np.float32), make_dataset(Path("gone"), [""] * 5),
        ),
    )  # fmt: skip
    axes = plots.confusion_matrix(evaluation).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["common", "rare"]
    shares = np.array(axes.images[0].get_array(), dtype=float)
    np.testing.assert_allclose(shares, np.array([[1, 0], [0.25, 0.75]]))


def test_class_without_photos_does_not_hide_names() -> None:
    evaluation = make_evaluation(("a", "b", "c"))
    accuracy = evaluation.class_accuracy.copy()
    accuracy[1] = np.nan
    evaluation = replace(evaluation, class_accuracy=accuracy, test_counts=np.array([6, 0, 6]))
    drawn = texts(per_class_accuracy(evaluation, evaluation))
    assert {"a", "c"} <= set(drawn)
    assert "b" not in drawn


def test_class_without_photos_is_hatched_in_the_confusion_matrix() -> None:
    evaluation = make_evaluation(("a", "b", "c"))
    assert evaluation.predictions is not None
    with_photos = evaluation.predictions.labels != 1
    predictions = Predictions(
        evaluation.predictions.labels[with_photos],
        evaluation.predictions.logits[with_photos],
        evaluation.predictions.features[with_photos],
        make_dataset(Path("gone"), [""] * 12),
    )
    for item, rows in ((evaluation, []), (replace(evaluation, predictions=predictions), [0.5])):
        axes = plots.confusion_matrix(item).axes[0]
        hatched = [patch.get_extents() for patch in axes.patches if patch.get_hatch()]
        tops = [axes.transData.inverted().transform_bbox(box).ymin for box in hatched]
        assert tops == pytest.approx(rows)


def test_group_without_photos_is_not_in_the_legend() -> None:
    shown = texts(plots.feature_distribution(make_evaluation(("a", "b", "c"))))
    assert {"head classes", "medium classes"} <= set(shown)
    assert "a" not in shown
    without = replace(make_evaluation(("a", "b", "c")), groups=("tail", "tail", "medium"))
    shown = texts(plots.feature_distribution(without))
    assert "head classes" not in shown
    assert {"a", "b", "medium classes"} <= set(shown)


def test_counts_are_written_only_if_they_are_readable() -> None:
    for classes, written in ((60, True), (61, False)):
        figure = class_counts(make_evaluation(tuple(f"m{c}" for c in range(classes)), photos=1))
        assert ("1,000" in [note.get_text() for note in figure.axes[0].texts]) == written


def test_labels_of_points_do_not_overlap() -> None:
    figure = per_class_accuracy(make_evaluation(tuple(f"mineral {c}" for c in range(36))))
    plot_style.as_svg(figure)
    boxes = [note.get_window_extent() for note in figure.axes[0].texts if note.get_text()]
    assert len(boxes) > 12
    pairs = [(a, b) for i, a in enumerate(boxes) for b in boxes[i + 1 :]]
    assert not any(a.shrunk(0.9, 0.9).overlaps(b.shrunk(0.9, 0.9)) for a, b in pairs)


def test_choice_of_photos_includes_all_rare_ones() -> None:
    labels = np.array([0] * 9000 + [1] * 20)
    chosen = plots._choose_photos(labels, np.array(["head", "tail"]))
    assert len(chosen) == len(set(chosen)) == 2000
    assert (labels[chosen] == 1).sum() == 20


@pytest.mark.parametrize("photos", [1, 12])
def test_identical_features_can_be_drawn(photos: int) -> None:
    assert np.isfinite(plots._embed(np.ones((photos, 3), np.float32))).all()


def test_missing_data_is_reported() -> None:
    evaluation = replace(make_evaluation(("a", "b")), predictions=None)
    with pytest.raises(ValueError, match="no predictions"):
        plots.confusion_matrix(evaluation)
    with pytest.raises(ValueError, match="no epochs"):
        plots.training_curves([])
