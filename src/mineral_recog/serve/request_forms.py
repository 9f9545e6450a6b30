"""Forms with photos, as `curl -F image=@photo.jpg` and HTML forms send them."""

from __future__ import annotations

from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from mineral_recog.i18n import tr
from mineral_recog.serve.http_errors import HttpError
from mineral_recog.serve.request_schemas import MAX_SIGHTINGS, AnswerParameters

MAX_FIELD_BYTES = 1000
MAX_PARTS = MAX_SIGHTINGS + len(AnswerParameters.model_fields)


@dataclass
class _Part:
    """A part of a form: its headers by lower-case name, and its content."""

    headers: dict[bytes, bytes] = field(default_factory=dict)
    content: bytearray = field(default_factory=bytearray)


class _Form:
    """The parts of a form as its parser finds them. They stay in memory: nothing goes to disk."""

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        self.is_complete = False
        self._name, self._value = b"", b""

    def on_part_begin(self) -> None:
        if len(self.parts) == MAX_PARTS:
            raise ValueError("too many parts")
        self.parts.append(_Part())

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        self.parts[-1].headers[self._name.lower()] = self._value
        self._name, self._value = b"", b""

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].content += data[start:end]

    def on_end(self) -> None:
        self.is_complete = True


def parse_form(content_type: str, body: bytes) -> tuple[list[bytes], list[tuple[str, str]]]:
    """Return the photos of a form, whatever their fields are called, and its other fields.

    Args:
        content_type: Header of the request, with the boundary of the form.
        body: The form.

    Raises:
        HttpError: 400 not a form, or too many files or fields in it; 415 no photo in it.
    """
    form = _Form()
    names = ("part_begin", "header_field", "header_value", "header_end", "part_data", "end")
    callbacks = {f"on_{name}": getattr(form, f"on_{name}") for name in names}
    photos, fields = [], []
    try:
        boundary = parse_options_header(content_type)[1][b"boundary"]
        MultipartParser(boundary, callbacks).write(body)  # type: ignore[arg-type]
        for part in form.parts:
            options = parse_options_header(part.headers[b"content-disposition"])[1]
            if b"filename" in options:
                photos.append(bytes(part.content))
            elif len(part.content) <= MAX_FIELD_BYTES:
                fields.append((options[b"name"].decode(), part.content.decode()))
            else:
                raise ValueError("a field is too long")
    except (FormParserError, KeyError, ValueError):
        form.is_complete = False
    if not form.is_complete or len(photos) > MAX_SIGHTINGS:
        raise HttpError(
            400,
            tr(
                f"The form cannot be read: send 1 to {MAX_SIGHTINGS} photos as multipart/form-data "
                "and evidence in short fields.",
                f"表单无法解析：请以 multipart/form-data 发送 1 至 {MAX_SIGHTINGS} 张照片，"
                "证据用简短的字段。",
            ),
        )
    if not photos:
        raise HttpError(
            415,
            tr(
                "The form has no photo: attach one, as in curl -F image=@photo.jpg.",
                "表单里没有照片：请附上照片，例如 curl -F image=@photo.jpg。",
            ),
        )
    return photos, fields
