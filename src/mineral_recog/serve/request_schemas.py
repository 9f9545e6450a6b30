"""Schemas of requests, and their parsing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mineral_recog.errors import UserError
from mineral_recog.i18n import Language, tr
from mineral_recog.identify.answer import PhotoOutputs
from mineral_recog.identify.class_tree import Level
from mineral_recog.identify.evidence import Evidence, read_evidence
from mineral_recog.identify.region import Region, parse_region
from mineral_recog.serve.http_errors import HttpError
from mineral_recog.validation import reason

MAX_SIGHTINGS = 16
# Of a question to a model with few classes: the sightings may be from one with thousands of
# classes, which is reported as such and not as too many bytes.
MIN_QUESTION_BYTES = 2**20
Number = Annotated[float, Field(ge=-1e6, le=1e6)]  # far beyond any logit, far below an overflow
Text = Annotated[str, Field(max_length=200)]
Problem = Literal["small", "dark", "blurred", "flat", "blank"]
Coverage = Annotated[
    float, Field(gt=0, lt=1, description="probability with which the set contains the right class")
]
FinestLevel = Annotated[
    Level | None,
    Field(description="finest level of `rolled_up`; by default that of the classes of the model"),
]
Top = Annotated[int, Field(ge=1, le=100_000, description="number of candidates in the answer")]
_LOST_PLUS = re.compile(r"\d (?:-\d|$)")  # an address has a space for the plus of 5.5+


class ApiModel(BaseModel):
    """A model that allows no further keys."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class EvidenceTexts(ApiModel):
    """Results of physical tests as free text in English or Chinese; blank means not tested."""

    hardness: Annotated[
        Text | None, Field(description="Mohs hardness: 6.5 or 6,5, 5-6, >5.5, or 'scratches glass'")
    ] = None
    streak: Annotated[Text | None, Field(description="a colour from the words of /minerals")] = None
    lustre: Annotated[Text | None, Field(description="a word from the words of /minerals")] = None
    density: Annotated[
        Text | None,
        Field(
            description="g/cm3: 2.65 or 2,65, 4.8-5.2, >4, or two weights, 'dry 52.3 wet 33.1' or "
            "'dry 52.3 gain 19.2'"
        ),
    ] = None
    magnetic: Annotated[
        Text | None,
        Field(description="whether a magnet attracts it: yes, no, or weak (only a strong magnet)"),
    ] = None
    acid: Annotated[
        Text | None, Field(description="whether it fizzes in dilute acid: yes, no, or 'weak'")
    ] = None
    colours: Annotated[
        Text | None,
        Field(description="one or several colours from the words of /minerals: 'green, brown'"),
    ] = None
    transparency: Annotated[
        Text | None, Field(description="transparent, translucent or opaque")
    ] = None
    habit: Annotated[
        Text | None, Field(description="one or several forms from the words of /minerals")
    ] = None
    cleavage: Annotated[
        Text | None,
        Field(
            description="quality of the best cleavage: none, poor, good or perfect; the number of "
            "directions may follow: 'perfect, 3'"
        ),
    ] = None
    cleavage_directions: Annotated[
        Text | None, Field(description="number of directions of cleavage: 0 to 6")
    ] = None
    fracture: Annotated[Text | None, Field(description="a word from the words of /minerals")] = None
    tenacity: Annotated[Text | None, Field(description="a word from the words of /minerals")] = None
    fluorescence_long: Annotated[
        Text | None,
        Field(description="colour of its glow in long-wave ultraviolet light, or none"),
    ] = None
    fluorescence_short: Annotated[
        Text | None,
        Field(description="colour of its glow in short-wave ultraviolet light, or none"),
    ] = None

    def parse(self) -> Evidence:
        """Parse the texts.

        Raises:
            HttpError: 422, a text is not understood, or two about cleavage contradict each other.
        """
        texts = {name: getattr(self, name) for name in EvidenceTexts.model_fields}
        for name, text in texts.items():
            _read(name, {name: text})
        return _read("cleavage_directions", texts)  # the only one that another can contradict


def _read(field: str, texts: dict[str, str | None]) -> Evidence:
    """Read evidence; an error names the field."""
    try:
        return read_evidence(**texts)
    except UserError as error:
        raise HttpError(422, str(error), field=field) from None


