"""The API: answers of the identifier over HTTP, and errors in one clear line."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import asdict
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
from mineral_recog.serve.app import build_app
from mineral_recog.serve.request_schemas import max_question_bytes

JPEG = {"content-type": "image/jpeg"}


def post_photo(client: TestClient, body: bytes, address: str = "/identify") -> Any:
    response = client.post(address, content=body, headers=JPEG)
    assert response.status_code == 200, response.text
    return response.json()


def error_line(response: Response) -> str:
    """Return the message of an error, which is one line."""
    assert list(response.json()) in (["error"], ["error", "field"])
    text: str = response.json()["error"]
    assert text.strip()
    assert "\n" not in text
    return text


def test_photo_gets_the_answer_of_the_identifier(
    client: TestClient, identifier: Identifier, photo: Path
) -> None:
    answer = post_photo(client, photo.read_bytes(), "/identify?top=2")
    (observation,) = identifier.observe_views([identifier.look_at(photo)])
    expected = identifier.answer([observation.outputs])
    assert {key: answer[key] for key in expected.to_dict()} == expected.to_dict(top=2)
    assert answer["sightings"] == [
        {
            "logits": observation.outputs.logits.tolist(),
            "strangeness": observation.outputs.ood_score,
            "no_mineral": observation.outputs.gate_score,
            "problems": observation.outputs.problems,
            "model": identifier.model.fingerprint,
            "crop": answer["crops"][0],
        }
    ]
    assert answer["heat_map"]["crop"] == identifier.heat_map_region(observation).rounded()
    first = expected.candidates[0].name
    assert answer["heat_map"]["class"] == first
    np.testing.assert_allclose(
        answer["heat_map"]["values"], identifier.heat_map(observation, first), atol=5e-4
    )
    assert [photo["photo"] for photo in answer["similar"]] == [
        similar.path for similar in identifier.similar(observation)
    ]
    assert answer["similar"][0]["thumbnail"].startswith("data:image/jpeg;base64,")


def test_sightings_can_be_sent_again_with_evidence(
    client: TestClient, identifier: Identifier, photo: Path
) -> None:
    """As the page does it: each photo once, then its sightings with results of physical tests."""
    other = photo.with_name("1.png")
    sent = [post_photo(client, path.read_bytes())["sightings"][0] for path in (photo, other)]
    question = {"sightings": sent, "evidence": {"hardness": "scratched by knife"}, "coverage": 0.5}
    answer = client.post("/identify", json=question).json()
    # One by one, as the page sends them: a batch may differ in the last digits.
    views = map(identifier.look_at, (photo, other))
    outputs = [identifier.observe_batch([view])[0].outputs for view in views]
    evidence = read_evidence(hardness="scratched by knife")
    expected = identifier.answer(outputs, evidence, 0.5).to_dict(10)
    assert answer == json.loads(json.dumps(expected))
    copper = next(c for c in answer["candidates"] if c["class"] == "copper")
    assert copper["probability"] > copper["by_photo"]  # a knife scratches only copper


@pytest.mark.parametrize("language", ["en", "zh"])
def test_sightings_of_another_model_are_refused(
    client: TestClient, other_identifier: Identifier, photo: Path, language: str
) -> None:
    """As after a restart with another model of as many classes."""
    sighting = post_photo(client, photo.read_bytes())["sightings"][0]
    without_model = {key: value for key, value in sighting.items() if key != "model"}
    many_classes = {**sighting, "logits": sighting["logits"] * 1000}
    with TestClient(build_app(other_identifier), "http://localhost") as restarted:
        own = post_photo(restarted, photo.read_bytes())["sightings"][0]
        assert restarted.post("/identify", json={"sightings": [own]}).status_code == 200
        for sightings in ([sighting], [own, sighting], [without_model], [many_classes] * 16):
            address = f"/identify?lang={language}"
            response = restarted.post(address, json={"sightings": sightings})
            assert response.status_code == 409
            message = {"en": "send the photos again", "zh": "请重新发送照片"}[language]
            assert message in error_line(response)


def test_model_is_identified_by_its_fingerprint(client: TestClient, identifier: Identifier) -> None:
    for address in ("/health", "/minerals"):
        assert client.get(address).json()["model"] == identifier.model.fingerprint


def test_evidence_may_be_sent_with_the_photo(client: TestClient, photo: Path) -> None:
    answer = post_photo(
        client,
        photo.read_bytes(),
        "/identify?hardness=%E8%A2%AB%E5%B0%8F%E5%88%80%E5%88%92%E5%8A%A8",
    )
    copper = next(c for c in answer["candidates"] if c["class"] == "copper")
    assert copper["probability"] > copper["by_photo"]


@pytest.mark.parametrize(
    "texts",
    [
        {"hardness": ">5,5", "density": "SG 2,65", "magnetic": "weak"},
        {"hardness": "scratches glass but not quartz", "streak": "pink", "acid": "no fizz"},
        {"hardness": "6.5以上", "streak": "无条痕", "acid": "起泡", "lustre": "玻璃"},
    ],
)
def test_evidence_means_the_same_in_both_requests_and_in_python(
    client: TestClient, identifier: Identifier, photo: Path, texts: dict[str, str]
) -> None:
    evidence = read_evidence(**texts)
    sighting = {**SIGHTING, "model": identifier.model.fingerprint}
    for response in (
        client.post("/identify", params=texts, content=photo.read_bytes(), headers=JPEG),
        client.post("/identify", json={"sightings": [sighting], "evidence": texts}),
    ):
        answer = response.json()
        assert answer["evidence"] == json.loads(json.dumps(asdict(evidence)))
        assert answer["evidence_text"] == evidence.text()


def test_answer_without_heat_map_is_otherwise_the_same(client: TestClient, photo: Path) -> None:
    complete = post_photo(client, photo.read_bytes())
    without = post_photo(client, photo.read_bytes(), "/identify?heat_map=no")
    assert without == {key: value for key, value in complete.items() if key != "heat_map"}


def test_minerals_have_facts_and_words(client: TestClient) -> None:
    minerals = client.get("/minerals").json()
    assert [entry["class"] for entry in minerals["classes"]] == ["agate", "beryl", "copper"]
    assert minerals["classes"][1]["mineral"]["hardness"] == [7.5, 8.0]
    assert minerals["classes"][1]["names"]["zh"] == "绿柱石"
    assert {"en": "red", "zh": "红色"} in minerals["words"]["streak"]
    assert "acid" not in minerals["words"]


def test_health(client: TestClient) -> None:
    health = client.get("/health").json()
    assert (health["status"], health["classes"], health["waiting"]) == ("ok", 3, 0)


def png_of(width: int, height: int) -> bytes:
    """Return a small PNG file whose header claims a large photo."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(1000))),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def truncated_jpeg() -> bytes:
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
        pytest.param(truncated_jpeg(), 422, id="cut short"),
        pytest.param(png_of(4001, 4000), 413, id="16 million pixels that cannot be reduced"),
        pytest.param(png_of(9000, 9000), 413, id="81 million pixels"),
        pytest.param(png_of(11_000, 11_000), 413, id="121 million pixels"),
        pytest.param(png_of(100_000, 100_000), 413, id="10,000 million pixels"),
        pytest.param(bytes(20 * 10**6 + 1), 413, id="20 MB and a byte"),
    ],
)
def test_bad_photo_is_reported_in_both_languages(
    client: TestClient, photo: Path, body: bytes, status: int
) -> None:
    english = client.post("/identify?lang=en", content=body, headers=JPEG)
    chinese = client.post("/identify", content=body, headers={**JPEG, "accept-language": "zh-CN"})
    assert (english.status_code, chinese.status_code) == (status, status)
    assert error_line(english).isascii()
    assert not error_line(chinese).isascii()
    assert post_photo(client, photo.read_bytes())["photos"] == 1  # the server still runs


