"""The page in a real browser: the way of a photo to its answer, as a person goes it."""

from __future__ import annotations

import base64
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from mineral_recog.identify.identifier import Identifier
from mineral_recog.serve.app import build_app

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

DROP = """([target, base64, name]) => {
    const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], name, {type: "image/png"}));
    target.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true}));
}"""


@pytest.fixture(scope="module")
def address(identifier: Identifier) -> Iterator[str]:
    """A server on a free port."""
    config = uvicorn.Config(build_app(identifier), log_level="warning", lifespan="on")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(30)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        # Without a sandbox, since tests in containers run as root.
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The page in English at a desk; no script may complain, nor ask another host."""
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    foreign: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            if message.type in ("error", "warning")
            and "Failed to load resource" not in message.text
            else None
        ),
    )
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((address, "blob:", "data:"))
            else foreign.append(request.url)
        ),
    )
    page.goto(address)
    expect(page.get_by_text("This model knows 3 minerals.")).to_be_visible()
    yield page
    context.close()
    assert complaints == []
    assert foreign == []


def choose(page: Page, *photos: Path) -> None:
    page.get_by_label(re.compile("Choose photos|Add photos|选择照片|添加照片")).set_input_files(
        photos
    )


def ranking(page: Page) -> Locator:
    return page.locator("#ranking summary")


def shares(page: Page) -> dict[str, float]:
    """Per cent of each class as the bars have it."""
    rows: list[Any] = page.locator("#ranking li").evaluate_all(
        "rows => rows.map(row => [row.dataset.class, row.querySelector('.bar > span').style.width])"
    )
    return {name: float(width.rstrip("%")) for name, width in rows}


def test_drop_a_photo_read_the_answer_enter_hardness_switch_language(
    page: Page, identifier: Identifier, photo: Path
) -> None:
    drop = page.locator("#drop")
    encoded = base64.b64encode(photo.read_bytes()).decode()
    page.evaluate(DROP, [drop.element_handle(), encoded, photo.name])
    direct = identifier.identify(photo)
    first = direct.candidates[0]
    expect(page.get_by_role("status")).to_contain_text(f"Most likely {first.names['en']}")
    expect(ranking(page)).to_have_count(3)
    assert shares(page) == pytest.approx(
        {one.name: 100 * one.probability for one in direct.candidates}, abs=0.01
    )
    expect(page.locator("#ranking li.in-set")).to_have_count(len(direct.likely))
    expect(page.get_by_text("with 90 % probability, if")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("The parts of the photo"))).to_be_visible()
    page.get_by_label(re.compile("Show what speaks for")).uncheck()
    expect(page.locator("#heat")).to_be_hidden()

    ranking(page).filter(has_text="Copper").click()
    expect(page.locator("#ranking").get_by_text("2.5–3", exact=True)).to_be_visible()

    before = shares(page)
    page.get_by_label("Mohs hardness").fill("2.5-3")
    expect(page.get_by_role("status")).to_contain_text("Most likely Copper")
    assert shares(page)["copper"] > before["copper"]
    assert next(iter(shares(page))) == "copper"
    expect(page.get_by_text("by the photo alone").first).to_be_visible()

    page.get_by_role("button", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.get_by_role("status")).to_contain_text("最可能是自然铜")
    expect(page.get_by_label("莫氏硬度")).to_have_value("2.5-3")
    assert "Most likely" not in page.locator("main").inner_text()
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("这是什么矿物？")


def test_scratching_and_the_keyboard_alone(page: Page, photo: Path) -> None:
    choose(page, photo)
    expect(page.get_by_role("status")).to_contain_text("Most likely")
    page.get_by_role("radiogroup", name="Copper coin").get_by_label("not tested").focus()
    page.keyboard.press("ArrowRight")  # scratches it
    expect(page.get_by_role("status")).to_contain_text("Most likely Copper")
    page.get_by_role("button", name="Clear all of it").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("by the photo alone")).to_have_count(0)
    ranking(page).first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#ranking details[open]")).to_have_count(1)


def test_several_photos_are_one_specimen_until_a_new_one(
    page: Page, identifier: Identifier, photo: Path
) -> None:
    both = [photo, photo.with_name("1.png")]
    choose(page, *both)
    expect(page.get_by_role("button", name=re.compile("^Remove photo"))).to_have_count(2)
    expect(page.locator("body:not(.working) .waiting")).to_have_count(0)
    expect(page.locator("#answer")).to_have_attribute("aria-busy", "false")
    direct = identifier.identify(both)
    assert shares(page) == pytest.approx(
        {one.name: 100 * one.probability for one in direct.candidates}, abs=0.01
    )
    page.get_by_role("button", name="Remove photo 1").click()
    expect(page.get_by_role("button", name=re.compile("^Remove photo"))).to_have_count(1)
    page.get_by_role("button", name="New specimen").click()
    expect(page.get_by_text("One photo is enough to begin with.")).to_be_visible()
    expect(ranking(page).first).to_be_hidden()


def test_none_of_these_is_plain(
    page: Page, identifier: Identifier, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the limit of strangeness below what every photo has."""
    ood = replace(identifier.bundle.calibration.ood, threshold=-1e3)
    calibration = replace(identifier.bundle.calibration, ood=ood)
    monkeypatch.setattr(identifier, "bundle", replace(identifier.bundle, calibration=calibration))
    choose(page, photo)
    expect(page.get_by_text("None of these", exact=True)).to_be_visible()
    expect(page.get_by_text("does not look like any of the 3 minerals")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("None of these minerals")
    expect(page.get_by_text("with 90 % probability, if")).to_be_hidden()


def test_errors_are_told_and_mended(page: Page, photo: Path, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no photo")
    choose(page, text)
    alert, beside_form = page.locator("#alert"), page.locator("#form-alert")
    expect(alert).to_have_attribute("role", "alert")
    expect(alert).to_contain_text("notes.txt: That is not a photo")
    choose(page, photo)
    expect(alert).to_be_hidden()
    page.get_by_label("Mohs hardness").fill("soft")
    expect(beside_form).to_contain_text("hardness 'soft' is not understood")
    expect(page.get_by_role("status")).not_to_be_empty()  # the last answer stays
    page.get_by_role("button", name="中文").click()
    expect(beside_form).to_contain_text("无法理解")
    page.get_by_label("莫氏硬度").fill("3")
    expect(beside_form).to_be_hidden()
    page.route("**/identify*", lambda route: route.abort())
    choose(page, photo)
    expect(alert).to_contain_text("服务器没有回应")


def test_a_busy_server_is_asked_again(page: Page, photo: Path) -> None:
    busy = {"status": 503, "headers": {"retry-after": "1"}, "json": {"error": "busy"}}
    page.route("**/identify*", lambda route: route.fulfill(**busy), times=1)
    choose(page, photo)
    expect(page.get_by_role("status")).to_contain_text("yours is next")
    expect(page.get_by_role("status")).to_contain_text(re.compile("Most likely|None of these"))
    expect(page.locator("#alert")).to_be_hidden()


def test_a_phone_in_chinese_with_a_large_upright_photo(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    """3000 x 2000 pixels that EXIF turns upright: shrunk before it is sent, and shown upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (3000, 2000), (120, 90, 60)).save(tmp_path / "large.jpg", exif=exif)
    context = browser.new_context(
        locale="zh-CN", viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True
    )
    page = context.new_page()
    page.goto(address)
    expect(page.get_by_label("拍照")).to_have_attribute("capture", "environment")
    choose(page, tmp_path / "large.jpg")
    expect(page.get_by_role("status")).to_contain_text(re.compile("最可能是|都不是"))
    shown = page.locator("#photo").evaluate("(photo) => [photo.naturalWidth, photo.naturalHeight]")
    assert shown == [683, 1024]  # what is shown is what was sent
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    small = page.evaluate(
        "[...document.querySelectorAll('button, select, summary, .button, .choices span')]"
        ".filter(one => one.checkVisibility() && one.getBoundingClientRect().height < 44)"
        ".map(one => one.outerHTML)"
    )
    assert [one for one in small if "remove" not in one] == []
    context.close()


def test_what_a_class_is_called_is_only_ever_text(
    page: Page, identifier: Identifier, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    monkeypatch.setattr(identifier, "classes", (hostile, *identifier.classes[1:]))
    monkeypatch.setattr(identifier, "minerals", (None, *identifier.minerals[1:]))
    choose(page, photo)
    expect(page.locator("#ranking").get_by_text(hostile)).to_be_visible()
    expect(page.get_by_text(f"No facts are known of {hostile}")).to_be_visible()
    assert page.locator("#ranking img").count() == 0


def test_an_answer_that_comes_too_late_is_not_shown(page: Page, photo: Path) -> None:
    choose(page, photo, photo.with_name("1.png"))
    expect(page.get_by_role("button", name=re.compile("^Remove photo"))).to_have_count(2)
    expect(page.locator("body:not(.working) .waiting")).to_have_count(0)
    expect(page.locator("#answer")).to_have_attribute("aria-busy", "false")
    # The answer about the photo that is left begins to arrive, and is cut off when not wanted.
    page.evaluate(
        """() => {
            const json = Response.prototype.json;
            Response.prototype.json = function () {
                const whole = json.call(this);
                return new Promise((done, failed) => {
                    whole.catch(() => {});
                    setTimeout(() => failed(new DOMException("aborted", "AbortError")), 300);
                });
            };
        }"""
    )
    page.get_by_role("button", name="Remove photo 1").click()
    page.get_by_role("button", name="New specimen").click()
    page.wait_for_timeout(600)
    expect(page.get_by_text("One photo is enough to begin with.")).to_be_visible()
    expect(ranking(page).first).to_be_hidden()
