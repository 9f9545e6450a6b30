"""The report is one file in both languages; hostile names are text, lost photos empty frames."""

import base64
import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mineral_recog.evaluation import metric_descriptions, plots, report
from mineral_recog.evaluation.results import Evaluation, Predictions
from tests.conftest import make_dataset
from tests.tags import Tags

CLASSES = ("Quartz", "Pyrite", "<img src=x onerror=alert(1)>")


@pytest.fixture(autouse=True)
def _fast_map(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace t-SNE, which is slow and tested with the plots."""
    monkeypatch.setattr(plots, "_embed", lambda features: features[:, :2].astype(float))


def make_evaluation(photo: Path) -> Evaluation:
    """Return three photos of Quartz, one predicted as Pyrite at 88 %, and four correct others."""
    logits = np.eye(3, dtype=np.float32)[[0, 0, 1, 1, 1, 2, 2]] * 2.7
    photos = make_dataset(photo.parent, [photo.name] * 7)
    predictions = Predictions(np.array([0, 0, 0, 1, 1, 2, 2]), logits, logits, photos)
    figures = {"mean_accuracy": 0.8127, "mean_accuracy_head": 0.91, "mean_accuracy_tail": 0.8006,
               "cw_asd": 0.107, "cw_arange": 0.378, "lowest_accuracy": 2 / 3}  # fmt: skip
    return Evaluation(
        name="</title><i>run", split="test", classes=CLASSES, train_counts=(300, 100, 20),
        groups=("head", "medium", "tail"), predictions=predictions, figures=figures,
        intervals={"mean_accuracy": (0.8, 0.8254)}, class_accuracy=np.array([2 / 3, 1, 1]),
        test_counts=np.array([3, 2, 2]),
        history=[{"stage": "fea", "epoch": 1, "loss": 1.0, "val_mean_accuracy": 0.5}],
        recipe="note: </pre><b>", provenance={"<s>": "{{ 7 * 7 }}"},
    )  # fmt: skip


def make_baseline(evaluation: Evaluation) -> Evaluation:
    figures = {"mean_accuracy": 0.7727, "mean_accuracy_tail": 0.6747, "cw_asd": 0.150,
               "cw_arange": 0.378}  # fmt: skip
    return replace(
        evaluation, name="base", figures=figures, intervals={}, predictions=None, history=[],
        class_accuracy=np.array([0.7, 1.0, 0.5]),
    )  # fmt: skip


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Make a landscape photo that EXIF turns upright: red above, blue below."""
    image = Image.new("RGB", (800, 400), "red")
    image.paste("blue", (400, 0, 800, 400))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.jpg", exif=exif)
    return tmp_path / "a.jpg"


def written(tmp_path: Path, evaluation: Evaluation, against: Evaluation | None = None) -> str:
    report.write_report(tmp_path / "report.html", evaluation, against)
    assert not list(tmp_path.glob("*.partial"))
    return (tmp_path / "report.html").read_text("utf-8")


def test_names_are_escaped_and_nothing_is_loaded(tmp_path: Path, photo: Path) -> None:
    page = written(tmp_path, make_evaluation(photo.with_name("<script>.jpg")))
    parsed = Tags(page)
    assert not parsed.open
    tags = [tag for tag, _ in parsed.tags]
    assert tags.count("script") == 1
    assert not {"b", "s"} & set(tags)
    assert all(set(attributes) <= {"style"} for tag, attributes in parsed.tags if tag == "i")
    assert "{{ 7 * 7 }}" in page
    for _, attributes in parsed.tags:
        assert "onerror" not in attributes
        for name in ("src", "href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))


def test_every_text_is_in_both_languages(tmp_path: Path, photo: Path) -> None:
    page = written(tmp_path, make_evaluation(photo))
    tags = Tags(page).tags
    classes = [attributes.get("class") for _, attributes in tags]
    assert classes.count("en") == classes.count("zh") > 50
    assert re.search(r'<tspan class="zh" lang="zh">训练损失</tspan>', page)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_initial_language_is_that_of_the_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setenv("MINERAL_RECOG_LANG", language)
    evaluation = replace(make_evaluation(Path("gone")), predictions=None)
    assert f'<html lang="{language}" data-lang="{language}">' in written(tmp_path, evaluation)


def test_summary_and_cards_show_the_metrics(tmp_path: Path) -> None:
    page = written(tmp_path, replace(make_evaluation(Path("gone")), predictions=None))
    assert (
        "about 91 of 100 photos of a common mineral correctly, and about 80 of 100 photos of a rare"
        in page
    )
    assert "No mineral has enough photos to say which one is the hardest" in page
    assert "Fewer than 5 photos to evaluate on: Quartz, Pyrite, &lt;img" in page
    assert "7 test photos · 3 classes · imbalance factor 15.0" in page
    assert "81.27%" in page
    assert "80.00% – 82.54%" in page


def test_paper_rows_by_hand() -> None:
    evaluation = make_evaluation(Path("gone"))
    rows = metric_descriptions.paper_rows(evaluation, make_baseline(evaluation))
    cells = [(row["before"], row["after"], row["change"], row["verdict"]) for row in rows]
    assert cells == [
        ("77.27%", "81.27%", "+4.00", "better"),
        ("67.47%", "80.06%", "+12.59", "better"),
        ("0.150", "0.107", "−0.043", "better"),
        ("0.378", "0.378", "+0.000", "same"),
    ]
    reversed_rows = metric_descriptions.paper_rows(make_baseline(evaluation), evaluation)
    assert [row["verdict"] for row in reversed_rows] == ["worse", "worse", "worse", "same"]


def test_hardest_mineral_is_one_with_enough_photos(tmp_path: Path) -> None:
    evaluation = replace(
        make_evaluation(Path("gone")), predictions=None,
        test_counts=np.array([9, 5, 4]), class_accuracy=np.array([2 / 3, 1, 0]),
    )  # fmt: skip
    page = written(tmp_path, evaluation)
    assert "hardest mineral is Quartz (6 of 9 photos are correct)" in page
    assert "Fewer than 5 photos to evaluate on: &lt;img" in page
    page = written(tmp_path, replace(evaluation, test_counts=np.array([9, 5, 5])))
    assert "Fewer than 5 photos" not in page


def test_report_without_groups_names_none(tmp_path: Path) -> None:
    evaluation = make_evaluation(Path("gone"))
    figures = {
        key: value for key, value in evaluation.figures.items() if key[-4:] not in "headtail"
    }
    page = written(
        tmp_path,
        replace(evaluation, groups=("",) * 3, train_counts=(20,) * 3, figures=figures),
    )
    assert "averaged over minerals" in page
    assert "imbalance factor 1.0" in page
    for group in ("head", "medium", "tail"):
        assert f">{group}<" not in page
        assert f"{group} classes" not in page


def test_largest_changes_name_their_classes(tmp_path: Path) -> None:
    evaluation = make_evaluation(Path("gone"))
    assert report._largest_changes(evaluation, make_baseline(evaluation)) == []  # too few photos
    evaluation = replace(evaluation, test_counts=np.array([30, 4, 5]))
    changes = report._largest_changes(evaluation, make_baseline(evaluation))
    assert changes == [(CLASSES[2], "+50.0", 5), ("Quartz", "−3.3", 30)]
    assert report._largest_changes(evaluation, evaluation) == []
    page = written(tmp_path, evaluation, make_baseline(evaluation))
    assert "Quartz (−3.3 points, 30 photos)" in page
    assert 'class="cards"' not in page


def test_thumbnails_of_mistakes_are_upright(photo: Path) -> None:
    (mistake,) = report._mistakes(make_evaluation(photo))
    assert (mistake["true"], mistake["guess"], mistake["file"]) == ("Quartz", "Pyrite", "a.jpg")
    assert mistake["probability"] == "88%"  # e^2.7 / (e^2.7 + 2)
    jpeg = base64.b64decode(mistake["thumbnail"].removeprefix("data:image/jpeg;base64,"))
    with Image.open(BytesIO(jpeg)) as thumbnail:
        top, bottom = (thumbnail.convert("RGB").getpixel((160, y)) for y in (20, 220))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert top[0] > 200 > bottom[0]
    assert bottom[2] > 200 > top[2]


def test_unreadable_photos_leave_an_empty_frame(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8 no photo")
    for name in ("broken.jpg", "gone.jpg", ""):
        assert report._thumbnail(make_dataset(tmp_path, [name]), 0) is None
    assert "photo not found" in written(tmp_path, make_evaluation(broken))


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "I;16"])
def test_thumbnails_of_every_image_mode(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (50, 40)).save(tmp_path / "photo.tif")
    assert report._thumbnail(make_dataset(tmp_path, ["photo.tif"]), 0)


def test_confused_pairs_occur_at_least_twice() -> None:
    evaluation = make_evaluation(Path("gone"))
    assert report._pairs(evaluation) == []  # one photo may be chance
    logits = np.eye(3, dtype=np.float32)[[0, 1, 1, 1, 1, 2, 2]]
    predictions = replace(evaluation.predictions, logits=logits)  # type: ignore[type-var]
    (pair,) = report._pairs(replace(evaluation, predictions=predictions))
    assert pair == {"true": "Quartz", "guess": "Pyrite", "count": 2, "of": 3, "share": "67%"}


def test_report_without_mistakes_and_without_predictions(tmp_path: Path) -> None:
    evaluation = make_evaluation(Path("gone"))
    logits = np.eye(3, dtype=np.float32)[[0, 0, 0, 1, 1, 2, 2]]
    predictions = replace(evaluation.predictions, logits=logits)  # type: ignore[type-var]
    assert "every photo is recognised correctly" in written(
        tmp_path, replace(evaluation, predictions=predictions)
    )
    without_predictions = replace(
        evaluation, predictions=None, history=[],
        figures={"mean_accuracy": 0.5, "lowest_accuracy": 0.1},
        class_accuracy=np.array([0.5, np.nan, 0.5]), test_counts=np.array([3, 0, 2]),
    )  # fmt: skip
    page = written(tmp_path, without_predictions)
    assert "Wrong answers" not in page
    assert 'data-sort="">–</td>' in page


def test_names_that_are_not_utf8_can_be_written(tmp_path: Path) -> None:
    evaluation = replace(make_evaluation(Path("gone")), classes=("\udc80", "b", "c"))
    assert r"\udc80" in written(tmp_path, evaluation)


def test_old_report_survives_a_failed_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "report.html").write_text("old")

    def fail(self: Path, target: Path) -> Path:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        report.write_report(tmp_path / "report.html", make_evaluation(Path("gone")))
    assert (tmp_path / "report.html").read_text() == "old"


def test_report_of_many_classes_shows_the_worst_and_hides_the_others(tmp_path: Path) -> None:
    size = 60
    names = tuple(f"mineral {c}" for c in range(size))
    evaluation = replace(
        make_evaluation(Path("gone")), predictions=None, classes=names, groups=("",) * size,
        train_counts=tuple(range(100, 100 + size)), test_counts=np.full(size, 9),
        class_accuracy=np.arange(size) / size,
    )  # fmt: skip
    tables = written(tmp_path, evaluation).split("<table")
    worst, every = (table for table in tables if ">mineral 3</td>" in table)
    assert worst.count('data-sort="mineral') == 20
    assert ">mineral 20</td>" not in worst
    assert every.count('data-sort="mineral') == size
    assert "<details><summary>" in worst  # it follows the table