def test_body_without_length_is_refused_when_it_gets_too_large(client: TestClient) -> None:
    response = client.post("/identify", content=(bytes(10**6) for _ in range(21)), headers=JPEG)
    assert response.status_code == 413


SIGHTING = {"logits": [0.0, 0.0, 0.0], "strangeness": 0.0, "model": "MODEL"}


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        ("{", 400, "not JSON"),
        ("[" * 5_000, 400, "not JSON"),
        ("[]", 422, "object"),
        ("{}", 422, "sightings"),
        ('{"sightings": []}', 422, "at least 1"),
        (json.dumps({"sightings": [SIGHTING] * 17}), 422, "at most 16"),
        ('{"sightings": [{"logits": [NaN, 0, 0], "strangeness": 0}]}', 422, "finite"),
        ('{"sightings": [{"logits": [1e999, 0, 0], "strangeness": 0}]}', 422, "finite"),
        ('{"sightings": [{"logits": [1e300, 0, 0], "strangeness": 0}]}', 422, "less than"),
        ('{"sightings": [{"logits": ["1", 0, 0], "strangeness": 0}]}', 422, "valid number"),
        (
            '{"sightings": [{"logits": [0, 0], "strangeness": 0, "model": "MODEL"}]}',
            422,
            "has 2 logits",
        ),
        (json.dumps({"sightings": [SIGHTING], "evidence": {"taste": "salty"}}), 422, "taste"),
        (
            json.dumps({"sightings": [SIGHTING], "evidence": {"streak": "loud"}}),
            422,
            "streak 'loud'",
        ),
        (json.dumps({"sightings": [SIGHTING], "evidence": {"acid": True}}), 422, "string"),
        (json.dumps({"sightings": [SIGHTING], "evidence": {"hardness": "6" * 201}}), 422, "200"),
        (json.dumps({"sightings": [SIGHTING], "coverage": 1}), 422, "coverage"),
        (json.dumps({"sightings": [SIGHTING], "level": "genus"}), 422, "level"),
        (json.dumps({"sightings": [SIGHTING], "top": 0}), 422, "top"),
        (" " * (max_question_bytes(3) + 1), 413, "MB"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_bad_question_is_reported(client: TestClient, text: str, status: int, reason: str) -> None:
    model = client.get("/health").json()["model"]
    text = text.replace("MODEL", model)
    headers = {"content-type": "application/json"}
    response = client.post("/identify", content=text, headers=headers)
    assert response.status_code == status
    assert reason in error_line(response)
    response = client.post("/identify?lang=zh", content=text, headers=headers)
    assert response.status_code == status
    assert not error_line(response).isascii()
    good = client.post("/identify", json={"sightings": [{**SIGHTING, "model": model}]})
    assert good.status_code == 200


def test_largest_question_is_accepted(client: TestClient) -> None:
    model = client.get("/health").json()["model"]
    longest = {"logits": [-123456.12345678912] * 3, "strangeness": -123456.12345678912}
    longest |= {"model": model, "crop": [0.12345678901234567] * 4}
    evidence = dict.fromkeys(("streak", "lustre", "density", "hardness", "acid"), " " * 200)
    question = {"sightings": [longest] * 16, "evidence": evidence, "coverage": 0.9, "top": 100}
    assert client.post("/identify", json=question).status_code == 200


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("heat_map=perhaps", "heat_map"),
        ("crop=0.5,0.5,0.6,0.2", "crop 0.5,0.5,0.6,0.2: give left, top, width and height"),
        ("crop=1,2", "crop 1,2: give"),
        ("coverage=nan", "coverage"),
        ("coverage=2", "coverage"),
        ("level=genus", "level"),
        ("top=many", "top"),
        ("taste=salty", "taste is unknown"),
        ("magnetic=perhaps", "yes or no"),
        ("top=1&top=2", "top is given twice"),
        ("lang=fr", "en | zh"),
        ("lang=en&lang=zh", "en | zh"),
        ("hardness=5.5+", "%2B"),  # "5.5 " once decoded
        ("density=5+-0.5", "%2B"),
    ],
)
def test_bad_query_is_reported(client: TestClient, photo: Path, query: str, reason: str) -> None:
    response = client.post(f"/identify?{query}", content=photo.read_bytes(), headers=JPEG)
    assert response.status_code == 422
    assert reason in error_line(response)


