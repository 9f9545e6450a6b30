"""What may be asked: the schemas of requests, and reading them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mineral_recog.i18n import tr
from mineral_recog.identify.answer import Sighting
from mineral_recog.identify.evidence import Evidence, read_evidence
from mineral_recog.serve.http_errors import RefusedError

MOST_SIGHTINGS = 16
Number = Annotated[float, Field(ge=-1e6, le=1e6)]  # far beyond any logit, far below an overflow
Text = Annotated[str, Field(max_length=200)]
Coverage = Annotated[
    float, Field(gt=0, lt=1, description="probability with which the set holds the right class")
]
Top = Annotated[int, Field(ge=1, le=100_000, description="candidates to answer with")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class EvidenceTexts(_Model):
    """What the hand found, as people write it, in English or Chinese; blank is not tested."""

    hardness: Annotated[
        Text | None, Field(description="on Mohs' scale: 6, 5-6, >5.5, or 'scratches glass'")
    ] = None
    streak: Annotated[Text | None, Field(description="a colour of the list of words")] = None
    lustre: Annotated[Text | None, Field(description="a word of the list")] = None
    density: Annotated[Text | None, Field(description="g/cm3: 2.65, or 4.8-5.2")] = None
    magnetic: Annotated[Text | None, Field(description="yes or no")] = None
    acid: Annotated[
        Text | None, Field(description="whether it fizzes in dilute acid: yes or no")
    ] = None

    def read(self) -> Evidence:
        """The evidence that the texts tell.

        Raises:
            UserError: one of them is not understood.
        """
        names = EvidenceTexts.model_fields
        return read_evidence(**{name: getattr(self, name) for name in names})


class Asked(EvidenceTexts):
    """What the address of a request with a photo asks for."""

    coverage: Coverage = 0.9
    top: Top = 10
    heat_map: Annotated[
        bool, Field(description="yes or no; without it the answer comes many times as fast")
    ] = True


class SightingSent(_Model):
    """What the model saw in a photo, as an earlier answer told it."""

    model_config = ConfigDict(strict=True)

    logits: Annotated[list[Number], Field(description="one for each class, as answered")]
    strangeness: Number


class Question(_Model):
    """Photos of one specimen that the model has seen already, and what the hand found."""

    model_config = ConfigDict(strict=True)

    sightings: Annotated[list[SightingSent], Field(min_length=1, max_length=MOST_SIGHTINGS)]
    evidence: EvidenceTexts = EvidenceTexts()
    coverage: Coverage = 0.9
    top: Top = 10

    def seen(self, classes: int) -> list[Sighting]:
        """The sightings, of a model of so many classes.

        Raises:
            RefusedError: 422, they are of another model.
        """
        for one in self.sightings:
            if len(one.logits) != classes:
                raise RefusedError(
                    422,
                    tr(
                        f"A sighting has {len(one.logits)} logits, the model has {classes} "
                        "classes: send the photo again.",
                        f"一份观察有 {len(one.logits)} 个 logits，而模型有 {classes} 个类别："
                        "请重新发送照片。",
                    ),
                )
        return [
            Sighting(np.array(one.logits, dtype=np.float32), one.strangeness)
            for one in self.sightings
        ]


def largest_question(classes: int) -> int:
    """Bytes that a question needs at most, spaces and evidence included."""
    return 2**14 + MOST_SIGHTINGS * (classes + 1) * 32


def read_asked(parameters: Mapping[str, str]) -> Asked:
    """What the parameters of an address ask for.

    Raises:
        RefusedError: 422, a parameter is unknown or wrong.
    """
    try:
        return Asked.model_validate(dict(parameters))
    except ValidationError as error:
        raise _wrong(error) from None


def read_question(body: bytes) -> Question:
    """The question in a JSON text.

    Raises:
        RefusedError: 400 no JSON, 422 not of the schema.
    """
    try:
        return Question.model_validate_json(body)
    except ValidationError as error:
        raise _wrong(error) from None


def _wrong(error: ValidationError) -> RefusedError:
    first: Any = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))[:100]
    if first["type"] == "json_invalid":
        return RefusedError(400, tr("That is not JSON: send JSON.", "这不是 JSON：请发送 JSON。"))
    if first["type"] == "extra_forbidden":
        names = ", ".join(EvidenceTexts.model_fields)
        return RefusedError(
            422,
            tr(
                f"{where} is not known here; evidence is any of {names}.",
                f"不认识 {where}；证据可以是 {names}。",
            ),
        )
    return RefusedError(
        422,
        tr(
            f"{where} is not as it must be ({first['msg']}): see /openapi.json.",
            f"{where} 不符合要求（{first['msg']}）：请参见 /openapi.json。",
        ),
    )
