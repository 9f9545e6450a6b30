"""Lists of specimens and attributes are read as they were written, whatever the names are."""

from __future__ import annotations

from pathlib import Path

from mineral_recog.data.photo_columns import (
    read_attributes,
    read_photo_column,
    write_photo_column,
)
from tests.conftest import make_dataset

NAMES = ("all/a.png", 'all/=1, "2".png', "all/line\nbreak.png", "all/\udc80.png", "all/none.png")


def test_attributes_are_read_as_they_were_written(tmp_path: Path) -> None:
    cells = ((f"test/{name}", f"kind {n}") for n, name in enumerate(NAMES[:4]))
    write_photo_column(tmp_path / "attributes.csv", "attribute", cells)
    dataset = make_dataset(tmp_path / "test", NAMES)
    assert read_attributes(dataset) == ("kind 0", "kind 1", "kind 2", "kind 3", "")
    assert read_attributes(make_dataset(tmp_path / "val", NAMES)) == ("",) * 5
    assert read_attributes(make_dataset(tmp_path / "elsewhere" / "test", NAMES)) is None


def test_columns_may_be_in_any_order_and_cells_have_spaces(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("kind,note,photo\n a b ,x,test/1.png\n , ,test/2.png\n")
    assert read_photo_column(tmp_path / "a.csv", "kind") == {"test/1.png": "a b", "test/2.png": ""}
