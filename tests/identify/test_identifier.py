"""The identifier gives the same outputs as evaluation, and consistent answers."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mineral_recog
from mineral_recog.data.dataset import read_split
from mineral_recog.data.given_photos import GivenPhoto
from mineral_recog.errors import UserError
from mineral_recog.evaluation.measurement import measure
from mineral_recog.identify.answer import (
    Answer,
    PhotoOutputs,
    answer_from_outputs,
)
from mineral_recog.identify.class_tree import Name
from mineral_recog.identify.evidence import Evidence
from mineral_recog.identify.identifier import Identifier, load
from mineral_recog.identify.next_test import TestAdvisor
from mineral_recog.identify.region import Region
from mineral_recog.identify.roll_up import Part, RolledUp, RollUp
from mineral_recog.minerals.facts import read_minerals
from mineral_recog.minerals.taxonomy import Taxonomy
from mineral_recog.models.bundle import read_bundle


@pytest.fixture(scope="module")
def identifier(trained: Path) -> Identifier:
    return load(trained, device="cpu")


def test_outputs_equal_those_of_evaluation(
    identifier: Identifier, trained: Path, prepared: Path
) -> None:
    dataset = read_split(prepared, "test", identifier.classes)
    predictions = measure("run", read_bundle(trained), dataset, "test", workers=0).predictions
    assert predictions is not None
    images = [identifier.open(path) for path in map(dataset.root.joinpath, dataset.paths)]
    observations = list(identifier.observe(images))
    logits = np.stack([observation.outputs.logits for observation in observations])
    np.testing.assert_allclose(logits, predictions.logits, rtol=1e-4, atol=1e-5)
    features = np.stack([observation.features for observation in observations])
    np.testing.assert_allclose(features, predictions.features, rtol=1e-4, atol=1e-5)


def test_path_and_image_get_the_same_answer(identifier: Identifier, prepared: Path) -> None:
    path = prepared / "test" / "beryl" / "0.png"
    by_path = identifier.identify(path)
    assert by_path == identifier.identify([str(path)])
    with Image.open(path) as image:
        assert by_path == identifier.identify(image)
    assert sum(candidate.probability for candidate in by_path.candidates) == pytest.approx(1)
    assert by_path.candidates[0].in_set


def test_photo_that_is_stored_differently_gets_the_same_answer(
    identifier: Identifier, prepared: Path, tmp_path: Path
) -> None:
    photo, on_its_side, exif = Image.new("RGB", (40, 48)), tmp_path / "a.png", Image.Exif()
    with Image.open(prepared / "test" / "beryl" / "0.png") as image:
        photo.paste(image, (0, 0))
    exif[0x0112] = 6
    photo.transpose(Image.Transpose.ROTATE_90).save(on_its_side, exif=exif)
    expected = identifier.identify(np.asarray(photo))
    with on_its_side.open("rb") as file, Image.open(on_its_side) as image:
        for given in (on_its_side, file, on_its_side.read_bytes(), image):
            assert identifier.identify(given) == expected
            assert identifier.identify_many([given]) == [expected]


def test_each_of_many_photos_gets_an_answer_or_an_error_in_order(
    identifier: Identifier, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mineral_recog.identify.identifier.BATCH_SIZE", 2)
    agate, copper = (prepared / "test" / name / "0.png" for name in ("agate", "copper"))
    array = np.asarray(Image.open(copper))
    photos: list[GivenPhoto] = [
        agate, b"no photo", array, "absent.jpg", np.zeros(3), copper, agate,
    ]  # fmt: skip
    evidence = Evidence(hardness=(2.5, 3))
    answers = identifier.identify_many(iter(photos), evidence, 0.8)
    assert len(answers) == len(photos)
    for photo, answer in zip(photos, answers, strict=True):
        if isinstance(answer, Answer):
            alone = identifier.identify(photo, evidence, 0.8)
            assert answer.candidates[0].name == alone.candidates[0].name
            assert answer.candidates[0].probability == pytest.approx(
                alone.candidates[0].probability
            )
    errors = [str(answer) if isinstance(answer, UserError) else "" for answer in answers]
    assert [bool(error) for error in errors] == [False, True, False, True, True, False, False]
    assert "absent.jpg cannot be read" in errors[3]
    assert identifier.identify_many([]) == []
    with pytest.raises(UserError, match="a list of photos"):
        identifier.identify_many(str(agate))  # a text is iterable, too
    with pytest.raises(UserError, match="between 0 and 1"):
        identifier.identify_many([b"no photo"], coverage=2)


def test_answer_warns_of_unused_bits(identifier: Identifier) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (40, 40)).astype(np.uint16)
    answer, full = identifier.identify(grey << 4), identifier.identify(grey << 8)
    assert answer.candidates == full.candidates
    assert full.warnings == ()
    [warning] = answer.warnings
    assert "12 of 16 bits" in warning["en"]
    assert "12 位" in warning["zh"]
    assert answer.to_dict()["warnings"] == [warning]


def test_answer_is_a_dict_or_json_text(identifier: Identifier) -> None:
    answer = identifier.answer([PhotoOutputs(np.zeros(3, dtype=np.float32), 0.0)])
    assert json.loads(answer.to_json(top=1)) == json.loads(json.dumps(answer.to_dict(top=1)))
    assert len(answer.to_dict(top=1)["candidates"]) == 1


def test_logits_of_a_specimen_are_averaged_and_not_summed(identifier: Identifier) -> None:
    first = PhotoOutputs(np.array([2.0, 0.0, 1.0], dtype=np.float32), 0.1)
    second = PhotoOutputs(np.array([0.0, 2.0, 1.0], dtype=np.float32), 0.3)
    once, twice = identifier.answer([first]), identifier.answer([first, first])
    assert [c.probability for c in once.candidates] == [c.probability for c in twice.candidates]
    answer = identifier.answer([first, second])
    assert answer.photo_count == 2
    assert answer.ood_score == pytest.approx(0.2)
    assert [c.probability for c in answer.candidates] == pytest.approx([1 / 3] * 3)


def test_evidence_changes_probabilities_and_photo_probabilities_are_kept(
    identifier: Identifier,
) -> None:
    uniform = PhotoOutputs(np.zeros(3, dtype=np.float32), 0.0)
    answer = identifier.answer([uniform], Evidence(hardness=(7.4, 8.1)))
    assert answer.candidates[0].name == "beryl"  # 7.5 to 8; agate 6.5 to 7, copper 2.5 to 3
    assert answer.candidates[0].probability > 0.7
    assert answer.candidates[0].photo_probability == pytest.approx(1 / 3)
    assert [test.key for test in answer.tests].count("hardness") <= 1
    assert answer.lookalikes[0].name == answer.candidates[1].name


def hazardous_answer(identifier: Identifier, gate_score: float | None = None) -> Answer:
    """Return an answer of the model whose copper is cinnabar instead."""
    cinnabar = read_minerals().find("cinnabar")
    agate, beryl, _ = identifier.minerals
    return answer_from_outputs(
        [PhotoOutputs(np.array([0, 0.1, 0.2], dtype=np.float32), 0.0, gate_score=gate_score)],
        ("agate", "beryl", "cinnabar"),
        TestAdvisor((agate, beryl, cinnabar)),
        RollUp(("agate", "beryl", "cinnabar"), Taxonomy(read_minerals())),
        identifier.model.calibration,
        Evidence(),
        coverage=0.9,
    )


def test_answer_has_the_cautions_of_its_tests(identifier: Identifier) -> None:
    (caution,) = (
        c for c in hazardous_answer(identifier).to_dict()["cautions"] if "streak" in c["keys"]
    )
    assert "hardness" in caution["keys"]
    assert not {"lustre", "magnetic", "density"} & set(caution["keys"])
    assert caution["text"]["en"].startswith("could do harm if this is cinnabar (toxic dust")
    assert hazardous_answer(identifier, gate_score=1e9).cautions == ()  # no mineral
    harmless = identifier.answer([PhotoOutputs(np.zeros(3, dtype=np.float32), 0.0)])
    assert harmless.cautions == ()


def test_answer_has_the_hazards_of_its_set_and_leaves_out_harmful_tests(
    identifier: Identifier,
) -> None:
    content = hazardous_answer(identifier).to_dict()
    by_class = {candidate["class"]: candidate["hazards"] for candidate in content["candidates"]}
    assert by_class["agate"] == by_class["beryl"] == []
    assert by_class["cinnabar"] == content["hazards"]
    (hazard,) = content["hazards"]
    assert (hazard["kind"], hazard["classes"]) == ("toxic dust", ["cinnabar"])
    assert hazard["names"] == {"en": "toxic dust", "zh": "粉尘有毒"}
    assert hazard["text"]["en"].startswith("If it is cinnabar, its dust is toxic")
    assert not {test["key"] for test in content["tests"]} & {
        "hardness",
        "streak",
        "acid",
        "tenacity",
    }
    assert "streak" in content["tests_left_out"]["keys"]
    harmless = identifier.answer([PhotoOutputs(np.zeros(3, dtype=np.float32), 0.0)]).to_dict()
    assert harmless["hazards"] == []
    assert harmless["tests_left_out"] is None
    assert any(test["caution"] for test in harmless["tests"])


@pytest.mark.parametrize(("probability", "count"), [(0.02, 1), (0.005, 0)])
def test_group_in_the_answer_has_the_hazards_of_its_likely_minerals(
    identifier: Identifier, probability: float, count: int
) -> None:
    answer = hazardous_answer(identifier)
    rest = sorted(answer.candidates, key=lambda candidate: candidate.name)  # agate comes first
    candidates = tuple(replace(candidate, in_set=False) for candidate in rest)
    names = {"en": "cinnabar", "zh": "辰砂"}
    part = Part(Name("cinnabar", names, "species", (2,), names), probability)
    group = Part(Name("Group", names, "group", (0, 1, 2), names), 0.95)
    first = Part(Name("agate", names, "species", (0,), names), 0.9)
    rolled_up = RolledUp(None, group, True, first, (first, part))
    answer = replace(answer, candidates=candidates, rolled_up=rolled_up)
    assert len(answer.hazards) == count


def test_photo_of_no_mineral_has_no_hazards(identifier: Identifier) -> None:
    answer = hazardous_answer(identifier, gate_score=1e9)
    assert answer.none_reason == "no_mineral"
    assert answer.hazards == ()


def test_higher_coverage_gives_larger_sets(identifier: Identifier) -> None:
    uncertain = PhotoOutputs(np.array([0.6, 0.3, 0.0], dtype=np.float32), 0.0)
    sizes = [len(identifier.answer([uncertain], coverage=c).likely) for c in (0.5, 0.9, 0.99)]
    assert sizes == sorted(sizes)
    assert sizes[-1] == 3  # six validation photos cannot guarantee 99 %


def test_photos_above_the_threshold_of_the_gate_show_no_mineral(identifier: Identifier) -> None:
    calibration = identifier.model.calibration
    assert calibration.gate is not None
    limits = calibration.ood.threshold, calibration.gate.threshold
    logits = np.zeros(3, dtype=np.float32)

    def reason(ood_excess: float, gate_excess: float) -> str | None:
        ood_score, gate_score = limits[0] + ood_excess, limits[1] + gate_excess
        return identifier.answer(
            [PhotoOutputs(logits, ood_score, gate_score=gate_score)]
        ).none_reason

    assert [reason(0, 0), reason(0.1, 0)] == [None, "unknown_mineral"]
    assert [reason(0, 0.1), reason(0.1, 0.1)] == ["no_mineral", "no_mineral"]
    # Scores of several photos are averaged.
    photos = [PhotoOutputs(logits, 0.0, gate_score=limits[1] + excess) for excess in (0.3, -0.1)]
    answer = identifier.answer(photos)
    assert answer.none_text == {
        "en": "This does not look like a photo of a mineral.",
        "zh": "这看起来不像矿物照片。",
    }
    none = answer.to_dict()["none_of_these"]
    assert none["reason"] == "no_mineral"
    assert none["no_mineral"] == {
        "blank": False,
        "score": pytest.approx(limits[1] + (0.3 / 2 - 0.1) / 1.5, abs=1e-6),
        "limit": pytest.approx(limits[1], abs=1e-6),
    }


@pytest.mark.parametrize("colour", ["black", "white", "grey", "brown"])
def test_blank_photo_shows_no_mineral(identifier: Identifier, colour: str) -> None:
    blank = Image.new("RGB", (64, 64), colour)
    answer = identifier.identify(blank)
    assert (answer.none_reason, answer.is_blank) == ("no_mineral", True)
    assert [warning["en"] for warning in answer.warnings] == [
        "The photo is blank: take another one."
    ]
    stone = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    both = identifier.identify([stone, blank])
    assert not both.is_blank
    assert [warning["en"] for warning in both.warnings] == ["Photo 2 is blank: take another one."]


def test_model_without_a_gate_refuses_blank_photos(trained: Path, tmp_path: Path) -> None:
    bundle = read_bundle(trained)
    calibration = replace(bundle.calibration, gate=None)
    replace(bundle, calibration=calibration, gate=None).save(tmp_path / "model")
    identifier = load(tmp_path, device="cpu")
    answer = identifier.identify(Image.new("RGB", (64, 64)))
    assert answer.none_reason == "no_mineral"
    assert answer.to_dict()["none_of_these"]["no_mineral"]["score"] is None


def test_photos_above_the_ood_threshold_are_none_of_these(identifier: Identifier) -> None:
    threshold = identifier.model.calibration.ood.threshold
    logits = np.zeros(3, dtype=np.float32)
    assert not identifier.answer([PhotoOutputs(logits, threshold)]).none_of_these
    assert identifier.answer([PhotoOutputs(logits, threshold + 0.01)]).none_of_these


def test_training_photo_is_most_similar_to_itself(identifier: Identifier, prepared: Path) -> None:
    path = prepared / "train" / "copper" / "1.png"
    (observation,) = identifier.observe([identifier.open(path)])
    first, second = identifier.similar(observation, 2)
    assert first.path == "copper/1.png"
    assert first.similarity == pytest.approx(1, abs=2e-3)
    assert second.similarity <= first.similarity
    assert first.jpeg.startswith(b"\xff\xd8")


@pytest.mark.parametrize("coverage", [0.0, 1.0, float("nan")])
def test_coverage_outside_0_to_1_is_rejected(identifier: Identifier, coverage: float) -> None:
    uniform = PhotoOutputs(np.zeros(3, dtype=np.float32), 0.0)
    with pytest.raises(UserError, match="between 0 and 1"):
        identifier.answer([uniform], coverage=coverage)


def test_unreadable_and_missing_photos_are_reported(identifier: Identifier, tmp_path: Path) -> None:
    (tmp_path / "no.jpg").write_text("no photo")
    with pytest.raises(UserError, match=r"no\.jpg cannot be read"):
        identifier.identify(tmp_path / "no.jpg")
    with pytest.raises(UserError, match="at least one"):
        identifier.identify([])


def test_run_without_gallery_gives_an_answer(trained: Path, prepared: Path) -> None:
    identifier = mineral_recog.load(trained / "model", device="cpu")
    image = identifier.open(prepared / "test" / "agate" / "0.png")
    (observation,) = identifier.observe([image])
    assert identifier.similar(observation) == []
    assert identifier.answer([observation.outputs]).photo_count == 1


SCENE = (0.62, 0.1, 0.25, 0.25)  # where `scene` has its specimen


@pytest.fixture
def scene(prepared: Path) -> Image.Image:
    """A small beryl off centre on a grey ground."""
    image = Image.new("RGB", (512, 512), (128, 128, 128))
    with Image.open(prepared / "test" / "beryl" / "0.png") as beryl:
        image.paste(beryl.resize((128, 128)), (317, 51))
    return image


def test_small_specimen_off_centre_is_found_and_looked_at_closely(
    identifier: Identifier, scene: Image.Image, prepared: Path
) -> None:
    answer = identifier.identify(scene)
    (region,) = answer.regions
    assert region is not None
    assert region.left == pytest.approx(SCENE[0], abs=0.06)
    assert region.top == pytest.approx(SCENE[1], abs=0.06)
    assert answer.to_dict()["crops"] == [region.rounded()]
    (seen,) = identifier.observe_views([identifier.look_at(scene)])
    assert identifier.heat_map_region(seen) == region
    middle, close = (
        identifier.model.engine.predict(pixels[None])[1][0]
        for pixels in (seen.view.pixels, seen.view.close_up)
        if pixels is not None
    )
    np.testing.assert_allclose(seen.outputs.logits, 0.3 * middle + 0.7 * close, atol=1e-5)


def test_photo_in_which_nothing_stands_out_is_seen_in_the_middle(identifier: Identifier) -> None:
    photo = Image.new("RGB", (60, 40), "white")
    answer = identifier.identify(photo)
    assert answer.to_dict()["crops"] == [None]
    (middle,) = identifier.observe([identifier.open(photo)])
    assert answer.candidates == identifier.answer([middle.outputs]).candidates
    assert identifier.heat_map_region(middle).width == pytest.approx(0.875 * 40 / 60)


def test_crop_replaces_middle_and_close_up(identifier: Identifier, scene: Image.Image) -> None:
    view = identifier.look_at(scene, Region(*SCENE))
    assert view.close_up is None
    assert view.region == Region(*SCENE).square(512, 512)
    (seen,) = identifier.observe_views([view])
    answer = identifier.identify(scene, crop=SCENE)
    assert answer.candidates == identifier.answer([seen.outputs]).candidates
    assert identifier.identify([scene, scene], crop=SCENE).regions == (view.region,) * 2
    with pytest.raises(UserError, match=r"crop 0.5,0.5,0.6,0.2: give left, top"):
        identifier.identify(scene, crop=(0.5, 0.5, 0.6, 0.2))


@pytest.mark.parametrize("crop", [None, SCENE])
def test_close_up_of_a_large_jpeg_is_sharp_unless_it_can_be_read_once(
    identifier: Identifier, crop: tuple[float, ...] | None
) -> None:
    stripes = np.full((320, 320, 3), 128, dtype=np.uint8)  # decoded at an eighth
    stripes[32:112, 198:278] = np.where(np.arange(80) % 8 < 4, 255, 0)[None, :, None]
    file = BytesIO()
    Image.fromarray(stripes).save(file, "JPEG")
    region = None if crop is None else Region(*crop)
    model = identifier.model
    small = replace(model, calibration=replace(model.calibration, gate=None))  # which needs 160 px
    identifier = Identifier(small, read_minerals(), None)

    def contrast(photo: GivenPhoto) -> float:
        view = identifier.look_at(photo, region)
        pixels = view.pixels if view.close_up is None else view.close_up
        return float(np.abs(np.diff(pixels[..., 0].astype(float), axis=1)).mean())

    class Pipe(BytesIO):
        def seekable(self) -> bool:
            return False

    once = contrast(Pipe(file.getvalue()))
    assert contrast(file.getvalue()) > once
    assert contrast(file) > once  # an open file is rewound


def test_photos_that_do_not_look_alike_are_told(identifier: Identifier) -> None:
    first = PhotoOutputs(np.array([9.0, 0.0, 0.0], dtype=np.float32), 0.0)
    second = PhotoOutputs(np.array([0.0, 9.0, 0.0], dtype=np.float32), 0.0)
    assert identifier.answer([first, first]).warnings == ()
    [warning] = identifier.answer([first, second]).warnings
    assert "Photos 1 and 2 do not look alike" in warning["en"]


def test_blank_photo_beside_others_does_not_count(identifier: Identifier) -> None:
    good = PhotoOutputs(np.array([3.0, 0.0, 0.0], dtype=np.float32), 0.0, gate_score=0.0)
    blank = PhotoOutputs(
        np.array([0.0, 9.0, 0.0], dtype=np.float32), 99.0, gate_score=99.0, problems={"blank": ""}
    )
    both, alone = identifier.answer([good, blank]), identifier.answer([good])
    assert both.candidates == alone.candidates
    assert (both.ood_score, both.gate_score) == (alone.ood_score, alone.gate_score)
    assert identifier.answer([blank, blank]).none_reason == "no_mineral"


def test_strange_photo_counts_half(identifier: Identifier) -> None:
    limit = identifier.model.calibration.ood.threshold
    good = PhotoOutputs(np.array([3.0, 0.0, 0.0], dtype=np.float32), limit)
    bad = PhotoOutputs(np.array([0.0, 3.0, 0.0], dtype=np.float32), limit + 0.1)
    mean = PhotoOutputs(np.array([2.0, 1.0, 0.0], dtype=np.float32), limit)
    probabilities = [
        [candidate.probability for candidate in identifier.answer(outputs).candidates]
        for outputs in ([good, bad], [mean])
    ]
    assert probabilities[0] == pytest.approx(probabilities[1])
    alone = identifier.answer([bad, bad])  # as all photos are strange, they count alike
    assert alone.candidates == identifier.answer([bad]).candidates
