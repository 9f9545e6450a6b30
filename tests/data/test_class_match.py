"""Folders to evaluate on are matched with the classes of a model, and differences are named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mineral_recog.data.class_match import read_matched_split
from mineral_recog.errors import UserError

MODEL = ("Agate", "Beryl", "Quartz")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a split without Beryl, with an unknown class, and with Quartz under other names."""
    for path in ("Agate/1.png", "Gold/1.png", "Gold/2.png", "石英/1.png", "qtz/1.png", "qtz/2.png"):
        file = tmp_path / "data" / "test" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (tmp_path / "data" / "test" / "Beryl").mkdir()  # a folder without photos
    (tmp_path / "names.csv").write_text("alias,name\nqtz,Quartz\n", encoding="utf-8")
    return tmp_path / "data"


def test_difference_is_refused_and_the_refusal_names_the_options(data: Path) -> None:
    message = (
        "lacks Beryl, Quartz and has Gold, qtz, 石英, which training did not. "
        "To measure only the classes that both have: --classes common. "
        "If folders only have other names, name a table of them by --aliases."
    )
    with pytest.raises(UserError, match=re.escape(message)):
        read_matched_split(data, "test", MODEL, only_common=False)


def test_common_classes_are_used_and_the_others_counted(data: Path) -> None:
    photos, differences = read_matched_split(data, "test", MODEL, only_common=True)
    assert photos.classes == MODEL
    assert (photos.paths, photos.labels.tolist()) == (("Agate/1.png",), [0])
    assert differences is not None
    assert differences.missing == ("Beryl", "Quartz")
    assert differences.left_out == {"Gold": 2, "qtz": 2, "石英": 1}
    assert not differences.renamed


def test_aliases_name_the_classes_of_folders(data: Path) -> None:
    aliases = (str(data.parent / "names.csv"), "minerals")
    photos, differences = read_matched_split(data, "test", MODEL, True, aliases)
    assert photos.paths == ("Agate/1.png", "qtz/1.png", "qtz/2.png", "石英/1.png")
    assert photos.labels.tolist() == [0, 2, 2, 2]
    assert differences is not None
    assert differences.renamed == {"qtz": "Quartz", "石英": "Quartz"}
    assert differences.left_out == {"Gold": 2}
    with pytest.raises(UserError, match="lacks Beryl and has Gold, which"):
        read_matched_split(data, "test", MODEL, False, aliases)


def test_class_of_the_model_may_be_the_alias(data: Path) -> None:
    photos, _ = read_matched_split(data, "test", ("Agate", "水晶"), True, ("minerals",))
    assert photos.paths == ("Agate/1.png", "石英/1.png")


def test_folder_that_means_two_classes_is_refused(data: Path) -> None:
    table = data.parent / "names.csv"
    table.write_text("alias,name\nqtz,Quartz\nAgate,Quartz\n", encoding="utf-8")
    message = "folder qtz and the classes Agate and Quartz of the model the same name, Quartz"
    with pytest.raises(UserError, match=message):
        read_matched_split(data, "test", MODEL, True, (str(table),))


def test_split_without_a_common_class_is_refused(data: Path) -> None:
    with pytest.raises(UserError, match="lacks Zircon and has Agate, Beryl, Gold") as error:
        read_matched_split(data, "test", ("Zircon",), only_common=True)
    assert "--classes" not in str(error.value)
    assert "--aliases" in str(error.value)


def test_equal_classes_have_no_differences(data: Path) -> None:
    photos, differences = read_matched_split(data, "test", ("qtz",), only_common=True)
    assert len(photos) == 2
    assert differences is not None
    for folder in ("Beryl",):
        (data / "test" / folder).rmdir()
    classes = ("Agate", "Gold", "qtz", "石英")
    assert read_matched_split(data, "test", classes, only_common=False).differences is None


def test_refusal_does_not_name_a_thousand_classes(data: Path) -> None:
    with pytest.raises(UserError, match="c8, c9 and 990 more"):
        read_matched_split(data, "test", [f"c{c}" for c in range(1000)], only_common=False)
