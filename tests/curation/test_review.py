"""Tests of the review page: hostile names stay text, and choices are saved and loaded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from mineral_recog.curation.decisions import read_decisions
from mineral_recog.curation.findings import Finding, collect_findings
from mineral_recog.curation.review import write_review
from mineral_recog.data.readers.folder_reader import FolderSource
from mineral_recog.duplicates.survey import survey_photos
from tests.duplicates.scenes import scene
from tests.programs import CHROMIUM
from tests.tags import Tags

HOSTILE = "</script><img src=x onerror=alert(1)>".replace("/", "\u2215")


def write(
    folder: Path, photos: dict[str, Image.Image], label_errors: Sequence[Finding] = ()
) -> Path:
    """Write a review page of these photos."""
    root = folder / "photos"
    for name, image in photos.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        image.save(root / name, "PNG")
    source = FolderSource(root)
    survey = survey_photos(source, source.paths)
    findings = collect_findings(source, survey, label_errors)
    (root / "gone").mkdir()
    write_review(folder / "review.html", source, findings, survey.records, "prepare <SRC>")
    return folder / "review.html"


def test_names_are_escaped_and_nothing_is_loaded(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {
            "opal/Z\udce9ro.png": scene(1),
            f"opal/{HOSTILE}.png": scene(1),
            "opal/__proto__.png": scene(1, 50, 50),
        },
    )
    text = path.read_text("utf-8")
    parsed = Tags(re.sub(r"<input[^>]*>", "", text))
    assert not parsed.open
    assert [tag for tag, _ in parsed.tags].count("script") == 2
    assert "prepare &lt;SRC&gt;" in text
    assert "onerror=alert" not in re.sub(r"<script.*?</script>", "", text, flags=re.S)
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])  # type: ignore[index]
    assert {photo["path"] for photo in data["photos"]} == {
        "opal/Z\\udce9ro.png", f"opal/{HOSTILE}.png", "opal/__proto__.png",
    }  # fmt: skip
    assert all(photo["picture"] for photo in data["photos"])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as driver:
        # Without a sandbox, since tests in containers run as root.
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Return an English page that fails the test if a script reports an error."""
    page = browser.new_page(locale="en-GB", viewport={"width": 1100, "height": 800})
    messages: list[str] = []
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("console", lambda message: messages.append(message.text))
    yield page
    page.close()
    assert messages == []


def saved(page: Page, path: Path) -> dict[str, object]:
    with page.expect_download() as download:
        page.get_by_role("button", name="Save decisions").click()
    assert download.value.suggested_filename == "decisions.json"
    download.value.save_as(path)
    written: dict[str, object] = json.loads(path.read_text("utf-8"))
    return written


def test_decisions_are_saved_and_can_be_loaded(page: Page, tmp_path: Path) -> None:
    address = write(
        tmp_path,
        {
            "Albite/1.png": scene(1),
            "Albite/small.png": scene(2, 90, 90),
            "albite/__proto__": scene(3, 91, 91),
            "gold/1 again.png": scene(1),
            "gold/2.png": scene(4),
            "gold/2 small.png": scene(4).resize((150, 120)),
        },
    ).as_uri()
    page.goto(address)
    save = page.get_by_role("button", name="Save decisions")
    expect(save).to_be_disabled()
    card = page.locator("figure", has_text="gold/1 again.png")
    card.get_by_role("combobox").select_option("Albite")
    page.get_by_role("button", name="Near-copies").click()
    page.get_by_role("button", name="Keep the largest, drop the rest", exact=True).click()
    page.get_by_role("button", name="Copies under two classes").click()
    page.get_by_role("button", name="These are no copies").click()
    page.get_by_role("button", name="Too small").click()
    small = page.locator("figure", has_text="Albite/small.png").get_by_role("button", name="Drop")
    small.click()
    expect(small).to_have_attribute("aria-pressed", "true")
    page.locator("figure", has_text="__proto__").get_by_role("button", name="Keep").click()
    page.get_by_role("button", name="Class names").click()
    page.locator(".merge").select_option(label="albite → Albite")
    expect(page.locator(".told")).to_contain_text(
        "5 of 6 photos decided, 1 classes merged, 1 sets marked as no copies"
    )
    decided: dict[str, Any] = {
        "keep": ["albite/__proto__", "gold/2.png"],
        "drop": ["gold/2 small.png", "Albite/small.png"],
        "move": {"gold/1 again.png": "Albite"},
        "classes": {"albite": "Albite"},
        "not_copies": [["Albite/1.png", "gold/1 again.png"]],
    }
    path = tmp_path / "decisions.json"
    written = saved(page, path)
    assert {key: sorted(value) for key, value in written.items()} == {  # type: ignore[call-overload]
        key: sorted(value) for key, value in decided.items()
    }
    assert read_decisions(path).class_for("gold/1 again.png") == "Albite"
    page.goto(address)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Continue from a file").click()
    chooser.value.set_files(path)
    expect(page.locator(".told")).to_contain_text("5 of 6 photos decided")
    assert saved(page, tmp_path / "again.json") == written


def test_suggested_class_is_chosen_with_one_click(page: Page, tmp_path: Path) -> None:
    detail = {"en": "model says Gold 97 %, Opal 0.4 %", "zh": "模型判为自然金 97%，蛋白石 0.4%"}
    photos = {f"{name}.png": scene(n) for n, name in enumerate(("opal/1", "opal/2", "gold/1"))}
    label_errors = [Finding("doubted", (f"opal/{n}.png",), detail, "gold") for n in (2, 1)]
    page.goto(write(tmp_path, photos, label_errors).as_uri())
    expect(page.locator(".photo")).to_contain_text(["opal/2.png", "opal/1.png"])
    for card in page.locator(".photo").all():
        expect(card).to_contain_text("model says Gold 97 %")
        card.get_by_role("button", name="Move to gold").click()
    page.get_by_role("button", name="Move to gold").first.click()  # clears the choice
    assert saved(page, tmp_path / "decisions.json")["move"] == {"opal/1.png": "gold"}


def test_many_findings_are_drawn_while_scrolling(page: Page, tmp_path: Path) -> None:
    photos = {f"opal/{n}.png": Image.new("RGB", (120, 120), (n, 0, 0)) for n in range(120)}
    page.goto(write(tmp_path, photos).as_uri())
    page.get_by_role("button", name="Flat").click()
    photo = page.locator(".photo")
    expect(photo.nth(19)).to_be_visible()
    assert photo.count() < 120
    for number in range(19, 120, 20):
        photo.nth(number).scroll_into_view_if_needed()  # waits until it exists
    expect(photo).to_have_count(120)
    page.get_by_role("button", name="Drop all undecided photos").click()
    expect(page.locator(".told")).to_contain_text("120 of 120")
