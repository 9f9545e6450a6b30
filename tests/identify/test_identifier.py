"""The identifier: the same network as evaluation, and answers that hold together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mineral_recog
from mineral_recog.data.dataset import read_split
from mineral_recog.errors import UserError
from mineral_recog.evaluation.evaluator import measure
from mineral_recog.identify.answer import Sighting
from mineral_recog.identify.evidence import Evidence
from mineral_recog.identify.identifier import Identifier, load


@pytest.fixture(scope="module")
def identifier(trained: Path) -> Identifier:
    return load(trained, device="cpu")


def test_it_sees_what_evaluation_sees(identifier: Identifier, prepared: Path) -> None:
    dataset = read_split(prepared, "test", identifier.classes)
    predictions = measure("run", identifier.bundle, dataset, "test", workers=0).predictions
    assert predictions is not None
    photos = [identifier.open(path) for path in map(dataset.root.joinpath, dataset.paths)]
    seen = list(identifier.look(photos, at_once=5))
    found = np.stack([one.sighting.logits for one in seen])
    np.testing.assert_allclose(found, predictions.logits, rtol=1e-4, atol=1e-5)
    features = np.stack([one.features for one in seen])
    np.testing.assert_allclose(features, predictions.features, rtol=1e-4, atol=1e-5)


def test_a_path_and_an_image_get_one_answer(identifier: Identifier, prepared: Path) -> None:
    path = prepared / "test" / "beryl" / "0.png"
    by_path = identifier.identify(path)
    assert by_path == identifier.identify([str(path)])
    assert by_path == identifier.identify(Image.open(path))
    assert sum(one.probability for one in by_path.candidates) == pytest.approx(1)
    assert by_path.candidates[0].in_set


def test_photos_of_a_specimen_are_averaged_and_not_summed(identifier: Identifier) -> None:
    one = Sighting(np.array([2.0, 0.0, 1.0], dtype=np.float32), 0.1)
    other = Sighting(np.array([0.0, 2.0, 1.0], dtype=np.float32), 0.3)
    alone, twice = identifier.answer([one]), identifier.answer([one, one])
    assert [c.probability for c in alone.candidates] == [c.probability for c in twice.candidates]
    both = identifier.answer([one, other])
    assert both.photos == 2
    assert both.strangeness == pytest.approx(0.2)
    assert [c.probability for c in both.candidates] == pytest.approx([1 / 3] * 3)


def test_evidence_moves_the_answer_and_the_photo_alone_stays_told(
    identifier: Identifier,
) -> None:
    even = Sighting(np.zeros(3, dtype=np.float32), 0.0)
    answer = identifier.answer([even], Evidence(hardness=(7.4, 8.1)))
    assert answer.candidates[0].name == "beryl"  # 7.5 to 8; agate 6.5 to 7, copper 2.5 to 3
    assert answer.candidates[0].probability > 0.7
    assert answer.candidates[0].by_photo == pytest.approx(1 / 3)
    assert [test.key for test in answer.tests].count("hardness") <= 1
    assert answer.lookalikes[0].name == answer.candidates[1].name


def test_more_coverage_takes_larger_sets(identifier: Identifier) -> None:
    unsure = Sighting(np.array([0.6, 0.3, 0.0], dtype=np.float32), 0.0)
    sizes = [len(identifier.answer([unsure], coverage=c).likely) for c in (0.5, 0.9, 0.99)]
    assert sizes == sorted(sizes)
    assert sizes[-1] == 3  # six validation photos cannot hold 99 %


def test_strange_photos_are_none_of_these(identifier: Identifier) -> None:
    limit = identifier.bundle.calibration.ood.threshold
    logits = np.zeros(3, dtype=np.float32)
    assert not identifier.answer([Sighting(logits, limit)]).none_of_these
    assert identifier.answer([Sighting(logits, limit + 0.01)]).none_of_these


def test_a_training_photo_is_most_like_itself(identifier: Identifier, prepared: Path) -> None:
    path = prepared / "train" / "copper" / "1.png"
    (seen,) = identifier.look([identifier.open(path)])
    first, second = identifier.similar(seen, 2)
    assert first.photo == "copper/1.png"
    assert first.similarity == pytest.approx(1, abs=2e-3)
    assert second.similarity <= first.similarity
    assert first.jpeg.startswith(b"\xff\xd8")


@pytest.mark.parametrize("coverage", [0.0, 1.0, float("nan")])
def test_a_coverage_that_is_none_is_refused(identifier: Identifier, coverage: float) -> None:
    even = Sighting(np.zeros(3, dtype=np.float32), 0.0)
    with pytest.raises(UserError, match="between 0 and 1"):
        identifier.answer([even], coverage=coverage)


def test_what_is_no_photo_is_refused(identifier: Identifier, tmp_path: Path) -> None:
    (tmp_path / "no.jpg").write_text("no photo")
    with pytest.raises(UserError, match=r"no\.jpg cannot be read"):
        identifier.identify(tmp_path / "no.jpg")
    with pytest.raises(UserError, match="at least one"):
        identifier.identify([])


def test_a_run_without_gallery_answers_all_the_same(trained: Path, prepared: Path) -> None:
    bare = mineral_recog.load(trained / "model", device="cpu")
    (seen,) = bare.look([bare.open(prepared / "test" / "agate" / "0.png")])
    assert bare.similar(seen) == []
    assert bare.answer([seen.sighting]).photos == 1
