"""The field book of the page in a browser: entries, exports, import, and corrections."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from mineral_recog.cli.main import main
from tests.conftest import write_photos
from tests.programs import NEEDS_CHROMIUM
from tests.serve.browsing import HEADLINE, choose

pytestmark = NEEDS_CHROMIUM
ENTRIES = "#book-list li"
GPS = 0x8825


@pytest.fixture
def tagged(tmp_path: Path) -> Path:
    """A photo of 60 x 40 pixels with a place, turned by EXIF; small enough to be sent as it is."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(GPS)[1] = "N"
    exif[0x010F] = "SECRETCAM"
    write_photos(tmp_path / "made", 1, 1)
    photo = Image.open(tmp_path / "made" / "0.png").resize((60, 40))
    photo.save(tmp_path / "tagged.jpg", exif=exif)
    return tmp_path / "tagged.jpg"


def save_specimen(page: Page, *photos: Path, notes: str = "", right: str = "") -> None:
    """Take up a specimen and put it into the field book."""
    choose(page, *photos)
    expect(page.locator("body:not(.working, .stale) #status")).to_contain_text(HEADLINE)
    page.get_by_role("button", name="Save in the field book").click()
    if notes:
        page.get_by_label("Notes").fill(notes)
    if right:
        page.get_by_label("This was wrong, it is …").fill(right)
        page.get_by_role("button", name="Record").click()
        expect(page.locator("#corrected")).to_contain_text("Recorded as")
    expect(page.locator("#in-book")).to_contain_text("In the field book since")
    page.wait_for_timeout(400)


def open_book(page: Page) -> None:
    page.get_by_role("button", name="Field book").click()
    expect(page.get_by_role("dialog", name="Field book")).to_be_visible()


def export(page: Page, name: str) -> bytes:
    with page.expect_download() as download:
        page.get_by_role("button", name=name).click()
    return Path(download.value.path()).read_bytes()


def import_file(page: Page, content: bytes) -> None:
    page.get_by_label("Import JSON").set_input_files(
        {"name": "book.json", "mimeType": "application/json", "buffer": content}
    )


def test_entries_outlive_reload_and_new_specimens_and_come_back_after_deletion(
    page: Page, photo: Path
) -> None:
    save_specimen(page, photo, notes="north face")
    page.locator("#field-streak").select_option("white")
    expect(page.locator("#understood")).to_contain_text("streak white")
    page.reload()
    expect(page.get_by_label("Notes")).to_have_value("north face")
    page.get_by_role("button", name="New specimen").click()
    expect(page.locator("#entry")).to_be_hidden()
    choose(page, photo.with_name("1.png"))  # not saved: opening an entry saves it too
    expect(page.get_by_role("status")).to_contain_text(HEADLINE)
    open_book(page)
    expect(page.locator(ENTRIES)).to_have_count(1)
    page.locator("[data-open]").click()
    expect(page.get_by_label("Notes")).to_have_value("north face")
    expect(page.locator("#field-streak")).to_have_value("white")
    expect(page.locator("#entry-alert")).to_contain_text("is now in the field book too")

    open_book(page)
    expect(page.locator(ENTRIES)).to_have_count(2)
    page.get_by_label("Search").fill("NORTH streak")
    expect(page.locator(ENTRIES)).to_have_count(1)
    page.get_by_role("button", name=re.compile("^Delete ")).click()
    expect(page.get_by_text("No entry has these words.")).to_be_visible()
    expect(page.locator("#thumbnails li")).to_have_count(0)  # it was on the page
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(ENTRIES)).to_have_count(1)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="中文").click()
    page.get_by_role("button", name="野外记录本").click()
    expect(page.locator(ENTRIES)).to_have_count(2)
    expect(page.get_by_role("button", name="删除").first).to_be_visible()


