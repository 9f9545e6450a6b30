"""What was found, and the files of it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from mineral_recog.curation.findings import Finding, find_all, write_csv, write_json
from mineral_recog.data.readers.source import Remark
from mineral_recog.duplicates.finder import DuplicatePair
from mineral_recog.duplicates.records import Record
from mineral_recog.duplicates.survey import Survey


def record(path: str, *remarks: Remark) -> Record:
    return Record(path, 10, "", 9, 9, remarks, None)


def looked() -> Survey:
    whole = [
        record("a/1.png"),
        record("a/2.png", Remark("blurred", "3.0")),
        record("b/3.png"),
        record("b/4.png"),
        record("b/5.png"),
        record("=cmd()/6.png", Remark("small", "9 × 9")),
    ]
    copies = [
        DuplicatePair(0, 1, "exact", 1.0),
        DuplicatePair(2, 3, "near", 0.97),
        DuplicatePair(3, 4, "mirrored", 0.91),
    ]
    return Survey(whole, [record("b/Z\udce9ro.png", Remark("unreadable", "I/O"))], copies)


def test_groups_and_remarks_in_order() -> None:
    found = find_all(looked(), [(("a", "A"), {"en": "case", "zh": "大小写"})])
    assert [(one.kind, one.paths) for one in found] == [
        ("exact", ("a/1.png", "a/2.png")),
        ("near", ("b/3.png", "b/4.png", "b/5.png")),
        ("unreadable", ("b/Z\\udce9ro.png",)),
        ("small", ("=cmd()/6.png",)),
        ("blurred", ("a/2.png",)),
        ("class_names", ("a", "A")),
    ]
    assert found[0].detail["en"] == "the same bytes"
    assert found[1].detail["en"] == "nearly the same (0.97) · mirrored (0.91)"


def test_a_group_that_spans_classes_is_one_finding() -> None:
    seen = looked()
    across = Survey(seen.whole, [], [*seen.copies, DuplicatePair(1, 2, "near", 0.9)])
    first = find_all(across)[0]
    assert first.kind == "two_classes"
    assert first.paths == ("a/1.png", "a/2.png", "b/3.png", "b/4.png", "b/5.png")


def test_the_files(tmp_path: Path) -> None:
    doubted = Finding("doubted", ("b/4.png",), {"en": "model says", "zh": "模型判为"}, "=a()")
    odd = [("up", Remark("link", "..")), ("x.png", Remark("no_class", ""))]
    found = find_all(looked(), (), odd, [doubted])
    write_json(tmp_path / "findings.json", found, 7)
    written = json.loads((tmp_path / "findings.json").read_text("utf-8"))
    assert written["photos"] == 7
    assert len(written["findings"]) == len(found) == 8
    write_csv(tmp_path / "findings.csv", found)
    with (tmp_path / "findings.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 11
    by_photo = {row["photo"]: row for row in rows}
    assert by_photo["'=cmd()/6.png"]["class"] == "'=cmd()"  # a spreadsheet works nothing out
    assert by_photo["b/Z\\udce9ro.png"]["what"] == "Cannot be read"
    assert by_photo["x.png"]["class"] == ""
    assert [row["suggested"] for row in rows if row["suggested"]] == ["'=a()"]
