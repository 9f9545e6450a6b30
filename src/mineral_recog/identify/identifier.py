"""A trained model that answers questions about photos, and `load`, which returns one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from mineral_recog.cores import thread_count
from mineral_recog.data.evaluation_view import evaluation_side, evaluation_view
from mineral_recog.data.given_photos import (
    GivenPhoto,
    can_be_read_again,
    is_one_photo,
    open_given,
)
from mineral_recog.data.images import Photo
from mineral_recog.errors import DataError, UserError
from mineral_recog.i18n import tr
from mineral_recog.identify.answer import Answer, PhotoOutputs, answer_from_outputs
from mineral_recog.identify.class_tree import Level
from mineral_recog.identify.close_up import make_close_up
from mineral_recog.identify.evidence import Evidence
from mineral_recog.identify.heat_map import heat_map
from mineral_recog.identify.next_test import TestAdvisor
from mineral_recog.identify.observation import MAX_SIDE, Observation, View, observe
from mineral_recog.identify.photo_quality import find_problems
from mineral_recog.identify.region import Region, check_region, middle_region
from mineral_recog.identify.roll_up import RollUp
from mineral_recog.identify.taxon import find_taxon
from mineral_recog.installation import training_packages
from mineral_recog.minerals.facts import Mineral, MineralTable, read_minerals
from mineral_recog.minerals.taxonomy import Taxonomy
from mineral_recog.models.bundle_config import find_bundle
from mineral_recog.models.engine import Model
from mineral_recog.models.gallery import Gallery, SimilarPhoto, read_gallery
from mineral_recog.models.onnx_engine import is_export, read_export

if TYPE_CHECKING:
    from torch import nn

DEFAULT_COVERAGE = 0.9
NO_EVIDENCE = Evidence()
BATCH_SIZE = 32  # photos in memory at once

T = TypeVar("T")
E = TypeVar("E")


class Identifier:
    """Identifies minerals from photos and evidence.

    Args:
        model: Trained model.
        minerals: Table of facts.
        gallery: Training photos to show with an answer, if the run has them.

    Raises:
        DataError: The table of minerals does not fit the taxonomy.
    """

    def __init__(self, model: Model, minerals: MineralTable, gallery: Gallery | None) -> None:
        self.model, self.gallery = model, gallery
        self.classes = model.classes
        self.minerals: tuple[Mineral | None, ...] = tuple(map(minerals.find, model.classes))
        taxonomy = Taxonomy(minerals)
        self.taxa = tuple(find_taxon(name, minerals, taxonomy) for name in model.classes)
        self.advisor = TestAdvisor(self.minerals, self.taxa)
        self.roll_up = RollUp(model.classes, taxonomy)
        preprocessing, gate = model.preprocessing, model.calibration.gate
        self.image_size, self.center_share = preprocessing.image_size, preprocessing.center_share
        self.interpolation = preprocessing.interpolation
        # A photo is decoded once, at the larger size that classifier and gate need.
        size = max(self.image_size, 0 if gate is None else gate.image_size)
        self.short_side = evaluation_side(size, self.center_share)

    def identify(
        self,
        photos: GivenPhoto | Sequence[GivenPhoto],
        evidence: Evidence = NO_EVIDENCE,
        coverage: float = DEFAULT_COVERAGE,
        level: Level | None = None,
        crop: Sequence[float] | None = None,
    ) -> Answer:
        """Identify one specimen.

        Several photos are one specimen seen from several sides: they get one answer, from the mean
        of the model's outputs. For photos of different specimens, use `identify_many`.

        Args:
            photos: One or several photos of the specimen: paths, bytes, binary files, images of
                Pillow or arrays; see `open_given`.
            evidence: Outcomes of physical tests, see `read_evidence`.
            coverage: Probability with which the answer's set contains the right class, and that
                the most specific name of `Answer.rolled_up` reaches.
            level: The finest level of `Answer.rolled_up`; None for the classes.
            crop: Where the specimen is in each photo: left, top, width and height as fractions of
                the upright photo. By default the model looks at the middle and where it finds
                something that differs from the border.

        Raises:
            UserError: A photo cannot be read, there are no photos, the coverage is not between 0
                and 1, or the crop is no part of a photo.
        """
        photos = [photos] if is_one_photo(photos) else list(photos)  # type: ignore[list-item,arg-type]
        if not photos:
            raise DataError(tr("No photo: give at least one.", "没有照片：请至少给出一张。"))
        region = None if crop is None else check_region(crop)
        observations = self.observe_views(self.look_at(photo, region) for photo in photos)
        return self.answer(
            [observation.outputs for observation in observations], evidence, coverage, level
        )

    def identify_many(
        self,
        photos: Iterable[GivenPhoto],
        evidence: Evidence = NO_EVIDENCE,
        coverage: float = DEFAULT_COVERAGE,
        level: Level | None = None,
    ) -> list[Answer | UserError]:
        """Identify each photo by itself.

        Args:
            photos: Photos, each in one of the forms that `identify` takes.
            evidence: Outcomes of physical tests that hold for all photos.
            coverage: As for `identify`.
            level: As for `identify`.

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
                return self.look_at(photo)
            except UserError as error:
                return error

        return [
            self.answer([seen.outputs], evidence, coverage, level)
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

    def look_at(self, photo: GivenPhoto, region: Region | None = None) -> View:
        """Open a photo and return what the model sees of it, see `look`.

        Raises:
            UserError: The photo cannot be read.
        """
        return self.look(partial(open_given, photo), region, can_be_read_again(photo))

    def look(
        self, open_at: Callable[[int], Photo], region: Region | None = None, may_reopen: bool = True
    ) -> View:
        """Return what the model sees of a photo: the middle square and a close-up, or a region.

        Args:
            open_at: Opens the photo with a number of pixels of its short side at least.
            region: Where the specimen is; by default, the model looks for it.
            may_reopen: Whether the photo can be opened twice.
        """
        photo = open_at(self.short_side)
        view = self.view(photo)
        close_up = make_close_up(
            photo, open_at if may_reopen else None, region, self.image_size, self.interpolation
        )
        if close_up is None:
            return view
        if region is None:
            return replace(view, close_up=close_up.pixels, region=close_up.region)
        gate = self.model.calibration.gate
        gate_pixels = (
            None
            if gate is None
            else close_up.region.pixels(close_up.image, gate.image_size, self.interpolation)
        )
        return replace(
            view, pixels=close_up.pixels, region=close_up.region, gate_pixels=gate_pixels
        )

    def view(self, photo: Photo) -> View:
        """Return the middle square of an opened photo, as training's evaluation sees it."""
        image, gate = photo.image, self.model.calibration.gate
        settings = self.center_share, self.interpolation
        pixels = evaluation_view(image, self.image_size, *settings)
        gate_pixels = None if gate is None else evaluation_view(image, gate.image_size, *settings)
        problems = find_problems(photo, self.image_size)
        if max(image.size) > MAX_SIDE:  # a larger image is never shown, and would fill the memory
            image = image.copy()
            image.thumbnail((MAX_SIDE, MAX_SIDE))
        return View(
            pixels,
            image,
            photo.header.used_bits,
            problems=problems,
            gate_pixels=gate_pixels,
        )

    def observe(self, photos: Iterable[Photo]) -> Iterator[Observation]:
        """Run the model on opened photos, in order; at most a batch is in memory."""
        return self.observe_views(map(self.view, photos))

    def observe_views(self, views: Iterable[View]) -> Iterator[Observation]:
        """Run the model on views, in order; at most a batch is in memory."""
        remaining = iter(views)
        while batch := list(islice(remaining, BATCH_SIZE)):
            yield from self.observe_batch(batch)

    def observe_batch(self, views: Sequence[View]) -> list[Observation]:
        """Run the model on the views of a batch, at least one; see `observation.observe`."""
        return observe(self.model, views)

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

    def answer(
        self,
        outputs: Sequence[PhotoOutputs],
        evidence: Evidence = NO_EVIDENCE,
        coverage: float = DEFAULT_COVERAGE,
        level: Level | None = None,
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
            self.roll_up,
            self.model.calibration,
            evidence,
            coverage,
            level,
        )

    def heat_map(self, observation: Observation, name: str) -> NDArray[np.float32]:
        """Return where in a photo the model sees a class, [rows, columns] in 0..1.

        The map covers `heat_map_region`.
        """
        view = observation.view
        pixels = view.pixels if view.close_up is None else view.close_up
        return heat_map(self.model.engine, pixels, self.classes.index(name))

    def heat_map_region(self, observation: Observation) -> Region:
        """Return the part of a photo that its heat map covers: what the model looked at closely.

        Without a close-up it is the central square without the margin of `evaluation_view`.
        """
        region, size = observation.view.region, observation.view.image.size
        return region or middle_region(*size, self.model.preprocessing.center_share)

    def examples(self, name: str, count: int) -> list[tuple[str, bytes]]:
        """Return path and JPEG of training photos of a class; none if the run has no gallery."""
        if self.gallery is None:
            return []
        return self.gallery.of_class(self.classes.index(name), count)

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