def test_exports_have_no_exif_and_no_formula_and_json_is_merged(
    page: Page, browser: Browser, address: str, tagged: Path, photo: Path
) -> None:
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation({"latitude": -33.5, "longitude": 18.25, "accuracy": 12})
    save_specimen(page, tagged, notes='=1+1, "so"\n<b>')
    expect(page.locator("#place")).to_be_empty()  # only on a click
    page.get_by_role("button", name="Add the place").click()
    expect(page.locator("#place")).to_have_text("-33.50000, 18.25000 (± 12 m)")
    page.get_by_role("button", name="New specimen").click()
    save_specimen(page, photo)
    open_book(page)

    rows = list(csv.DictReader(io.StringIO(export(page, "CSV").decode("utf-8-sig"))))
    placed = rows[1]
    assert [row["latitude"] for row in rows] == ["", "-33.5"]
    assert placed["notes"] == '\'=1+1, "so"\n<b>'
    geo = json.loads(export(page, "GeoJSON, with places"))
    assert [feature["geometry"]["coordinates"] for feature in geo["features"]] == [[18.25, -33.5]]
    printed = export(page, "Page to print").decode()
    assert "野外记录本" in printed
    assert "&#60;b&#62;" in printed
    content = export(page, "JSON, to import again")
    turned = photo_of(json.loads(content)["entries"][1])
    assert turned.size == (40, 60)
    assert len(turned.getexif()) == 0
    page.get_by_label(re.compile("^Keep what the camera")).check()
    kept = photo_of(json.loads(export(page, "JSON, to import again"))["entries"][1])
    assert kept.getexif()[0x010F] == "SECRETCAM"

    status = page.locator("#book-status")
    import_file(page, content)
    expect(status).to_have_text("0 added, 2 here already.")
    changed = json.loads(content)
    changed["entries"][1]["book"]["notes"] = "another"
    for expected in ("0 added, 1 here already. One differs", "0 added, 2 here already."):
        import_file(page, json.dumps(changed).encode())
        expect(status).to_contain_text(expected)
    expect(page.locator(ENTRIES)).to_have_count(3)

    other = browser.new_context(locale="en-GB").new_page()
    other.goto(address)
    open_book(other)
    import_file(other, content)
    expect(other.locator("#book-status")).to_have_text("2 added, 0 here already.")
    other.locator("[data-open]").last.click()
    expect(other.get_by_label("Notes")).to_have_value('=1+1, "so"\n<b>')
    expect(other.get_by_role("status")).to_contain_text(HEADLINE)
    other.get_by_role("button", name="Remove the place").click()
    expect(other.locator("#place")).to_be_empty()
    other.context.close()


def photo_of(entry: dict[str, Any]) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(entry["photos"][0]["data"].partition(",")[2])))


def test_corrections_are_photos_that_prepare_adds(
    page: Page, prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_photos(tmp_path / "new", 1, 5, size=48)
    photos = [tmp_path / "new" / f"{number}.png" for number in range(2)]
    save_specimen(page, *photos, right=" COPPER ")
    expect(page.locator("#corrected")).to_have_text("Recorded as Copper.")
    page.get_by_label("This was wrong, it is …").fill("a/b")
    page.get_by_role("button", name="Record").click()
    expect(page.locator("#entry-alert")).to_contain_text('"a/b" cannot name a class')
    page.get_by_role("button", name="New specimen").click()
    save_specimen(page, tmp_path / "new" / "2.png")  # without a correction
    open_book(page)
    with zipfile.ZipFile(io.BytesIO(export(page, "Corrections, to train"))) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "corrections")
    file, data = tmp_path / "corrections" / "corrections.csv", tmp_path / "data"
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"))))
    assert [row["label"] for row in rows] == ["copper"] * 2
    assert len({row["specimen"] for row in rows}) == 1
    assert main(["prepare", str(prepared), str(data), "--add", str(file)]) == 0
    assert f"Added from {file}: 2 photos" in capsys.readouterr().out
    assert len(list((data / "train" / "copper").rglob("*.jpg"))) == 2


