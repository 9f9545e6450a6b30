"""The page in a real browser, from a photo to its answer, as a person uses it."""

from __future__ import annotations

import base64
import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.routing import Mount

from mineral_recog.identify.evidence import read_evidence
from mineral_recog.identify.identifier import Identifier
from mineral_recog.identify.next_test import TestAdvisor
from mineral_recog.identify.taxon import find_taxon
from mineral_recog.minerals.facts import read_minerals
from mineral_recog.minerals.taxonomy import Taxonomy
from mineral_recog.serve.access import Access
from mineral_recog.serve.app import build_app
from tests.programs import NEEDS_CHROMIUM
from tests.serve.browsing import (
    HEADLINE,
    choose,
    ranking,
    running_server,
    shares,
)

pytestmark = NEEDS_CHROMIUM

MORE_TESTS = {
    "transparency": "translucent",
    "habit": "botryoidal",
    "cleavage": "perfect",
    "fracture": "conchoidal",
    "tenacity": "brittle",
    "fluorescence_long": "none",
    "fluorescence_short": "green",
}
DROP = """([target, base64, name]) => {
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], name, {type: "image/png"}));
    target.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true}));
}"""


def test_dropped_photo_answer_hardness_and_language(
    page: Page, identifier: Identifier, photo: Path
) -> None:
    drop = page.locator("#drop")
    encoded = base64.b64encode(photo.read_bytes()).decode()
    page.evaluate(DROP, [drop.element_handle(), encoded, photo.name])
    expected = identifier.identify(photo)
    expect(page.get_by_role("status")).to_contain_text(expected.rolled_up.text["en"])
    expect(ranking(page)).to_have_count(3)
    assert shares(page) == pytest.approx(
        {c.name: 100 * c.probability for c in expected.candidates}, abs=0.01
    )
    expect(page.locator("#ranking li.in-set")).to_have_count(len(expected.likely))
    expect(page.get_by_text("With 90 % probability the specimen is")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("The parts of the photo"))).to_be_visible()
    page.get_by_label(re.compile("Show which parts support")).uncheck()
    expect(page.locator("#heat")).to_be_hidden()

    ranking(page).filter(has_text="Copper").click()
    expect(page.locator("#ranking").get_by_text("2.5–3", exact=True)).to_be_visible()

    before = shares(page)
    page.get_by_label("Mohs hardness").fill("2.5-3")
    expect(page.get_by_role("status")).to_contain_text("Most likely copper")
    assert shares(page)["copper"] > before["copper"]
    assert next(iter(shares(page))) == "copper"
    understood = page.locator("#understood")
    expect(understood).to_have_text("Understood as: hardness 2.5 to 3.")
    expect(page.get_by_text("from the photo alone").first).to_be_visible()

    page.get_by_role("button", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.get_by_role("status")).to_contain_text("最可能是自然铜")
    expect(page.get_by_label("莫氏硬度")).to_have_value("2.5-3")
    expect(understood).to_have_text("已理解为：硬度 2.5–3。")
    page.get_by_role("button", name="全部清除").click()
    expect(understood).to_be_hidden()
    assert "Most likely" not in page.locator("main").inner_text()
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("这是什么矿物？")


def test_scratch_tests_and_keyboard_use(page: Page, photo: Path) -> None:
    choose(page, photo)
    expect(page.get_by_role("status")).to_contain_text(HEADLINE)
    page.get_by_role("radiogroup", name="Copper coin").get_by_label("not tested").focus()
    page.keyboard.press("ArrowRight")  # scratches it
    expect(page.get_by_role("status")).to_contain_text("Most likely copper")
    page.get_by_role("button", name="Clear all").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("from the photo alone")).to_have_count(0)
    ranking(page).first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#ranking details[open]")).to_have_count(1)


def test_several_photos_are_one_specimen_until_a_new_specimen_starts(
    page: Page, identifier: Identifier, photo: Path
) -> None:
    photos = [photo, photo.with_name("1.png")]
    choose(page, *photos)
    expect(page.get_by_role("button", name=re.compile("^Remove photo"))).to_have_count(2)
    expect(page.locator("body:not(.working) .waiting")).to_have_count(0)
    expect(page.locator("#answer")).to_have_attribute("aria-busy", "false")
    expected = identifier.identify(photos)
    assert shares(page) == pytest.approx(
        {c.name: 100 * c.probability for c in expected.candidates}, abs=0.01
    )
    page.get_by_role("button", name="Remove photo 1").click()
    expect(page.get_by_role("button", name=re.compile("^Remove photo"))).to_have_count(1)
    page.get_by_role("button", name="New specimen").click()
    expect(page.get_by_text("One photo is enough to begin with.")).to_be_visible()
    expect(ranking(page).first).to_be_hidden()


