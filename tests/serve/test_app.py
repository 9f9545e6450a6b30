"""The API: the identifier's answers over HTTP, and one clear line for all that is wrong."""

from __future__ import annotations

import json
import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from httpx2 import Response
from PIL import Image
from starlette.testclient import TestClient

from mineral_recog.identify.evidence import read_evidence
from mineral_recog.identify.identifier import Identifier
from mineral_recog.serve.request_schemas import largest_question

JPEG = {"content-type": "image/jpeg"}


def ask(client: TestClient, body: bytes, address: str = "/identify") -> Any:
    answered = client.post(address, content=body, headers=JPEG)
    assert answered.status_code == 200, answered.text
    return answered.json()


def line(answered: Response) -> str:
    """The one line of an error."""
    assert list(answered.json()) == ["error"]
    text: str = answered.json()["error"]
    assert text.strip()
    assert "\n" not in text
    return text


def test_a_photo_gets_the_answer_of_the_identifier(
    client: TestClient, identifier: Identifier, photo: Path
) -> None:
    found = ask(client, photo.read_bytes(), "/identify?top=2")
    (seen,) = identifier.look([identifier.open(photo)])
    direct = identifier.answer([seen.sighting])
    assert {key: found[key] for key in direct.to_json()} == direct.to_json(top=2)
    assert found["sightings"] == [
        {"logits": seen.sighting.logits.tolist(), "strangeness": seen.sighting.strangeness}
    ]
    first = direct.candidates[0].name
    assert found["heat_map"]["class"] == first
    np.testing.assert_allclose(
        found["heat_map"]["values"], identifier.heat_map(seen, first), atol=5e-4
    )
    assert [one["photo"] for one in found["similar"]] == [
        one.photo for one in identifier.similar(seen)
    ]
    assert found["similar"][0]["thumbnail"].startswith("data:image/jpeg;base64,")


def test_what_was_seen_is_asked_again_with_evidence(
    client: TestClient, identifier: Identifier, photo: Path
) -> None:
    """As the page does it: each photo once, and then its sightings with what the hand found."""
    other = photo.with_name("1.png")
    sent = [ask(client, path.read_bytes())["sightings"][0] for path in (photo, other)]
    question = {"sightings": sent, "evidence": {"hardness": "scratched by knife"}, "coverage": 0.5}
    found = client.post("/identify", json=question).json()
    seen = [one.sighting for one in identifier.look(map(identifier.open, (photo, other)))]
    evidence = read_evidence(hardness="scratched by knife")
    direct = identifier.answer(seen, evidence, 0.5).to_json(10)
    assert found == json.loads(json.dumps(direct))
    copper = next(one for one in found["candidates"] if one["class"] == "copper")
    assert copper["probability"] > copper["by_photo"]  # the only one that a knife scratches


def test_evidence_may_come_with_the_photo(client: TestClient, photo: Path) -> None:
    found = ask(
        client,
        photo.read_bytes(),
        "/identify?hardness=%E8%A2%AB%E5%B0%8F%E5%88%80%E5%88%92%E5%8A%A8",
    )
    copper = next(one for one in found["candidates"] if one["class"] == "copper")
    assert copper["probability"] > copper["by_photo"]


def test_without_a_heat_map_the_rest_is_the_same(client: TestClient, photo: Path) -> None:
    whole = ask(client, photo.read_bytes())
    without = ask(client, photo.read_bytes(), "/identify?heat_map=no")
    assert without == {key: value for key, value in whole.items() if key != "heat_map"}


def test_minerals_are_told_with_facts_and_words(client: TestClient) -> None:
    known = client.get("/minerals").json()
    assert [one["class"] for one in known["classes"]] == ["agate", "beryl", "copper"]
    assert known["classes"][1]["mineral"]["hardness"] == [7.5, 8.0]
    assert known["classes"][1]["names"]["zh"] == "绿柱石"
    assert {"en": "red", "zh": "红色"} in known["words"]["streak"]


def test_health(client: TestClient) -> None:
    health = client.get("/health").json()
    assert (health["status"], health["classes"], health["waiting"]) == ("ok", 3, 0)