class AnswerParameters(EvidenceTexts):
    """Query parameters of a request with a photo."""

    coverage: Coverage = 0.9
    level: FinestLevel = None
    top: Top = 10
    heat_map: Annotated[
        bool,
        Field(description="whether to add a heat map: yes or no; no is many times as fast"),
    ] = True
    heat_map_of: Annotated[
        Text | None,
        Field(description="name of the class of the heat map; by default the first candidate"),
    ] = None
    crop: Annotated[
        Text | None,
        Field(
            description="where the specimen is in each photo: left, top, width and height as "
            "fractions of the upright photo, such as 0.5,0.25,0.2,0.3; by default, the model looks "
            "for it"
        ),
    ] = None

    def region(self) -> Region | None:
        """Parse the crop.

        Raises:
            UserError: It is not a part of a photo.
        """
        return None if self.crop is None else parse_region(self.crop)

    def heat_map_class(self, classes: Sequence[str], first: str) -> str | None:
        """Return the class of the heat map; None for no heat map.

        Args:
            classes: Classes of the model.
            first: The first candidate.

        Raises:
            HttpError: 422, the class is unknown, or there is no heat map to choose it for.
        """
        if self.heat_map_of is None:
            return first if self.heat_map else None
        if not self.heat_map:
            raise _parameter_error(
                "heat_map_of", tr("has no effect with heat_map=no", "在 heat_map=no 时不起作用")
            )
        return check_class("heat_map_of", self.heat_map_of, classes)


class SightingInput(ApiModel):
    """Outputs of the model for a photo; an answer contains them, a question sends them again."""

    model_config = ConfigDict(strict=True)

    logits: Annotated[list[Number], Field(description="one per class")]
    strangeness: Annotated[Number, Field(description="how unlike the classes the photo is")]
    no_mineral: Annotated[
        Number | None, Field(description="how unlike any mineral the photo is; null if unknown")
    ] = None
    problems: Annotated[
        dict[Problem, Text],
        Field(description="what is wrong with the photo, each with its figure"),
    ] = Field(default_factory=dict)
    model: Annotated[
        Text | None,
        Field(description="fingerprint of the model; without that of the current one: status 409"),
    ] = None
    crop: Annotated[
        list[Annotated[float, Field(ge=0, le=1)]] | None,
        Field(
            min_length=4,
            max_length=4,
            description="the part of the photo that the model looked at closely: left, top, width "
            "and height as fractions of the upright photo; null for the middle alone",
        ),
    ] = None


class Question(ApiModel):
    """Outputs of the model for photos of one specimen, and results of physical tests."""

    model_config = ConfigDict(strict=True)

    sightings: Annotated[list[SightingInput], Field(min_length=1, max_length=MAX_SIGHTINGS)]
    evidence: EvidenceTexts = EvidenceTexts()
    coverage: Coverage = 0.9
    level: FinestLevel = None
    top: Top = 10

    def to_outputs(self, model: str, class_count: int) -> list[PhotoOutputs]:
        """Return the outputs.

        Args:
            model: Fingerprint of the model that answers.
            class_count: Number of its classes.

        Raises:
            HttpError: 409, the outputs are from another model; 422, they are incomplete.
        """
        if any(sighting.model != model for sighting in self.sightings):
            raise HttpError(
                409,
                tr(
                    "The sightings are not from the model that answers now (`model` differs or is "
                    "missing): send the photos again.",
                    "这些 sightings 不是当前模型给出的（`model` 不同或缺失）：请重新发送照片。",
                ),
            )
        for sighting in self.sightings:
            if len(sighting.logits) != class_count:
                raise HttpError(
                    422,
                    tr(
                        f"A sighting has {len(sighting.logits)} logits, but the model has "
                        f"{class_count} classes: send the photo again.",
                        f"sightings 中有一项含 {len(sighting.logits)} 个 logits，"
                        f"而模型有 {class_count} 个类别：请重新发送照片。",
                    ),
                )
        return [
            PhotoOutputs(
                np.array(sighting.logits, dtype=np.float32),
                sighting.strangeness,
                region=None if sighting.crop is None else Region(*sighting.crop),
                gate_score=sighting.no_mineral,
                problems={str(kind): detail for kind, detail in sighting.problems.items()},
            )
            for sighting in self.sightings
        ]


