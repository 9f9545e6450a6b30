"""A trained model that answers questions about photos, and `load`, which returns one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mineral_recog.cores import thread_count
from mineral_recog.data.evaluation_view import Pixels, evaluation_side, evaluation_view
from mineral_recog.data.given_photos import GivenPhoto, is_one_photo, open_given
from mineral_recog.data.images import Photo
from mineral_recog.errors import DataError, UserError
from mineral_recog.i18n import tr
from mineral_recog.identify.answer import Answer, PhotoOutputs, answer_from_outputs
from mineral_recog.identify.evidence import Evidence
from mineral_recog.identify.heat_map import heat_map
from mineral_recog.identify.next_test import TestAdvisor
from mineral_recog.identify.photo_quality import find_problems
from mineral_recog.installation import training_packages
from mineral_recog.minerals.facts import Mineral, MineralTable, read_minerals
from mineral_recog.models.bundle_config import find_bundle
from mineral_recog.models.engine import Model
from mineral_recog.models.gallery import Gallery, SimilarPhoto, read_gallery
from mineral_recog.models.onnx_engine import is_export, read_export

if TYPE_CHECKING:
    from torch import nn

DEFAULT_COVERAGE = 0.9
NO_EVIDENCE = Evidence()
BATCH_SIZE = 32  # photos in memory at once
MAX_SIDE = 512  # pixels of the longer side of a view's image

T = TypeVar("T")
E = TypeVar("E")


@dataclass(frozen=True, eq=False)
class View:
    """What the model sees of a photo.

    Attributes:
        pixels: Input of the network, uint8 [S, S, 3].
        image: The photo, at most `MAX_SIDE` pixels wide and high.
        used_bits: See `Header`.
        problems: What is wrong with the photo, see `find_problems`.
        gate_pixels: Input of the gate, uint8 [S', S', 3]; None if the model has no gate.
    """

    pixels: Pixels
    image: Image.Image
    used_bits: int
    problems: Mapping[str, str] = field(default_factory=dict)
    gate_pixels: Pixels | None = None


@dataclass(frozen=True, eq=False)
class Observation:
    """The model's outputs for a photo, its features float32 [D], and what the model saw."""

    outputs: PhotoOutputs
    features: NDArray[np.float32]
    view: View


