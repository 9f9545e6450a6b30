"""Uploaded photos of formats that not every server reads, and empty ones."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from mineral_recog.data.images import can_read_heic
from tests.serve.test_app import JPEG, error_line, post_photo


@pytest.mark.skipif(not can_read_heic(), reason="pillow-heif is not installed")
def test_heic_is_read_with_its_decoder_alone(
    client: TestClient, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, large = BytesIO(), BytesIO()
    Image.open(photo).convert("RGB").save(file, "HEIF", quality=90)
    assert post_photo(client, file.getvalue())["photos"] == 1
    Image.new("RGB", (6000, 4200)).save(large, "HEIF")
    response = client.post("/identify", content=large.getvalue(), headers=JPEG)
    assert response.status_code == 413
    assert "more than the 25 million of a HEIC" in error_line(response)
    damaged = file.getvalue()[: len(file.getvalue()) // 2]
    assert client.post("/identify", content=damaged, headers=JPEG).status_code in (415, 422)
    monkeypatch.setattr("mineral_recog.serve.uploads.can_read_heic", lambda: False)
    response = client.post("/identify", content=file.getvalue(), headers=JPEG)
    assert response.status_code == 415
    assert "does not read HEIC: save the photo as JPEG" in error_line(response)


def test_empty_file_of_a_form_is_reported_as_such(client: TestClient, photo: Path) -> None:
    for files in ([b""], [photo.read_bytes(), b""]):
        response = client.post("/identify", files=[("image", ("x.jpg", file)) for file in files])
        assert response.status_code == 415
        assert "The file is empty (0 bytes)" in error_line(response)