def max_question_bytes(class_count: int) -> int:
    """Return the largest size of a question in bytes, including spaces and evidence."""
    return max(MIN_QUESTION_BYTES, 2**14 + MAX_SIGHTINGS * (class_count + 8) * 32)


def parse_parameters(parameters: Iterable[tuple[str, str]]) -> AnswerParameters:
    """Parse the parameters of a query and of a form, without `lang`.

    Raises:
        HttpError: 422, a parameter is unknown, invalid, or given twice.
    """
    values: dict[str, str] = {}
    for name, value in parameters:
        if name in values:
            raise _parameter_error(name, tr("is given twice: give it once", "重复：请只给一次"))
        values[name] = value
    try:
        return AnswerParameters.model_validate(values)
    except ValidationError as error:
        raise _validation_error(error) from None


def check_class(parameter: str, name: str, classes: Sequence[str]) -> str:
    """Return the name of a class of the model.

    Raises:
        HttpError: 422, the model has no such class.
    """
    if name not in classes:
        raise _parameter_error(
            parameter,
            tr(
                f"{name[:60]!r} is no class of this model: see /minerals",
                f"{name[:60]!r} 不是本模型的类别：请参见 /minerals",
            ),
        )
    return name


def parse_photos_query(parameters: Iterable[tuple[str, str]], classes: Sequence[str]) -> str:
    """Return the class in a query for its training photos.

    Raises:
        HttpError: 422, it is missing, given twice or unknown, or there is another parameter.
    """
    parameters = list(parameters)
    refuse_parameters([(name, value) for name, value in parameters if name != "class"])
    names = [value for _, value in parameters]
    if len(names) != 1:
        raise _parameter_error("class", tr("must be given once", "须给出一次"))
    return check_class("class", names[0], classes)


def check_query(query: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Check `lang` in a query, and return the other parameters.

    Raises:
        HttpError: 422, the language is not supported or given twice, or a number has a space that
            was a plus sign before the address was decoded.
    """
    query = list(query)
    languages = [value for name, value in query if name == "lang"]
    supported = get_args(Language)
    if len(languages) > 1 or not set(languages) <= set(supported):
        choice = " | ".join(supported)
        raise _parameter_error("lang", tr(f"must be one of {choice}", f"须为 {choice} 之一"))
    for name, value in query:
        if name in ("hardness", "density") and _LOST_PLUS.search(value):
            reason = tr(
                f"{value!r} has a space that may have been a plus sign: write + as %2B in an "
                "address, and a range without spaces",
                f"{value!r} 中的空格可能原是加号：网址中请把 + 写作 %2B，范围中不要加空格",
            )
            raise _parameter_error(name, reason)
    return [(name, value) for name, value in query if name != "lang"]


def refuse_parameters(parameters: Iterable[tuple[str, str]]) -> None:
    """Refuse parameters where there is nothing that they could apply to.

    Raises:
        HttpError: 422, there is a parameter.
    """
    for name, _ in parameters:
        raise _parameter_error(
            name, tr("does not apply to this request: leave it out", "不适用于此请求：请去掉")
        )


def _parameter_error(name: str, reason: str) -> HttpError:
    return HttpError(422, tr(f"{name[:100]} {reason}.", f"{name[:100]} {reason}。"))


def parse_question(body: bytes) -> Question:
    """Parse a question in JSON.

    Raises:
        HttpError: 400 not JSON, 422 does not match the schema.
    """
    try:
        return Question.model_validate_json(body)
    except ValidationError as error:
        raise _validation_error(error) from None


def _validation_error(error: ValidationError) -> HttpError:
    first: Any = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))[:100]
    if first["type"] == "json_invalid":
        return HttpError(
            400, tr("The request is not JSON: send JSON.", "请求内容不是 JSON：请发送 JSON。")
        )
    if first["type"] == "extra_forbidden":
        names = ", ".join(EvidenceTexts.model_fields)
        return HttpError(
            422,
            tr(
                f"{where} is unknown: evidence may be any of {names}.",
                f"未知的键 {where}：证据可以是 {names}。",
            ),
        )
    return HttpError(
        422,
        tr(
            f"{where} is invalid ({reason(first)}): see /openapi.json.",
            f"{where} 无效（{reason(first)}）：请参见 /openapi.json。",
        ),
    )