@pytest.mark.parametrize("path", ["/minerals", "/health", "/openapi.json", "/identify"])
def test_parameters_that_apply_to_nothing_are_refused(
    client: TestClient, identifier: Identifier, path: str
) -> None:
    method = "POST" if path == "/identify" else "GET"
    sighting = {**SIGHTING, "model": identifier.model.fingerprint}
    question = {"sightings": [sighting]} if path == "/identify" else None
    assert client.request(method, f"{path}?lang=zh", json=question).status_code == 200
    for query, reason in (("top=1", "top does not apply"), ("lang=fr", "en | zh")):
        response = client.request(method, f"{path}?{query}", json=question)
        assert response.status_code == 422
        assert reason in error_line(response)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/pdf", "", "*/*;q=,"]
)
def test_bodies_are_recognised_whatever_their_type(
    client: TestClient, photo: Path, kind: str
) -> None:
    """As curl --data-binary and other programs send them."""
    headers = {"content-type": kind}
    answer = client.post("/identify", content=photo.read_bytes(), headers=headers)
    assert answer.status_code == 200
    question = {"sightings": answer.json()["sightings"]}
    text = f"\n {json.dumps(question)}"
    assert client.post("/identify", content=text, headers=headers).status_code == 200
    assert client.post("/identify", content=b"neither", headers=headers).status_code == 415
    too_long = client.post("/identify", content=text + " " * max_question_bytes(3), headers=headers)
    assert too_long.status_code == 413


def test_form_with_several_photos_is_one_specimen(
    client: TestClient, identifier: Identifier, photo: Path
) -> None:
    paths = (photo, photo.with_name("1.png"))
    files = [("image", (path.name, path.read_bytes(), "image/png")) for path in paths]
    response = client.post("/identify?top=2", files=files, data={"hardness": "5+-0.5"})
    answer = response.json()
    assert (response.status_code, answer["photos"], len(answer["candidates"])) == (200, 2, 2)
    outputs = [seen.outputs for seen in identifier.observe_views(map(identifier.look_at, paths))]
    expected = identifier.answer(outputs, read_evidence(hardness="5+-0.5")).to_dict(2)
    assert {key: answer[key] for key in expected} == json.loads(json.dumps(expected))
    assert len(answer["sightings"]) == 2


@pytest.mark.parametrize(
    ("files", "data", "status", "reason"),
    [
        (0, {"hardness": "6"}, 415, "no photo"),
        (1, {"heat_map_of": "gold"}, 422, "heat_map_of 'gold' is no class of this model"),
        (1, {"heat_map_of": "beryl", "heat_map": "no"}, 422, "no effect with heat_map=no"),
        (17, {}, 400, "1 to 16 photos"),
        (1, {"taste": "salty"}, 422, "taste is unknown"),
        (1, {"hardness": ["6", "7"]}, 422, "hardness is given twice"),
        (1, {"hardness": "6" * 1001}, 400, "form cannot be read"),
        (1, {str(number): "" for number in range(40)}, 400, "form cannot be read"),
    ],
)
def test_bad_form_is_reported(
    client: TestClient, photo: Path, files: int, data: Any, status: int, reason: str
) -> None:
    attached: list[Any] = [("image", (photo.name, photo.read_bytes()))] * files
    if not files:  # a part without a file name is a field
        attached = [(name, (None, value)) for name, value in data.items()]
        data = {}
    response = client.post("/identify", files=attached, data=data)
    assert response.status_code == status
    assert reason in error_line(response)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b"no form"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n"),
        ('multipart/form-data; boundary="\xff"; charset=none', b"--\xff\r\n"),
    ],
)
def test_damaged_form_is_reported(client: TestClient, kind: str, body: bytes) -> None:
    headers = [(b"content-type", kind.encode("latin-1"))]
    response = client.post("/identify", content=body, headers=headers)
    assert response.status_code in (400, 415)
    assert error_line(response)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "GIF", "BMP", "MPO"])
def test_formats_are_detected_from_the_bytes(client: TestClient, photo: Path, kind: str) -> None:
    file = BytesIO()
    Image.open(photo).save(file, kind)
    response = client.post(
        "/identify", content=file.getvalue(), headers={"content-type": "application/octet-stream"}
    )
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("evidence", "field"),
    [
        ({"streak": "white", "hardness": "soft"}, "hardness"),
        ({"density": "dry 5 wet 9"}, "density"),
        ({"habit": "?"}, "habit"),
        ({"cleavage": "none", "cleavage_directions": "2"}, "cleavage_directions"),
    ],
)
def test_error_names_the_evidence_that_is_not_understood(
    client: TestClient, photo: Path, evidence: dict[str, str], field: str
) -> None:
    sighting = post_photo(client, photo.read_bytes(), "/identify?heat_map=no")["sightings"]
    response = client.post("/identify", json={"sightings": sighting, "evidence": evidence})
    assert (response.status_code, response.json()["field"]) == (422, field)
    del evidence[field]
    response = client.post("/identify", json={"sightings": sighting, "evidence": evidence})
    assert response.status_code == 200


def test_heat_map_of_a_class(client: TestClient, identifier: Identifier, photo: Path) -> None:
    (observation,) = identifier.observe_views([identifier.look_at(photo)])
    for name in identifier.classes:
        heat_map = post_photo(client, photo.read_bytes(), f"/identify?heat_map_of={name}")[
            "heat_map"
        ]
        assert heat_map["class"] == name
        np.testing.assert_allclose(
            heat_map["values"], identifier.heat_map(observation, name), atol=5e-4
        )


def test_training_photos_of_a_class(
    client: TestClient, identifier: Identifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = client.get("/photos?class=copper").json()["photos"]
    assert 1 <= len(photos) <= 8
    assert all(photo["photo"].startswith("copper/") for photo in photos)
    assert photos[0]["thumbnail"].startswith("data:image/jpeg;base64,")
    for query, reason in {
        "": "class must be given once",
        "?class=gold": "class 'gold' is no class of this model: see /minerals",
        "?class=copper&class=beryl": "class must be given once",
        "?class=copper&top=1": "top does not apply",
    }.items():
        response = client.get(f"/photos{query}")
        assert (response.status_code, reason in error_line(response)) == (422, True)
    monkeypatch.setattr(identifier, "gallery", None)
    assert client.get("/photos?class=copper").json() == {"class": "copper", "photos": []}


def test_internal_error_is_reported_without_details(
    identifier: Identifier, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*arguments: object) -> None:
        raise RuntimeError("secret path")

    app = build_app(identifier)
    with TestClient(app, "http://localhost", raise_server_exceptions=False) as client:
        monkeypatch.setattr(Identifier, "heat_map", failing)
        response = client.post("/identify", content=photo.read_bytes(), headers=JPEG)
        assert response.status_code == 500
        assert "secret" not in error_line(response)
        assert "content-security-policy" in response.headers
        monkeypatch.undo()
        assert post_photo(client, photo.read_bytes())["photos"] == 1


def test_crop_says_where_the_specimen_is(
    client: TestClient, identifier: Identifier, photo: Path
) -> None:
    answer = post_photo(client, photo.read_bytes(), "/identify?crop=0.25,0.25,0.5,0.5")
    expected = identifier.identify(photo, crop=(0.25, 0.25, 0.5, 0.5)).to_dict(top=10)
    assert answer["candidates"] == expected["candidates"]
    assert answer["crops"] == expected["crops"] == [[0.225, 0.225, 0.55, 0.55]]
    assert answer["heat_map"]["crop"] == answer["crops"][0]
    assert answer["heat_map"]["center_share"] == 0.55
    again = client.post("/identify", json={"sightings": answer["sightings"]}).json()
    assert again["crops"] == answer["crops"]
    form = client.post(
        "/identify", files={"image": photo.read_bytes()}, data={"crop": "0.25,0.25,0.5,0.5"}
    )
    assert form.json()["candidates"] == answer["candidates"]