def test_none_of_these_is_shown_clearly(
    page: Page, identifier: Identifier, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an OOD threshold below the score of every photo."""
    ood = replace(identifier.model.calibration.ood, threshold=-1e3)
    gate = identifier.model.calibration.gate
    assert gate is not None
    gate = replace(gate, threshold=1e6)
    calibration = replace(identifier.model.calibration, ood=ood, gate=gate)
    model = replace(identifier.model, calibration=calibration)
    monkeypatch.setattr(identifier, "model", model)
    choose(page, photo)
    status = page.get_by_role("status")
    expect(status).to_have_text("Probably none of the 3 minerals that this model knows.")
    expect(status).to_be_visible()
    expect(page.get_by_text("The closest minerals that this model knows")).to_be_visible()
    for about_first_candidates in ("With 90 % probability the specimen is", "Easily confused"):
        expect(page.get_by_text(about_first_candidates)).to_be_hidden()
    expect(page.locator("#next")).to_be_hidden()


def test_errors_are_shown_and_cleared(page: Page, photo: Path, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no photo")
    choose(page, text)
    alert, form_alert = page.locator("#alert"), page.locator("#form-alert")
    expect(alert).to_have_attribute("role", "alert")
    expect(alert).to_contain_text("notes.txt: The file is not a photo")
    choose(page, photo)
    expect(alert).to_be_hidden()
    page.get_by_label("Mohs hardness").fill("soft")
    expect(form_alert).to_contain_text("hardness 'soft' is not understood")
    expect(page.get_by_role("status")).not_to_be_empty()  # the last answer stays
    page.get_by_role("button", name="中文").click()
    expect(form_alert).to_contain_text("无法理解")
    page.get_by_label("莫氏硬度").fill("3")
    expect(form_alert).to_be_hidden()
    page.route("**/identify*", lambda route: route.abort())
    choose(page, photo)
    expect(alert).to_contain_text("服务器没有回应")


def test_busy_server_is_tried_again(page: Page, photo: Path) -> None:
    busy = {"status": 503, "headers": {"retry-after": "1"}, "json": {"error": "busy"}}
    page.route("**/identify*", lambda route: route.fulfill(**busy), times=1)
    choose(page, photo)
    expect(page.get_by_role("status")).to_contain_text("your request is waiting")
    expect(page.get_by_role("status")).to_contain_text(HEADLINE)
    expect(page.locator("#alert")).to_be_hidden()


def test_page_looks_at_its_photos_again_when_another_model_answers(
    browser: Browser, identifier: Identifier, other_identifier: Identifier, photo: Path
) -> None:
    """The server is started again with another model while the page is open."""
    page = browser.new_page(locale="en-GB")
    photos = [photo, photo.with_name("1.png")]
    with running_server(build_app(identifier)) as port:
        page.goto(f"http://127.0.0.1:{port}")
        choose(page, *photos)
        expect(page.get_by_role("img", name=re.compile("The parts of the photo"))).to_be_visible()
        before = shares(page)
    with running_server(build_app(other_identifier), port):
        page.get_by_label("Mohs hardness").fill("1-10")
        expected = other_identifier.identify(photos, read_evidence(hardness="1-10"))
        first = expected.candidates[0]
        assert first.name != next(iter(before))  # which the old outputs would name again
        expect(page.locator("#ranking .name").first).to_have_text(first.names["en"])
        assert shares(page) == pytest.approx(
            {c.name: 100 * c.probability for c in expected.candidates}, abs=0.01
        )
        expect(page.locator("#alert")).to_be_hidden()
        expect(page.locator("#form-alert")).to_be_hidden()
        expect(page.locator("#answer")).to_have_attribute("aria-busy", "false")
        expect(page.locator("#heat-label")).to_contain_text(first.names["en"].lower())
    page.close()


def test_phone_in_chinese_with_a_large_upright_photo(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    """3000 x 2000 pixels rotated by EXIF: shrunk before sending, and shown upright."""
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
    expect(page.get_by_role("status")).to_contain_text(re.compile("最可能是|很可能不是|不像矿物"))
    shown = page.locator("#photo").evaluate("(photo) => [photo.naturalWidth, photo.naturalHeight]")
    assert shown == [683, 1024]  # the photo is shown as it was sent
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    small_elements = page.evaluate(
        "[...document.querySelectorAll('button, select, summary, .button, .choices span')]"
        ".filter(node => node.checkVisibility() && node.getBoundingClientRect().height < 44)"
        ".map(node => node.outerHTML)"
    )
    assert [html for html in small_elements if "remove" not in html] == []
    context.close()


def test_class_names_are_inserted_as_text(
    page: Page, identifier: Identifier, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    monkeypatch.setattr(identifier, "classes", (hostile, *identifier.classes[1:]))
    minerals = (None, *identifier.minerals[1:])
    monkeypatch.setattr(identifier, "minerals", minerals)
    monkeypatch.setattr(identifier, "advisor", TestAdvisor(minerals))
    choose(page, photo)
    expect(page.locator("#ranking").get_by_text(hostile)).to_be_visible()
    expect(page.get_by_text(f"no facts about {hostile}")).to_be_visible()
    assert page.locator("#ranking img").count() == 0


def test_hazards_have_a_box_and_harmful_tests_are_left_out(
    page: Page, identifier: Identifier, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    minerals = (*identifier.minerals[:1], *map(read_minerals().find, ("torbernite", "autunite")))
    monkeypatch.setattr(identifier, "advisor", TestAdvisor(minerals))
    choose(page, photo)
    box = page.get_by_role("note")
    expect(box.get_by_role("heading", name="Safety")).to_be_visible()
    expect(box.get_by_text("radioactive", exact=True)).to_be_visible()
    expect(box).to_contain_text("handle it briefly, wash your hands afterwards")
    left_out = identifier.identify(photo).tests_left_out
    assert left_out is not None
    expect(page.locator("#left-out")).to_have_text(left_out.text["en"])
    page.get_by_role("button", name="中文").click()
    expect(box).to_contain_text("它有放射性")
    monkeypatch.undo()
    page.get_by_role("button", name="换一个标本").click()
    choose(page, photo)
    expect(ranking(page)).to_have_count(3)
    expect(box).to_be_hidden()


def test_fields_of_harmful_tests_carry_a_caution(
    page: Page, identifier: Identifier, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    minerals = (*identifier.minerals[:2], None)
    table = read_minerals()
    amphibole = find_taxon("amphibole", table, Taxonomy(table))
    taxa = (*identifier.taxa[:2], amphibole)
    monkeypatch.setattr(identifier, "advisor", TestAdvisor(minerals, taxa))
    choose(page, photo)
    caution = page.locator("#cautions p").filter(has_text="Scratching")
    expect(caution).to_contain_text("Scratching, streak")
    expect(caution).to_contain_text("could do harm if this is an amphibole (asbestos). Enter a")
    streak = page.locator("#field-streak")
    streak.select_option("white")  # a result that is known already
    expect(page.locator("#understood")).to_have_text("Understood as: streak white.")
    described = streak.get_attribute("aria-describedby")
    assert described == caution.get_attribute("id")
    assert page.locator("#field-lustre").get_attribute("aria-describedby") is None
    expect(page.get_by_text("no facts about Amphibole")).to_have_count(0)
    page.get_by_role("button", name="中文").click()
    expect(page.locator("#cautions p").filter(has_text="擦条痕")).to_contain_text(
        "如果是闪石，可能有害（石棉）。"
    )
    monkeypatch.undo()
    page.get_by_role("button", name="换一个标本").click()
    choose(page, photo)
    expect(ranking(page)).to_have_count(3)
    expect(page.locator("#cautions p")).to_have_count(0)
    expect(page.locator(".harmful")).to_have_count(0)


def test_density_from_two_weighings(page: Page, photo: Path) -> None:
    choose(page, photo)
    expect(page.get_by_role("status")).to_contain_text(HEADLINE)
    page.get_by_text("Density from two weighings").click()
    density, dry = page.locator("#field-density"), page.get_by_label("Dry weight")
    gain, wet = page.get_by_label("Gain of the scale"), page.get_by_label("or weight in water")
    dry.fill("52.3")
    gain.fill("19.2")
    expect(density).to_have_value("2.70–2.74")
    expect(page.locator("#understood")).to_contain_text("density 2.705 to 2.743 g/cm³")
    wet.fill("33,1")
    expect(gain).to_have_value("")
    expect(density).to_have_value("2.70–2.75")
    wet.fill("60")
    expect(page.locator("#form-alert")).to_contain_text("weighs less in water than in air")
    expect(density).to_have_value("")
    page.get_by_role("button", name="中文").click()
    expect(page.locator("#form-alert")).to_contain_text("干重 52.3 水中 60")
    density.fill("2.65")
    expect(page.get_by_label("干重")).to_have_value("")
    expect(page.locator("#form-alert")).to_be_hidden()
    expect(page.locator("#understood")).to_contain_text("密度 2.544–2.756")


def test_more_tests_fold_out_and_are_sent(page: Page, photo: Path) -> None:
    choose(page, photo)
    expect(page.get_by_role("status")).to_contain_text(HEADLINE)
    habit = page.locator("#field-habit")
    expect(habit).to_be_hidden()
    page.get_by_text("More tests").click()
    for field, word in MORE_TESTS.items():
        page.locator(f"#field-{field}").select_option(word)
    page.locator("#field-cleavage_directions").select_option("3")
    page.locator("#field-magnetic").select_option(label="weak: only a strong magnet")
    page.get_by_label("green", exact=True).check()
    page.get_by_label("brown", exact=True).check()
    page.get_by_role("button", name="中文").click()
    expect(habit.locator("option:checked")).to_have_text("葡萄状")
    expect(page.get_by_label("绿色", exact=True)).to_be_checked()
    assert not re.search("[A-Za-z]", page.locator("#more-tests").inner_text())
    with page.expect_request("**/identify*") as sent:
        page.get_by_label("褐色", exact=True).uncheck()
    question: Any = sent.value.post_data_json
    assert question["evidence"] == MORE_TESTS | {
        "cleavage_directions": "3", "magnetic": "weak", "colours": "green"
    }  # fmt: skip
    page.get_by_role("button", name="全部清除").click()
    expect(page.get_by_label("绿色", exact=True)).not_to_be_checked()
    expect(habit).to_have_value("")


def test_facts_and_links_to_search_elsewhere(page: Page, photo: Path) -> None:
    choose(page, photo)
    beryl = page.locator("#ranking li[data-class=beryl]")
    beryl.locator("summary").click()
    for fact, value in {
        "IMA": "Brl, grandfathered",
        "Cleavage": "poor, 1 direction",
        "These facts": "checked against two sources",
    }.items():
        expect(beryl.locator("dl div").filter(has_text=fact).locator("dd")).to_have_text(value)
    for fact in ("Habit", "Fracture", "Tenacity", "In long-wave UV"):
        expect(beryl.locator("dt").get_by_text(fact, exact=True)).to_be_visible()
    links = beryl.locator(".links a")
    assert [link.get_attribute("href") for link in links.all()] == [
        "https://www.mindat.org/search.php?name=Beryl",
        "https://en.wikipedia.org/wiki/Special:Search?search=Beryl",
    ]
    for link in links.all():
        assert link.get_attribute("rel") == "noopener noreferrer"
        assert link.get_attribute("target") == "_blank"
    page.get_by_role("button", name="中文").click()
    expect(beryl.locator("dl")).to_contain_text("已与两种资料核对")
    assert [link.get_attribute("href") for link in links.all()] == [
        "https://www.mindat.org/search.php?name=Beryl",
        "https://zh.wikipedia.org/wiki/Special:Search?search=%E7%BB%BF%E6%9F%B1%E7%9F%B3",
    ]


def test_late_answer_is_not_shown(page: Page, photo: Path) -> None:
    choose(page, photo, photo.with_name("1.png"))
    expect(page.get_by_role("button", name=re.compile("^Remove photo"))).to_have_count(2)
    expect(page.locator("body:not(.working) .waiting")).to_have_count(0)
    expect(page.locator("#answer")).to_have_attribute("aria-busy", "false")
    # The answer about the remaining photo begins to arrive, and its request is aborted.
    page.evaluate(
        """() => {
            const json = Response.prototype.json;
            Response.prototype.json = function () {
                const content = json.call(this);
                return new Promise((resolve, reject) => {
                    content.catch(() => {});
                    setTimeout(() => reject(new DOMException("aborted", "AbortError")), 300);
                });
            };
        }"""
    )
    page.get_by_role("button", name="Remove photo 1").click()
    page.get_by_role("button", name="New specimen").click()
    page.wait_for_timeout(600)
    expect(page.get_by_text("One photo is enough to begin with.")).to_be_visible()
    expect(ranking(page).first).to_be_hidden()


def test_page_below_a_path_with_a_token(
    browser: Browser, identifier: Identifier, photo: Path
) -> None:
    """As behind a proxy that removes the path: uvicorn adds it again."""
    app = build_app(identifier, Access(token="a b&c", root_path="/stones"))
    proxy = Starlette(routes=[Mount("/stones", app)])
    with running_server(proxy) as port, closing(browser.new_context(locale="en-GB")) as context:
        address, page = f"http://127.0.0.1:{port}", context.new_page()
        page.goto(f"{address}/stones/")
        expect(page.get_by_text("The token is missing or wrong")).to_be_visible()
        page.goto(f"{address}/stones/#token=a%20b%26c")
        page.reload()  # the token stays in the tab, not in the address
        assert "token" not in page.url
        choose(page, photo)
        expect(page.get_by_role("status")).to_contain_text(HEADLINE)