class Identifier:
    """Identifies minerals from photos and evidence.

    Args:
        model: Trained model.
        minerals: Table of facts.
        gallery: Training photos to show with an answer, if the run has them.
    """

    def __init__(self, model: Model, minerals: MineralTable, gallery: Gallery | None) -> None:
        self.model, self.gallery = model, gallery
        self.classes = model.classes
        self.minerals: tuple[Mineral | None, ...] = tuple(map(minerals.find, model.classes))
        self.advisor = TestAdvisor(self.minerals)
        preprocessing, gate = model.preprocessing, model.calibration.gate
        # A photo is decoded once, at the larger size that classifier and gate need.
        size = max(preprocessing.image_size, 0 if gate is None else gate.image_size)
        self.short_side = evaluation_side(size, preprocessing.center_share)

    def identify(
        self,
        photos: GivenPhoto | Sequence[GivenPhoto],
        evidence: Evidence = NO_EVIDENCE,
        coverage: float = DEFAULT_COVERAGE,
    ) -> Answer:
        """Identify one specimen.

        Several photos are one specimen seen from several sides: they get one answer, from the mean
        of the model's outputs. For photos of different specimens, use `identify_many`.

        Args:
            photos: One or several photos of the specimen: paths, bytes, binary files, images of
                Pillow or arrays; see `open_given`.
            evidence: Outcomes of physical tests, see `read_evidence`.
            coverage: Probability with which the answer's set contains the right class.

        Raises:
            UserError: A photo cannot be read, there are no photos, or the coverage is not
                between 0 and 1.
        """
        photos = [photos] if is_one_photo(photos) else list(photos)  # type: ignore[list-item,arg-type]
        if not photos:
            raise DataError(tr("No photo: give at least one.", "没有照片：请至少给出一张。"))
        observations = self.observe(map(self.open, photos))
        return self.answer(
            [observation.outputs for observation in observations], evidence, coverage
        )

    def identify_many(
        self,
        photos: Iterable[GivenPhoto],
        evidence: Evidence = NO_EVIDENCE,
        coverage: float = DEFAULT_COVERAGE,
    ) -> list[Answer | UserError]:
        """Identify each photo by itself.

        Args:
            photos: Photos, each in one of the forms that `identify` takes.
            evidence: Outcomes of physical tests that hold for all photos.
            coverage: Probability with which an answer's set contains the right class.

        Returns:
            One entry for each photo, in order: its answer, or the error if it cannot be read.

        Raises:
            UserError: The photos are a single one, or the coverage is not between 0 and 1.
        """
        if is_one_photo(photos):
            raise DataError(
                tr("This is one photo: give a list of photos.", "这是一张照片：请给出照片的列表。")
            )
        check_coverage(coverage)

        def view(photo: GivenPhoto) -> View | UserError:
            try:
                return self.view(self.open(photo))
            except UserError as error:
                return error

        return [
            self.answer([seen.outputs], evidence, coverage)
            if isinstance(seen, Observation)
            else seen
            for _, seen in self.observe_each(photos, view)
        ]

    def open(self, photo: GivenPhoto) -> Photo:
        """Open a photo and decode it at the resolution that the model needs.

        Raises:
            UserError: The photo cannot be read.
        """
        return open_given(photo, self.short_side)

    def view(self, photo: Photo) -> View:
        """Return what the model sees of an opened photo."""
        image, preprocessing = photo.image, self.model.preprocessing
        gate, share = self.model.calibration.gate, preprocessing.center_share
        pixels = evaluation_view(image, preprocessing.image_size, share)
        gate_pixels = None if gate is None else evaluation_view(image, gate.image_size, share)
        problems = find_problems(photo, preprocessing.image_size)
        if max(image.size) > MAX_SIDE:  # a larger image is never shown, and would fill the memory
            image = image.copy()
            image.thumbnail((MAX_SIDE, MAX_SIDE))
        return View(pixels, image, photo.header.used_bits, problems, gate_pixels)

    def observe(self, photos: Iterable[Photo]) -> Iterator[Observation]:
        """Run the model on opened photos, in order; at most a batch is in memory."""
        return self.observe_views(map(self.view, photos))

    def observe_views(self, views: Iterable[View]) -> Iterator[Observation]:
        """Run the model on views, in order; at most a batch is in memory."""
        remaining = iter(views)
        while batch := list(islice(remaining, BATCH_SIZE)):
            yield from self.observe_batch(batch)

    def observe_each(
        self, photos: Iterable[T], view: Callable[[T], View | E]
    ) -> Iterator[tuple[T, Observation | E]]:
        """Run the model on photos that are opened in parallel; at most a batch is in memory.

        Args:
            photos: What `view` opens.
            view: Returns what the model sees of a photo, or anything else for a photo that the
                model is not to see; called from several threads.

        Yields:
            Each photo, in order, with its observation, or with what `view` returned instead.
        """
        remaining = iter(photos)
        with ThreadPoolExecutor(thread_count()) as pool:
            while batch := list(islice(remaining, BATCH_SIZE)):
                # All of a batch first: decoders write to standard error, between a caller's lines.
                seen = list(pool.map(view, batch))
                views = [item for item in seen if isinstance(item, View)]
                observations = iter(self.observe_batch(views) if views else ())
                for photo, item in zip(batch, seen, strict=True):
                    yield photo, next(observations) if isinstance(item, View) else item

    def observe_batch(self, views: Sequence[View]) -> list[Observation]:
        """Run the model on the views of a batch, at least one."""
        features, logits = self.model.engine.predict(np.stack([view.pixels for view in views]))
        ood_scores = self.model.calibration.ood.score(features, logits)
        gate_scores = self._gate_scores(views)
        return [
            Observation(
                PhotoOutputs(
                    logits[i],
                    float(ood_scores[i]),
                    view.used_bits,
                    gate_scores[i],
                    view.problems,
                ),
                features[i],
                view,
            )
            for i, view in enumerate(views)
        ]

    def _gate_scores(self, views: Sequence[View]) -> list[float | None]:
        """Return the scores of the gate for views; None for each without a gate."""
        gate = self.model.calibration.gate
        pixels = [view.gate_pixels for view in views if view.gate_pixels is not None]
        if gate is None or not pixels:
            return [None] * len(views)
        return list(gate.score(self.model.engine.gate_features(np.stack(pixels))).tolist())

    def answer(
        self,
        outputs: Sequence[PhotoOutputs],
        evidence: Evidence = NO_EVIDENCE,
        coverage: float = DEFAULT_COVERAGE,
    ) -> Answer:
        """Return the answer about one specimen from the outputs for its photos; runs no network.

        Raises:
            UserError: The coverage is not between 0 and 1.
        """
        check_coverage(coverage)
        return answer_from_outputs(
            list(outputs),
            self.classes,
            self.advisor,
            self.model.calibration,
            evidence,
            coverage,
        )

    def heat_map(self, observation: Observation, name: str) -> NDArray[np.float32]:
        """Return where in a photo the model sees a class, [rows, columns] in 0..1.

        The map covers the photo's central square, without the margin of `evaluation_view`.
        """
        return heat_map(self.model.engine, observation.view.pixels, self.classes.index(name))

    def similar(self, observation: Observation, count: int = 4) -> list[SimilarPhoto]:
        """Return the training photos most similar to a photo; none if the run has no gallery."""
        return [] if self.gallery is None else self.gallery.nearest(observation.features, count)


def check_coverage(coverage: float) -> None:
    """Check that a coverage is a probability that a set can have.

    Raises:
        UserError: It is not between 0 and 1.
    """
    if not 0 < coverage < 1:
        raise DataError(
            tr(
                f"The coverage {coverage:g} must be between 0 and 1, for example 0.9.",
                f"覆盖率 {coverage:g} 须在 0 与 1 之间，例如 0.9。",
            )
        )


def load(
    run: Path | str,
    *,
    minerals: Path | str | None = None,
    backbone: nn.Module | None = None,
    device: str = "auto",
) -> Identifier:
    """Load a trained model to identify minerals with.

    Args:
        run: Run folder, bundle folder, or the folder of an export, which needs no torch.
        minerals: Your table of minerals, which extends the shipped one; see `read_minerals`.
        backbone: Module of the same class as passed to `train`, if one was; an export needs none.
        device: Device to run on, see `choose_device`.

    Raises:
        UserError: The bundle, the table, the backbone or the device cannot be used.
    """
    run = Path(run)
    if is_export(run):
        model = read_export(run, device)
    else:
        find_bundle(run)  # so that a wrong folder is reported before torch is
        with training_packages():
            from mineral_recog.models.torch_engine import read_torch_model  # takes seconds
        model = read_torch_model(run, backbone, device)
    return Identifier(
        model,
        read_minerals(Path(minerals) if minerals else None),
        read_gallery(run, len(model.classes), model.width),
    )
