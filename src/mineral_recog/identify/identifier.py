"""A trained model that answers about photos: what `load` gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from mineral_recog.data.images import open_photo
from mineral_recog.data.transforms import CENTER_SHARE, evaluation_view
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr
from mineral_recog.identify.answer import Answer, Sighting, answer
from mineral_recog.identify.evidence import Evidence
from mineral_recog.identify.heat_map import heat_map
from mineral_recog.minerals.facts import Mineral, Minerals, read_minerals
from mineral_recog.models.bundle import Bundle, read_bundle
from mineral_recog.models.device import choose_device
from mineral_recog.models.gallery import Gallery, Similar, read_gallery
from mineral_recog.models.predictor import predict_batch

COVERAGE = 0.9
NOTHING = Evidence()


@dataclass(frozen=True, eq=False)
class Seen:
    """A photo as the model saw it: its sighting, features float32 [D], pixels uint8 [3, S, S]."""

    sighting: Sighting
    features: NDArray[np.float32]
    pixels: Tensor


class Identifier:
    """Answers about photos, by a bundle, a table of minerals and, if there is one, a gallery.

    Args:
        bundle: the trained model.
        minerals: the table of facts.
        gallery: training photos to show beside an answer.
        device: to run on.
    """

    def __init__(
        self,
        bundle: Bundle,
        minerals: Minerals,
        gallery: Gallery | None,
        device: torch.device,
    ) -> None:
        self.bundle, self.gallery, self.device = bundle, gallery, device
        self.network = bundle.network.to(device)
        self.classes = bundle.classes
        self.minerals: tuple[Mineral | None, ...] = tuple(map(minerals.find, bundle.classes))
        size = self.network.preprocessing.image_size
        self.view, self.short_side = evaluation_view(size), round(size / CENTER_SHARE)

    def identify(
        self,
        photos: Path | str | Image.Image | Sequence[Path | str | Image.Image],
        evidence: Evidence = NOTHING,
        coverage: float = COVERAGE,
    ) -> Answer:
        """Answer about one specimen.

        Args:
            photos: one or several photos of it: paths, or RGB images.
            evidence: what the hand told; see `read_evidence`.
            coverage: probability with which the answer's set holds the right class.

        Raises:
            UserError: a photo cannot be read, there is none, or the coverage is not in 0..1.
        """
        if isinstance(photos, Path | str | Image.Image):
            photos = [photos]
        if not photos:
            raise DataError(tr("No photo: give at least one.", "没有照片：请至少给出一张。"))
        images = [self.open(photo) for photo in photos]
        seen = list(self.look(images))
        return self.answer([one.sighting for one in seen], evidence, coverage)

    def open(self, photo: Path | str | Image.Image) -> Image.Image:
        """A photo, decoded as far as the model needs it.

        Raises:
            UserError: it cannot be read.
        """
        if isinstance(photo, Image.Image):
            return photo.convert("RGB")
        try:
            return open_photo(Path(photo), self.short_side)
        except OSError as error:
            raise DataError(
                tr(
                    f"{photo} cannot be read ({error}): give a photo.",
                    f"{photo} 无法读取（{error}）：请给出照片。",
                )
            ) from None

    def look(self, photos: Iterable[Image.Image], at_once: int = 32) -> Iterator[Seen]:
        """What the model sees in each of RGB photos, in order; `at_once` bounds the memory."""
        left = iter(photos)
        while pixels := [self.view(photo) for photo in islice(left, at_once)]:
            yield from self.see(torch.stack(pixels))

    def see(self, views: Tensor) -> list[Seen]:
        """What the model sees in photos that `view` made pixels of, uint8 [B, 3, S, S]."""
        features, logits = predict_batch(self.network, views, self.device)
        strangeness = self.bundle.calibration.ood.score(features, logits)
        return [
            Seen(Sighting(logits[i], float(strangeness[i])), features[i], views[i])
            for i in range(len(views))
        ]

    def answer(
        self,
        sightings: Sequence[Sighting],
        evidence: Evidence = NOTHING,
        coverage: float = COVERAGE,
    ) -> Answer:
        """The answer about one specimen from what was seen in its photos; runs no network.

        Raises:
            UserError: the coverage is not between 0 and 1.
        """
        if not 0 < coverage < 1:
            raise DataError(
                tr(
                    f"The coverage {coverage:g} must lie between 0 and 1, as 0.9.",
                    f"覆盖率 {coverage:g} 须在 0 与 1 之间，例如 0.9。",
                )
            )
        return answer(
            list(sightings),
            self.classes,
            self.minerals,
            self.bundle.calibration,
            evidence,
            coverage,
        )

    def heat_map(self, seen: Seen, name: str) -> NDArray[np.float32]:
        """Where in a photo the model sees a class, [rows, columns] in 0..1 over its middle square.

        The square is that of the short side, less the margin of `evaluation_view`.
        """
        return heat_map(self.network, seen.pixels.to(self.device), self.classes.index(name))

    def similar(self, seen: Seen, count: int = 4) -> list[Similar]:
        """Training photos most like a photo; none if the run has no gallery."""
        return [] if self.gallery is None else self.gallery.nearest(seen.features, count)


def load(
    run: Path | str,
    *,
    minerals: Path | str | None = None,
    backbone: nn.Module | None = None,
    device: str = "auto",
) -> Identifier:
    """Load a trained model to identify with.

    Args:
        run: run folder, or a bundle folder.
        minerals: a table of your own on top of the one that comes along; see `read_minerals`.
        backbone: a module of the kind that `train` was given, if it was.
        device: see `choose_device`.

    Raises:
        UserError: anything that the user must change.
    """
    run = Path(run)
    bundle = read_bundle(run, backbone)
    table = read_minerals(Path(minerals) if minerals else None)
    where = choose_device(device)
    dimensions = bundle.network.classifier.in_features
    gallery = read_gallery(run, len(bundle.classes), dimensions)
    return Identifier(bundle, table, gallery, where)