def test_files_that_are_no_field_book_add_nothing(page: Page) -> None:
    entry: dict[str, Any] = {
        "id": "a", "time": 1, "fields": [], "answer": None, "photos": [],
        "book": {"saved": 1, "notes": "", "place": None, "correction": None},
    }  # fmt: skip
    book = {"format": "mineral-recog field book", "version": 1, "entries": [entry]}
    open_book(page)
    for content in (
        "no JSON",
        '{"type": "FeatureCollection", "entries": []}',
        json.dumps(book | {"entries": [entry | {"photos": [{"data": "https:0"}]}]}),
        json.dumps(book | {"entries": [entry, entry | {"id": "b", "book": None}]}),
    ):
        import_file(page, content.encode())
        expect(page.locator("#book-status")).to_contain_text("This file is no field book")
        page.evaluate("() => { document.getElementById('book-status').textContent = '' }")
    import_file(page, json.dumps(book | {"version": 2}).encode())
    expect(page.locator("#book-status")).to_contain_text("another version of the page")
    expect(page.locator(ENTRIES)).to_have_count(0)
    import_file(page, json.dumps(book | {"entries": [entry | {"answer": "odd"}]}).encode())
    expect(page.locator(ENTRIES)).to_contain_text("no answer yet")
    first = {"names": {"en": "=1", "zh": "=1"}, "probability": 0.5}
    answer = {
        "none_of_these": {"is": False}, "candidates": [first], "evidence_text": {"en": ["=1"]}
    }  # fmt: skip
    odd = entry | {"id": "=c", "answer": answer}
    import_file(page, json.dumps(book | {"entries": [odd]}).encode())
    expect(page.locator(ENTRIES)).to_have_count(2)
    assert not re.search("(^|,)=", export(page, "CSV").decode(), re.MULTILINE)


def test_full_storage_is_said_and_saved_when_there_is_room(page: Page, photo: Path) -> None:
    page.evaluate(
        """() => {
            window.put = IDBObjectStore.prototype.put;
            IDBObjectStore.prototype.put = () => {
                throw new DOMException("", "QuotaExceededError");
            };
        }"""
    )
    choose(page, photo)
    expect(page.get_by_role("status")).to_contain_text(HEADLINE)
    page.get_by_role("button", name="Save in the field book").click()
    alert = page.locator("#entry-alert")
    expect(alert).to_contain_text("Not saved: this browser's storage is full")
    expect(page.locator("#thumbnails li")).to_have_count(1)
    page.evaluate("() => { IDBObjectStore.prototype.put = window.put }")
    page.get_by_label("Notes").fill("kept")
    expect(alert).to_be_hidden()
    open_book(page)
    expect(page.locator(ENTRIES)).to_contain_text("kept")


def test_two_tabs_with_one_entry_overwrite_nothing(page: Page, photo: Path, address: str) -> None:
    save_specimen(page, photo, notes="first")
    other = page.context.new_page()
    other.goto(address)
    open_book(other)
    other.locator("[data-open]").click()
    expect(other.get_by_label("Notes")).to_have_value("first")
    other.get_by_label("Notes").fill("second tab")
    other.wait_for_timeout(500)
    page.get_by_label("Notes").fill("first tab")
    page.wait_for_timeout(500)
    open_book(page)
    for notes in ("first tab", "second tab"):
        expect(page.locator(ENTRIES).filter(has_text=notes)).to_have_count(1)


def test_place_that_is_forbidden_is_said(page: Page, photo: Path) -> None:
    save_specimen(page, photo)
    page.evaluate(
        """() => {
            Geolocation.prototype.getCurrentPosition = (found, failed) => failed({code: 1});
        }"""
    )
    page.get_by_role("button", name="Add the place").click()
    expect(page.locator("#entry-alert")).to_contain_text("The browser may not tell the place")
    expect(page.get_by_role("button", name="Add the place")).to_be_enabled()
