"""The page in a browser: the square that is looked at, formats, and photos that are not lost."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from mineral_recog.identify.evidence import read_evidence
from mineral_recog.identify.identifier import Identifier
from tests.programs import NEEDS_CHROMIUM
from tests.serve.browsing import HEADLINE, choose, shares

pytestmark = NEEDS_CHROMIUM
IDENTIFY = "**/identify*"
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">'
    '<rect width="64" height="64" fill="#eee"/><circle cx="32" cy="32" r="20" fill="green"/></svg>'
)


@pytest.fixture
def large_photo(photo: Path, tmp_path: Path) -> Path:
    """A photo that is as large on the screen as those of a camera."""
    path = tmp_path / "large.png"
    Image.open(photo).resize((400, 400)).save(path)
    return path


def answered(page: Page) -> None:
    """Wait until the answer is there and holds the last change."""
    expect(page.locator("body:not(.working, .stale)")).to_have_count(1)
    expect(page.get_by_role("status")).to_contain_text(HEADLINE)


def side(page: Page) -> float:
    box = page.locator("#square").bounding_box()
    assert box is not None
    return box["width"]


def test_square_is_framed_by_keys_mouse_and_buttons_and_the_answer_follows(
    page: Page, identifier: Identifier, large_photo: Path
) -> None:
    choose(page, large_photo)
    answered(page)
    first, square = side(page), page.locator("#square")
    square.focus()
    with page.expect_request(re.compile("crop=")) as sent:
        for key in ("-", "-", "-", "ArrowRight", "ArrowUp"):
            page.keyboard.press(key)
    assert side(page) == pytest.approx(first / 1.15**3, abs=1)
    crop = [float(part) for part in parse_qs(urlsplit(sent.value.url).query)["crop"][0].split(",")]
    assert crop[0] + crop[2] / 2 == pytest.approx(0.53, abs=1e-3)
    assert crop[1] + crop[3] / 2 == pytest.approx(0.47, abs=1e-3)
    answered(page)
    expected = identifier.identify(large_photo, crop=crop)
    assert shares(page) == pytest.approx(
        {c.name: 100 * c.probability for c in expected.candidates}, abs=0.01
    )

    box = square.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 3, box["y"] + 3)  # a corner
    page.mouse.down()
    page.mouse.move(box["x"] + 23, box["y"] + 23)
    page.mouse.up()
    assert side(page) == pytest.approx(box["width"] - 20, abs=1.5)
    page.mouse.wheel(0, -100)
    page.wait_for_timeout(100)
    assert side(page) == pytest.approx(1.15 * (box["width"] - 20), abs=2)
    with page.expect_request(re.compile("heat_map=no$")):  # without a crop
        page.get_by_role("button", name="Automatic").click()
    answered(page)
    assert side(page) == pytest.approx(first, abs=1)


def test_fingers_scroll_over_the_photo_until_the_square_has_the_focus(
    browser: Browser, address: str, large_photo: Path
) -> None:
    context = browser.new_context(
        locale="en-GB", viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True
    )
    page = context.new_page()
    page.goto(address)
    expect(page.get_by_text("Photograph one specimen")).to_be_visible()
    expect(page.get_by_text("paste")).to_be_hidden()
    choose(page, large_photo)
    answered(page)
    square = page.locator("#square")
    touch_action = "node => getComputedStyle(node).touchAction"
    assert square.evaluate(touch_action) == "pan-y pinch-zoom"
    square.tap()
    assert square.evaluate(touch_action) == "none"
    first, box = side(page), square.bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    fingers = context.new_cdp_session(page)
    for kind, apart in (("touchStart", 60), ("touchMove", 45), ("touchMove", 30)):
        points = [
            {"x": middle[0] + shift, "y": middle[1], "id": finger}
            for finger, shift in enumerate((-apart, apart))
        ]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert side(page) == pytest.approx(first / 2, abs=4)
    answered(page)

    headline = page.locator("#headline")
    page.get_by_role("status").scroll_into_view_if_needed()
    expect(headline).to_be_hidden()
    page.locator("#field-streak").scroll_into_view_if_needed()
    page.locator("#clear").scroll_into_view_if_needed()
    expect(headline).to_be_in_viewport()
    expect(headline).to_contain_text(HEADLINE)
    headline.tap()
    expect(page.get_by_role("status")).to_be_in_viewport()
    context.close()


def test_heat_map_is_that_of_the_first_mineral_of_the_answer(page: Page, photo: Path) -> None:
    choose(page, photo)
    answered(page)
    page.get_by_label("Mohs hardness").fill("2.5-3")
    expect(page.get_by_role("status")).to_contain_text("Most likely copper")
    expect(page.locator("#heat-label")).to_have_text("Show which parts support copper")


def test_what_is_understood_of_the_evidence_is_applied(
    page: Page, identifier: Identifier, photo: Path
) -> None:
    choose(page, photo)
    answered(page)
    hardness = page.get_by_label("Mohs hardness")
    hardness.fill("soft")
    page.locator("#field-streak").select_option("white")
    expect(page.locator("#understood")).to_have_text("Understood as: streak white.")
    expect(page.locator("#form-alert")).to_contain_text("hardness 'soft' is not understood")
    expect(page.locator("#form-alert")).to_contain_text("The answer leaves it out.")
    expect(page.locator("[aria-invalid]")).to_have_count(1)
    expect(hardness).to_have_attribute("aria-invalid", "true")
    answered(page)
    expected = identifier.identify(photo, read_evidence(streak="white"))
    assert shares(page) == pytest.approx(
        {c.name: 100 * c.probability for c in expected.candidates}, abs=0.01
    )
    hardness.fill("3")
    expect(page.locator("[aria-invalid]")).to_have_count(0)
    expect(page.locator("#form-alert")).to_be_hidden()
    expect(page.locator("#understood")).to_contain_text("hardness")


def test_photo_taken_offline_is_kept_and_sent_later(page: Page, photo: Path) -> None:
    choose(page, photo)
    answered(page)
    page.context.set_offline(True)
    choose(page, photo.with_name("1.png"))
    expect(page.get_by_text("One photo could not be sent")).to_be_visible()
    expect(page.get_by_role("button", name="Photo 2 (not sent)")).to_be_visible()
    expect(page.locator("#alert")).to_contain_text("The server does not answer")
    expect(page.get_by_role("status")).to_contain_text(HEADLINE)
    page.locator("#field-streak").select_option("white")
    expect(page.locator("#alert")).to_contain_text("does not include your last change")
    page.context.set_offline(False)
    expect(page.get_by_text("One photo could not be sent")).to_be_hidden()
    answered(page)
    expect(page.locator("#understood")).to_have_text("Understood as: streak white.")
    expect(page.locator("#alert")).to_be_hidden()


def test_request_without_an_answer_is_given_up(page: Page, photo: Path) -> None:
    page.clock.install()
    page.route(IDENTIFY, lambda route: None)
    with page.expect_request(IDENTIFY):
        choose(page, photo)
    page.clock.fast_forward("01:01")
    expect(page.locator("#alert")).to_contain_text("the request was given up: try again")
    expect(page.locator("body.working")).to_have_count(0)
    page.unroute(IDENTIFY)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("status")).to_contain_text(HEADLINE)
    expect(page.locator("#alert")).to_be_hidden()


def test_photo_is_dropped_only_if_the_server_refuses_it(page: Page, photo: Path) -> None:
    for status in (500, 415):
        page.route(
            IDENTIFY,
            partial(Route.fulfill, status=status, json={"error": "an error"}),
            times=1,
        )
    choose(page, photo)  # routes are used from the last one
    expect(page.locator("#alert")).to_have_text("0.png: an error")
    expect(page.locator("#thumbnails li")).to_have_count(0)
    choose(page, photo)
    expect(page.get_by_text("One photo could not be sent")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("status")).to_contain_text(HEADLINE)
    expect(page.get_by_text("One photo could not be sent")).to_be_hidden()


def test_reload_and_back_keep_the_specimen_until_a_new_one(page: Page, photo: Path) -> None:
    choose(page, photo, photo.with_name("1.png"))
    answered(page)
    expect(page.locator(".waiting")).to_have_count(0)
    page.locator("#square").focus()
    with page.expect_response(re.compile("crop=")):  # half a second later
        page.keyboard.press("-")
    answered(page)
    framed = side(page)
    page.locator("#field-streak").select_option("white")
    page.get_by_role("radiogroup", name="Glass").get_by_label("scratched by it").check(force=True)
    expect(page.locator("#understood")).to_contain_text("streak white")
    answered(page)
    before = shares(page)
    page.wait_for_timeout(500)
    for leave in (page.reload, lambda: (page.goto("about:blank"), page.go_back())):
        leave()
        expect(page.get_by_role("button", name=re.compile("^Remove photo"))).to_have_count(2)
        expect(page.locator("#understood")).to_contain_text("streak white")
        answered(page)
        assert shares(page) == pytest.approx(before)
        expect(page.locator("#field-streak")).to_have_value("white")
        assert side(page) == pytest.approx(framed, abs=1)
    page.get_by_role("button", name="New specimen").click()
    page.wait_for_timeout(500)
    page.reload()
    expect(page.get_by_text("This model knows 3 minerals.")).to_be_visible()
    expect(page.locator("#thumbnails li")).to_have_count(0)


def test_formats_empty_files_and_too_many_photos(page: Page, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "drawn.svg").write_text(SVG)
    (tmp_path / "empty.jpg").touch()
    choose(page, tmp_path / "empty.jpg", tmp_path / "drawn.svg")
    answered(page)
    expect(page.locator("#alert")).to_have_text(
        "empty.jpg: The file is empty (0 bytes): choose another one."
    )
    expect(page.locator("#thumbnails li")).to_have_count(1)
    page.get_by_role("button", name="New specimen").click()
    page.route(IDENTIFY, lambda route: route.abort())
    choose(page, *[photo] * 17)
    expect(page.locator("#thumbnails li")).to_have_count(16)
    expect(page.locator("#alert")).to_contain_text(
        "At most 16 photos of one specimen: the last one was not added."
    )


def test_candidates_show_training_photos_that_can_be_enlarged(page: Page, photo: Path) -> None:
    choose(page, photo)
    answered(page)
    copper = page.locator("#ranking li[data-class=copper]")
    copper.locator("summary").click()
    shown = copper.get_by_role("button", name="Copper")
    expect(shown.first).to_be_visible()
    shown.first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("img")).to_be_visible()
    expect(dialog).to_contain_text("Copper")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
