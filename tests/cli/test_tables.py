"""Tables of many classes show both ends."""

import pytest
from rich.text import Text

from mineral_recog.cli.tables import MAX_CLASS_ROWS, add_class_rows, new_table


@pytest.mark.parametrize("classes", [3, MAX_CLASS_ROWS, 1000])
def test_rows_of_many_classes_are_the_first_and_the_last(classes: int) -> None:
    table = new_table("class", "photos", numbers_from=1)
    add_class_rows(table, [[Text(f"c{c}"), Text("1")] for c in range(classes)])
    names = list(map(str, table.columns[0].cells))
    if classes <= MAX_CLASS_ROWS:
        assert names == [f"c{c}" for c in range(classes)]
    else:
        assert names[9:12] == ["c9", "... 980 more classes", "c990"]
        assert len(names) == 21
