"""Tests of the findings and of the files that hold them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from mineral_recog.curation.findings import Finding, collect_findings, write_csv, write_json
from mineral_recog.data.readers.source import Remark
from mineral_recog.duplicates.finder import DuplicatePair
from mineral_recog.duplicates.records import Record
from mineral_recog.duplicates.survey import Survey
from tests.curation.fake_source import FakeSource


def record(path: str, *remarks: Remark) -> Record:
    return Record(path, 10, "", 9, 9, remarks, None)


def survey() -> Survey:
    readable = [
        record("a/1.png"),
        record("a/2.png", Remark("blurred", "3.0")),
        record("b/3.png"),
        record("b/4.png"),
        record("b/5.png"),
        record("=cmd()/6.png", Remark("small", "9 × 9")),
    ]
    duplicates = [
        DuplicatePair(0, 1, "exact", 1.0),
        DuplicatePair(2, 3, "near", 0.97),
        DuplicatePair(3, 4, "mirrored", 0.91),
    ]
    return Survey(readable, [record("b/Z\udce9ro.png", Remark("unreadable", "I/O"))], duplicates)


def test_duplicates_and_remarks_are_ordered_by_kind() -> None:
    findings = collect_findings(FakeSource(["b", "a", "A"]), survey())
    assert [(finding.kind, finding.paths) for finding in findings] == [
        ("exact", ("a/1.png", "a/2.png")),
        ("near", ("b/3.png", "b/4.png", "b/5.png")),
        ("unreadable", ("b/Z\\udce9ro.png",)),
        ("small", ("=cmd()/6.png",)),
        ("blurred", ("a/2.png",)),
        ("class_names", ("A", "a")),
    ]
    assert findings[0].detail["en"] == "the same bytes"
    assert findings[1].detail["en"] == "nearly the same (0.97) · mirrored (0.91)"


def test_only_direct_duplicates_across_classes_are_under_two_classes() -> None:
    base = survey()
    across = Survey(base.readable, [], [*base.duplicates, DuplicatePair(0, 2, "near", 0.96)])
    findings = collect_findings(FakeSource(), across)[:2]
    assert [(finding.kind, finding.paths) for finding in findings] == [
        # a/2.png has the bytes of a/1.png.
        ("two_classes", ("a/1.png", "a/2.png", "b/3.png")),
        ("near", ("b/3.png", "b/4.png", "b/5.png")),
    ]
    assert findings[0].detail["en"] == "the same bytes · nearly the same (0.96)"


def test_less_similar_photos_of_two_classes_are_no_copies() -> None:
    base = survey()
    across = Survey(base.readable, [], [*base.duplicates, DuplicatePair(0, 2, "near", 0.92)])
    assert collect_findings(FakeSource(), across) == collect_findings(
        FakeSource(), Survey(base.readable, [], base.duplicates)
    )


def test_json_and_csv_hold_all_findings(tmp_path: Path) -> None:
    doubted = Finding("doubted", ("b/4.png",), {"en": "model says", "zh": "模型判为"}, "=a()")
    remarks = [("up", Remark("link", "..")), ("x.png", Remark("no_class", ""))]
    findings = collect_findings(FakeSource((), remarks), survey(), [doubted])
    write_json(tmp_path / "findings.json", findings, 7)
    content = json.loads((tmp_path / "findings.json").read_text("utf-8"))
    assert content["photos"] == 7
    assert len(content["findings"]) == len(findings) == 8
    write_csv(tmp_path / "findings.csv", findings)
    with (tmp_path / "findings.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 11
    by_photo = {row["photo"]: row for row in rows}
    assert by_photo["'=cmd()/6.png"]["class"] == "'=cmd()"  # a spreadsheet evaluates nothing
    assert by_photo["b/Z\\udce9ro.png"]["what"] == "Cannot be read"
    assert by_photo["x.png"]["class"] == ""
    assert [row["suggested"] for row in rows if row["suggested"]] == ["'=a()"]
