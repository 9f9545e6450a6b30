"""Schemas of answers, for the OpenAPI document. The app builds its answers as plain dicts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from mineral_recog.identify.class_tree import Level
from mineral_recog.serve.request_schemas import ApiModel, SightingInput

MODEL = "fingerprint of the model: another one after a restart means another model"
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Crop = Annotated[list[Share], Field(min_length=4, max_length=4)]


def _optional(description: str) -> Any:
    """Return a field whose key an answer may lack; its schema has no default and no null."""
    return Field(default_factory=lambda: None, description=description)


class BilingualText(ApiModel):
    """A text in both languages."""

    en: str = Field(description="the text in English")
    zh: str = Field(description="the text in Chinese")


class NamedClass(ApiModel):
    """A class of the model and its names."""

    class_: str = Field(alias="class", description="name of the class")
    names: BilingualText = Field(
        description="names of the mineral or group; the name of the class if it is neither"
    )


class ClassWithFacts(NamedClass):
    """A class of the model, its names and the facts about its mineral."""

    mineral: dict[str, Any] | None = Field(
        description="facts about the mineral: ranges as [low, high], words in both languages, null "
        "for an unknown fact; null for a class that is not in the table of minerals"
    )


class Hazard(ApiModel):
    """What is dangerous about minerals, and what to do about it."""

    kind: Literal["radioactive", "toxic dust", "toxic touch", "asbestos", "soluble poison"]
    names: BilingualText = Field(description="the kind in both languages")
    classes: list[str] = Field(
        description="names of the classes that have it, or of groups of which some minerals have it"
    )
    text: BilingualText = Field(description="the danger and what to do, in a sentence or two")


class Candidate(ClassWithFacts):
    """A class with its probability."""

    probability: Share = Field(description="probability by photo and evidence")
    by_photo: Share = Field(description="probability by the photo alone")
    in_set: bool = Field(description="whether the class is in `set`")
    hazards: list[Hazard] = Field(
        description="hazards of the mineral; empty if the table of minerals has none"
    )


class NoMineral(ApiModel):
    """Whether the photos show no mineral at all."""

    blank: bool = Field(description="whether all photos are blank")
    score: float | None = Field(
        description="how unlike any mineral the photos are, on average; null if the model has no "
        "such score"
    )
    limit: float | None = Field(description="highest score of a mineral; null without a score")


class NoneOfThese(ApiModel):
    """Whether the specimen seems to be something that the model was not trained on."""

    is_: bool = Field(alias="is", description="whether there is a `reason`")
    reason: Literal["no_mineral", "unknown_mineral"] | None = Field(
        description="no_mineral: a blank photo, or a score above its limit; unknown_mineral: a "
        "`strangeness` above `limit`; null if it seems to be one of the classes"
    )
    text: BilingualText | None = Field(description="the reason in a sentence; null without one")
    strangeness: float = Field(description="how unlike the classes the photos are, on average")
    limit: float = Field(description="highest strangeness of a known class")
    no_mineral: NoMineral


class Part(ApiModel):
    """A class of the model, or a mineral, group or class of minerals that joins several."""

    name: str = Field(description="name of the class of the model, or name in English")
    names: BilingualText = Field(description="names in both languages")
    rank: Literal["variety", "species", "series", "group", "class"] | None = Field(
        description="rank in the taxonomy; null for a class that is not in it"
    )
    probability: Share = Field(description="sum of the probabilities of its classes")


class RolledUp(Part):
    """The most specific name that is as probable as the requested coverage.

    If none is, it is the most probable one of the level.
    """

    level: Level | None = Field(description="the requested finest level; null for the classes")
    reached: bool = Field(description="whether it is as probable as the requested coverage")
    text: BilingualText = Field(description="the answer as a sentence")
    parts: list[Part] = Field(description="what is directly below it, most probable first")


class PredictionSet(ApiModel):
    """Classes that include the right one with the requested probability."""

    coverage: Share = Field(description="the requested probability")
    classes: list[str] = Field(description="names of the classes, most likely first")
    names: list[BilingualText] = Field(
        description="names of the classes; one name for all classes of a group of three or more"
    )


class PhysicalTest(ApiModel):
    """A physical test worth doing next."""

    key: str = Field(description="key of the test in the evidence of a question")
    bits: float = Field(description="expected information gain")
    text: BilingualText = Field(description="how to do the test, and its likely results")
    caution: BilingualText | None = Field(
        description="what the test does to the specimen, and when not to do it; null if it does "
        "nothing to it"
    )


class TestsLeftOut(ApiModel):
    """Physical tests that would help, but could do harm."""

    __test__ = False  # pytest must not collect it

    keys: list[str] = Field(description="keys of the tests in the evidence of a question")
    text: BilingualText = Field(
        description="the tests, and the minerals that make them harmful; if none of `tests` is "
        "left, what to do instead"
    )


class Caution(ApiModel):
    """Why physical tests could do harm to whoever does them."""

    keys: list[str] = Field(description="keys of the tests in the evidence of a question")
    text: BilingualText = Field(
        description="the minerals and groups that make them harmful, and their hazards; the test "
        "is its subject"
    )


class Lookalike(NamedClass):
    """A class that can be confused with the first candidate."""

    text: BilingualText | None = Field(
        description="how it differs from the first candidate; null if that is unknown"
    )


class HeatMap(ApiModel):
    """Where in the photo the model sees a class."""

    values: list[list[Share]] = Field(
        description="rows from the top; they cover the square that the model looked at closely"
    )
    class_: str = Field(alias="class", description="name of the class")
    center_share: Share = Field(description="side of that square over the photo's short side")
    crop: Crop = Field(description="that square: left, top, width and height as fractions")


class TrainingPhoto(ApiModel):
    """A photo of the training data."""

    photo: str = Field(description="path of the photo in the training data")
    thumbnail: str = Field(description="the photo in small, as a data URL of a JPEG")


class SimilarPhoto(NamedClass, TrainingPhoto):
    """A training photo that is similar to the photo sent."""

    similarity: float = Field(description="cosine similarity of the features, at most 1")


class ClassPhotos(ApiModel):
    """Training photos of a class."""

    class_: str = Field(alias="class", description="name of the class")
    photos: list[TrainingPhoto] = Field(
        description="some of its training photos; empty if the model comes without"
    )


class Answer(ApiModel):
    """An answer about one specimen."""

    photos: Count = Field(description="number of photos that the answer is based on")
    rolled_up: RolledUp
    none_of_these: NoneOfThese
    candidates: list[Candidate] = Field(description="most likely classes, most likely first")
    set: PredictionSet
    hazards: list[Hazard] = Field(
        description="hazards of the minerals of the set, of the first candidate and of those that "
        "`rolled_up` names, its likely parts included, once for each kind; empty if the photos "
        "show no mineral"
    )
    evidence: dict[str, Any] = Field(
        description="the evidence as parsed; null for a test that was not done"
    )
    evidence_text: BilingualText | None = Field(
        description="the evidence as parsed, in words; null if no test was done"
    )
    unknown_to_table: list[str] = Field(
        description="names of the classes that the table of minerals lacks; evidence does not "
        "affect them"
    )
    tests: list[PhysicalTest] = Field(description="safe tests to do next, most informative first")
    tests_left_out: TestsLeftOut | None = Field(
        description="tests that would help, but could do harm; null without any"
    )
    cautions: list[Caution] = Field(
        description="which tests could do harm with a mineral of the set, or with one that is at "
        "least 1 % probable, and why; to be shown where their results are entered"
    )
    lookalikes: list[Lookalike] = Field(
        description="classes that can be confused with the first candidate"
    )
    warnings: list[BilingualText] = Field(
        description="what is odd about the photo sent and may have changed the answer"
    )
    crops: list[Crop | None] = Field(
        description="for each photo, the part that the model looked at closely: left, top, width "
        "and height as fractions of the upright photo; null for the middle alone"
    )
    sightings: list[SightingInput] = _optional(
        "outputs of the model for the photo sent, to be sent again in a question"
    )
    heat_map: HeatMap = _optional("only for a photo, unless it is switched off")
    similar: list[SimilarPhoto] = _optional("training photos most similar to the photo sent")


class Minerals(ApiModel):
    """The classes that the model knows."""

    model: str = Field(description=MODEL)
    center_share: Share = Field(
        description="side of the middle square that the model looks at, over the photo's short side"
    )
    classes: list[ClassWithFacts] = Field(description="all classes, in the order of the logits")
    words: dict[str, list[BilingualText]] = Field(
        description="words that evidence may contain, by the key of the test, such as streak"
    )


class Health(ApiModel):
    """The state of the server."""

    status: Literal["ok"] = Field(description="always ok")
    version: str = Field(description="version of mineral-recog")
    model: str = Field(description=MODEL)
    classes: Count = Field(description="number of classes that the model knows")
    waiting: Count = Field(description="number of photos that wait for the network")


class Error(ApiModel):
    """Why a request failed."""

    error: str = Field(description="what is wrong and what to do, in one line")
    field: str = _optional("key of the evidence that is not understood, such as hardness")