def png_of(width: int, height: int) -> bytes:
    """A few bytes that claim to be a large photo."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(1000))),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def jpeg_cut_short() -> bytes:
    file = BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(file, "JPEG")
    return file.getvalue()[:1000]


def tiff() -> bytes:
    file = BytesIO()
    Image.new("RGB", (40, 40)).save(file, "TIFF")
    return file.getvalue()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"", 400, id="empty"),
        pytest.param(b"no photo at all", 415, id="text"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, id="svg"),
        pytest.param(tiff(), 415, id="another format"),
        pytest.param(b"\xff\xd8\xff", 415, id="header cut short"),
        pytest.param(jpeg_cut_short(), 422, id="cut short"),
        pytest.param(png_of(9000, 9000), 413, id="81 million pixels"),
        pytest.param(png_of(11_000, 11_000), 413, id="121 million pixels"),
        pytest.param(png_of(100_000, 100_000), 413, id="10,000 million pixels"),
        pytest.param(bytes(20 * 10**6 + 1), 413, id="20 MB and a byte"),
    ],
)
def test_a_bad_photo_is_told_in_both_languages(
    client: TestClient, photo: Path, body: bytes, status: int
) -> None:
    english = client.post("/identify?lang=en", content=body, headers=JPEG)
    chinese = client.post("/identify", content=body, headers={**JPEG, "accept-language": "zh-CN"})
    assert (english.status_code, chinese.status_code) == (status, status)
    assert line(english).isascii()
    assert not line(chinese).isascii()
    assert ask(client, photo.read_bytes())["photos"] == 1  # the server goes on


def test_a_body_without_length_is_cut_off_when_it_grows(client: TestClient) -> None:
    answered = client.post("/identify", content=(bytes(10**6) for _ in range(21)), headers=JPEG)
    assert answered.status_code == 413


ONE = {"logits": [0.0, 0.0, 0.0], "strangeness": 0.0}


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        ("{", 400, "not JSON"),
        ("[" * 5_000, 400, "not JSON"),
        ("[]", 422, "object"),
        ("{}", 422, "sightings"),
        ('{"sightings": []}', 422, "at least 1"),
        (json.dumps({"sightings": [ONE] * 17}), 422, "at most 16"),
        ('{"sightings": [{"logits": [NaN, 0, 0], "strangeness": 0}]}', 422, "finite"),
        ('{"sightings": [{"logits": [1e999, 0, 0], "strangeness": 0}]}', 422, "finite"),
        ('{"sightings": [{"logits": [1e300, 0, 0], "strangeness": 0}]}', 422, "less than"),
        ('{"sightings": [{"logits": ["1", 0, 0], "strangeness": 0}]}', 422, "valid number"),
        ('{"sightings": [{"logits": [0, 0], "strangeness": 0}]}', 422, "has 2 logits"),
        (json.dumps({"sightings": [ONE], "evidence": {"taste": "salty"}}), 422, "taste"),
        (json.dumps({"sightings": [ONE], "evidence": {"streak": "loud"}}), 422, "streak 'loud'"),
        (json.dumps({"sightings": [ONE], "evidence": {"acid": True}}), 422, "string"),
        (json.dumps({"sightings": [ONE], "evidence": {"hardness": "6" * 201}}), 422, "200"),
        (json.dumps({"sightings": [ONE], "coverage": 1}), 422, "coverage"),
        (json.dumps({"sightings": [ONE], "top": 0}), 422, "top"),
        (" " * (largest_question(3) + 1), 413, "MB"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_bad_question_is_told(client: TestClient, text: str, status: int, reason: str) -> None:
    headers = {"content-type": "application/json"}
    answered = client.post("/identify", content=text, headers=headers)
    assert answered.status_code == status
    assert reason in line(answered)
    answered = client.post("/identify?lang=zh", content=text, headers=headers)
    assert answered.status_code == status
    assert not line(answered).isascii()
    good = client.post("/identify", json={"sightings": [ONE]})
    assert good.status_code == 200


def test_the_largest_question_has_room(client: TestClient) -> None:
    longest = {"logits": [-123456.12345678912] * 3, "strangeness": -123456.12345678912}
    evidence = dict.fromkeys(("streak", "lustre", "density", "hardness", "acid"), " " * 200)
    question = {"sightings": [longest] * 16, "evidence": evidence, "coverage": 0.9, "top": 100}
    assert client.post("/identify", json=question).status_code == 200


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("heat_map=perhaps", "heat_map"),
        ("coverage=nan", "coverage"),
        ("coverage=2", "coverage"),
        ("top=many", "top"),
        ("taste=salty", "taste is not known here"),
        ("magnetic=perhaps", "yes or no"),
    ],
)
def test_a_bad_address_is_told(client: TestClient, photo: Path, query: str, reason: str) -> None:
    answered = client.post(f"/identify?{query}", content=photo.read_bytes(), headers=JPEG)
    assert answered.status_code == 422
    assert reason in line(answered)


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", ""])
def test_other_kinds_of_body_are_refused(client: TestClient, photo: Path, kind: str) -> None:
    answered = client.post("/identify", content=photo.read_bytes(), headers={"content-type": kind})
    assert answered.status_code == 415
    assert "image/jpeg" in line(answered)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "GIF", "BMP", "MPO"])
def test_formats_are_told_by_their_bytes(client: TestClient, photo: Path, kind: str) -> None:
    file = BytesIO()
    Image.open(photo).save(file, kind)
    answered = client.post(
        "/identify", content=file.getvalue(), headers={"content-type": "application/octet-stream"}
    )
    assert answered.status_code == 200


def test_a_fault_of_the_program_is_told_without_its_inside(
    identifier: Identifier, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mineral_recog.serve.app import build_app

    def failing(*arguments: object) -> None:
        raise RuntimeError("secret path")

    app = build_app(identifier)
    with TestClient(app, "http://localhost", raise_server_exceptions=False) as client:
        monkeypatch.setattr(Identifier, "heat_map", failing)
        answered = client.post("/identify", content=photo.read_bytes(), headers=JPEG)
        assert answered.status_code == 500
        assert "secret" not in line(answered)
        assert "content-security-policy" in answered.headers
        monkeypatch.undo()
        assert ask(client, photo.read_bytes())["photos"] == 1
