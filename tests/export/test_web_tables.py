"""Evidence in JavaScript: the tables that it reads, and its answers against those of Python."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mineral_recog
from mineral_recog.calibration.calibration import Calibration
from mineral_recog.calibration.conformal import ConformalScores
from mineral_recog.calibration.ood import OodDetector, RelativeDistance
from mineral_recog.errors import UserError
from mineral_recog.export.web_patterns import javascript_pattern
from mineral_recog.export.web_tables import web_tables
from mineral_recog.i18n import Language, use_language
from mineral_recog.identify.answer import Answer, PhotoOutputs, answer_from_outputs
from mineral_recog.identify.evidence import Evidence
from mineral_recog.identify.next_test import TestAdvisor
from mineral_recog.identify.roll_up import RollUp
from mineral_recog.identify.taxon import find_taxon
from mineral_recog.minerals.facts import read_minerals
from mineral_recog.minerals.taxonomy import Taxonomy
from mineral_recog.serve.http_errors import HttpError
from mineral_recog.serve.request_schemas import EvidenceTexts, parse_question
from tests.programs import NEEDS_NODE, NODE

EVIDENCE = Path(mineral_recog.__file__).parent / "page" / "offline" / "evidence"
CASES = Path(__file__).parent / "evidence_cases.js"

TABLE = read_minerals()
TAXONOMY = Taxonomy(TABLE)
# All minerals, groups with and without a row, one mineral twice, and a class that is neither.
CLASSES = (*(mineral.name for mineral in TABLE), "石英", "garnet", "Amphibole", "碎石")
TOLERANCE = 1e-9

Case = dict[str, Any]


@pytest.fixture(scope="module")
def tables() -> dict[str, Any]:
    return web_tables("fingerprint", CLASSES, TABLE)


@pytest.fixture(scope="module")
def in_javascript(
    tables: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[list[Case], list[Case]], Case]:
    """Return a function that runs the JavaScript on questions and on texts of evidence."""
    folder = tmp_path_factory.mktemp("javascript")
    shutil.copytree(EVIDENCE, folder / "evidence")
    shutil.copy(CASES, folder)
    (folder / "package.json").write_text('{"type": "module"}')

    def run(answers: list[Case], readings: list[Case]) -> Case:
        cases = json.dumps({"tables": tables, "answers": answers, "readings": readings})
        assert NODE is not None
        done = subprocess.run(
            [NODE, str(folder / CASES.name)], input=cases, capture_output=True, text=True,
            encoding="utf-8", check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        result: Case = json.loads(done.stdout)
        return result

    return run


# Texts of each test, as people write them.
TEXTS: dict[str, tuple[str, ...]] = {
    "hardness": (
        "6", "6,5", ">5.5", "3.5-5.5", "between 2 and 3", "5 1/2", "5½", "at least 6 and below 7",
        "scratches glass", "not scratch glass or steel", "scratched by knife but not by fingernail",
        "划玻璃", "被小刀划动，指甲划不动", "约 6.5", "6±0.5", "6.5以上", "mohs ２.５", "10",
        "5.0625-6", "softer than a copper coin", "٦",
    ),
    "streak": ("white", "greenish black", "条痕为红棕色", "purple", "无色"),
    "lustre": ("metallic", "glassy", "玻璃光泽", "土状"),
    "density": (
        "2.65", "4.8-5.2", ">4", "5 g/cm³", "dry 52.3 wet 33.1", "dry 52.3 g gain 19.2 ml",
        "干重 52,3 水中 33,1", "sg 7.5", "19", "密度约3.2",
    ),
    "magnetic": ("yes", "no", "weak", "only by a strong magnet", "被强磁铁吸引", "无磁性"),
    "acid": ("yes", "does not fizz", "微弱起泡", "fizzes when powdered"),
    "colours": ("green", "green and brown", "黄色带褐色", "black, white, grey", "purplish"),
    "transparency": ("clear", "milky", "不透明"),
    "habit": ("needles", "cubes, octahedral", "葡萄状", "massive and granular and earthy"),
    "cleavage": ("perfect, 3", "none", "like mica", "三组完全解理", "good"),
    "cleavage_directions": ("3", "two", "一组", "cubic", "none"),
    "fracture": ("conchoidal", "uneven", "锯齿状"),
    "tenacity": ("brittle", "bends and springs back", "可切"),
    "fluorescence_long": ("none", "bright green", "strong orange glow", "红色荧光"),
    "fluorescence_short": ("dark", "glows blue", "长波紫外灯下无荧光", "weak yellow"),
}  # fmt: skip
# What is not understood, contradicts itself, or is not on the scale.
BAD_TEXTS: tuple[dict[str, Any], ...] = (
    *({test: text} for test in TEXTS for text in ("blah", "'it's' \"so\"", "\\\t\u200b\u00ad石")),
    *({test: "a long text " * 5} for test in TEXTS),
    {"hardness": ">7, <3"}, {"hardness": "11"}, {"hardness": "5, 6"}, {"hardness": "or 5"},
    {"hardness": "not not scratch glass"}, {"hardness": "softer than 2 and harder than quartz"},
    {"density": "dry 20 wet 30"}, {"density": "dry 20 gain 0"}, {"density": "dry 2 wet 1"},
    {"density": "dry 52.3 gain 0.3"}, {"density": "dry 999999 gain 12.00"},
    {"density": "dry 5 kg wet 3 g"}, {"density": "0.1"}, {"density": "dry 1 gain 90.0"},
    {"cleavage": "none", "cleavage_directions": "2"}, {"cleavage": "perfect, 3 and 4"},
    {"cleavage": "good", "cleavage_directions": "0"}, {"cleavage_directions": "7"},
    {"cleavage": "cubic", "cleavage_directions": "none"}, {"cleavage": "good, 0"},
    {"cleavage": "perfect, 1", "cleavage_directions": "立方体"},
    {"magnetic": "not strongly magnetic"}, {"acid": "perhaps"}, {"colours": "green and glassy"},
    {"streak": "x" * 201}, {"streak": 5}, {"luster": "metallic"}, {"hardness": "\ufeff"},
    {"streak": "blah", "hardness": "blah"},
)  # fmt: skip


def random_texts(rng: np.random.Generator) -> dict[str, str]:
    """Return texts for none to six tests."""
    tests = rng.permutation(sorted(TEXTS))[: rng.integers(0, 7)]
    texts = {str(test): str(rng.choice(TEXTS[str(test)])) for test in tests}
    if "cleavage" in texts:  # the two could contradict each other
        texts.pop("cleavage_directions", None)
    return texts


def make_calibration(rng: np.random.Generator) -> Calibration:
    """Return a calibration by which about one of a hundred classes is in a set without reason."""
    count = len(CLASSES)
    scores = rng.beta(3, 1, 12 * count).astype(np.float32).reshape(count, 12)
    none = np.zeros((count, 1), dtype=np.float32)
    return Calibration(
        1.0,
        ConformalScores(np.sort(scores).ravel(), (12,) * count, ("tail",) * count),
        OodDetector(RelativeDistance(none, none, none[:1], none, 0.0), 0.0, 1.0, 1.0),
    )


def question(answer: Answer, texts: dict[str, str], thresholds: list[float]) -> Case:
    """Return a question about the same photos, with what other parts of the page compute."""
    by_name = {candidate.name: candidate.photo_probability for candidate in answer.candidates}
    rolled_up = answer.rolled_up
    return {
        "byPhoto": [by_name[name] for name in CLASSES],
        "evidence": texts,
        "language": "en",
        "thresholds": thresholds,
        "named": [
            {"name": part.name.name, "probability": part.probability}
            for part in (rolled_up.whole, rolled_up.first, *rolled_up.parts)
        ],
        "isNoMineral": answer.none_reason == "no_mineral",
        "top": 12,
    }


def without_rounding(value: Any) -> Any:
    """Return JSON values without the rounded figures, which are compared on their own."""
    if isinstance(value, list):
        return [without_rounding(item) for item in value]
    if isinstance(value, dict):
        rounded = ("probability", "by_photo", "bits")
        return {key: without_rounding(item) for key, item in value.items() if key not in rounded}
    return value


@NEEDS_NODE
def test_javascript_answers_as_python_does(
    in_javascript: Callable[[list[Case], list[Case]], Case],
) -> None:
    rng = np.random.default_rng(25)
    calibration = make_calibration(rng)
    thresholds = calibration.conformal.thresholds(0.9).tolist()
    taxa = [find_taxon(name, TABLE, TAXONOMY) for name in CLASSES]
    advisor = TestAdvisor([TABLE.find(name) for name in CLASSES], taxa)
    answer_to = partial(
        answer_from_outputs, classes=CLASSES, advisor=advisor, calibration=calibration,
        roll_up=RollUp(CLASSES, TAXONOMY), coverage=0.9,
    )  # fmt: skip
    answers, questions = [], []
    for number in range(200):
        texts = random_texts(rng)
        logits = rng.normal(size=len(CLASSES)) * rng.uniform(0.5, 6)
        problems = {"blank": ""} if number % 20 == 19 else {}
        photo = PhotoOutputs(logits.astype(np.float32), 0.0, problems=problems)
        answers.append(answer_to([photo], evidence=EvidenceTexts(**texts).parse()))
        questions.append(question(answers[-1], texts, thresholds))
    results = in_javascript(questions, [])["answers"]
    for answer, result, case in zip(answers, results, questions, strict=True):
        check_answer(answer, result, case["evidence"])


def check_answer(answer: Answer, result: Case, texts: dict[str, str]) -> None:
    """Compare an answer of JavaScript with that of Python."""
    order = [CLASSES[label] for label in result["order"]]
    assert order == [candidate.name for candidate in answer.candidates], texts
    ours = [candidate.probability for candidate in answer.candidates]
    theirs = [result["probabilities"][label] for label in result["order"]]
    assert theirs == pytest.approx(ours, abs=TOLERANCE, rel=TOLERANCE), texts
    expected = json.loads(answer.to_json(12))
    given = result["answer"]
    assert without_rounding(given) == {key: without_rounding(expected[key]) for key in given}, texts
    for key in ("probability", "by_photo"):
        figures = [candidate[key] for candidate in expected["candidates"]]
        assert [c[key] for c in given["candidates"]] == pytest.approx(figures, abs=1.01e-6)
    bits = [test["bits"] for test in expected["tests"]]
    assert [test["bits"] for test in given["tests"]] == pytest.approx(bits, abs=1.01e-3)


def reading_in_python(texts: dict[str, Any], language: Language) -> Case:
    """Return what the API makes of texts: the outcomes, or the message of the error."""
    sighting = {"logits": [0.0], "strangeness": 0.0}
    body = json.dumps({"sightings": [sighting], "evidence": texts}).encode()
    with use_language(language):
        try:
            outcomes = parse_question(body).evidence.parse().outcomes()
        except (HttpError, UserError) as error:
            return {"error": str(error)}
    result: Case = json.loads(json.dumps(outcomes))
    return result


@NEEDS_NODE
def test_javascript_reads_texts_as_the_api_does(
    in_javascript: Callable[[list[Case], list[Case]], Case],
) -> None:
    all_texts: list[dict[str, Any]] = [
        *BAD_TEXTS,
        *({test: text} for test, texts in TEXTS.items() for text in texts),
        {"cleavage": "cubic", "cleavage_directions": "3"},
        {"cleavage": "none", "cleavage_directions": "0"},
        {"cleavage": "perfect", "cleavage_directions": "one", "hardness": None, "streak": " "},
    ]
    languages: tuple[Language, ...] = ("en", "zh")
    asked = [(texts, language) for texts in all_texts for language in languages]
    readings: list[Case] = [{"texts": texts, "language": language} for texts, language in asked]
    results = in_javascript([], readings)["readings"]
    refused = 0
    for (texts, language), result in zip(asked, results, strict=True):
        expected = reading_in_python(texts, language)
        refused += "error" in expected
        assert ("error" in result) == (result.pop("field", None) in texts)
        assert result == expected, texts
    assert refused == 2 * len(BAD_TEXTS)


@NEEDS_NODE
def test_javascript_lists_the_minerals_as_the_api_does(
    tables: dict[str, Any], in_javascript: Callable[[list[Case], list[Case]], Case]
) -> None:
    listed = in_javascript([], [])["minerals"]
    assert listed == json.loads(json.dumps(tables["minerals"]))
    assert [known["class"] for known in listed["classes"]] == list(CLASSES)
    assert listed["model"] == "fingerprint"


def test_tables_are_json_without_nan(tables: dict[str, Any]) -> None:
    assert json.dumps(tables, allow_nan=False)
    assert tables["tests"] == tuple(EvidenceTexts.model_fields) == tuple(vars(Evidence()))
    assert tables["patterns"]["typed"]["max_length"] == 200
    unknown = CLASSES.index("碎石")
    assert tables["taxon_of_class"][unknown] is None
    assert all(table["of_class"][unknown] is None for table in tables["likelihoods"].values())


def test_patterns_have_the_syntax_of_javascript() -> None:
    assert javascript_pattern("(?P<no>not )?a") == "(?<no>not )?a"
    assert r"\b" not in javascript_pattern(r"\bno\b")
