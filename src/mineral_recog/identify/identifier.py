"""A trained model that answers questions about photos, and `load`, which returns one."""

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
from mineral_recog.data.transforms import CENTER_SHARE, evaluation_transform
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr
from mineral_recog.identify.answer import Answer, PhotoOutputs, answer_from_outputs
from mineral_recog.identify.evidence import Evidence
from mineral_recog.identify.heat_map import heat_map
from mineral_recog.minerals.facts import Mineral, MineralTable, read_minerals
from mineral_recog.models.bundle import Bundle, read_bundle
from mineral_recog.models.device import choose_device
from mineral_recog.models.gallery import Gallery, SimilarPhoto, read_gallery
from mineral_recog.models.predictor import predict_batch

DEFAULT_COVERAGE = 0.9
NO_EVIDENCE = Evidence()


@dataclass(frozen=True, eq=False)
class Observation:
    """The model's outputs for a photo, its features float32 [D] and pixels uint8 [3, S, S]."""

    outputs: PhotoOutputs
    features: NDArray[np.float32]
    pixels: Tensor


class Identifier:
    """Identifies minerals from photos and evidence.

    Args:
        bundle: Trained model.
        minerals: Table of facts.
        gallery: Training photos to show with an answer, if the run has them.
        device: Device to run on.
    """

    def __init__(
        self,
        bundle: Bundle,
        minerals: MineralTable,
        gallery: Gallery | None,
        device: torch.device,
    ) -> None:
        self.bundle, self.gallery, self.device = bundle, gallery, device
        self.network = bundle.network.to(device)
        self.classes = bundle.classes
        self.minerals: tuple[Mineral | None, ...] = tuple(map(minerals.find, bundle.classes))
        size = self.network.preprocessing.image_size
        self.transform, self.short_side = evaluation_transform(size), round(size / CENTER_SHARE)

    def identify(
        self,
        photos: Path | str | Image.Image | Sequence[Path | str | Image.Image],
        evidence: Evidence = NO_EVIDENCE,
        coverage: float = DEFAULT_COVERAGE,
    ) -> Answer:
        """Identify one specimen.

        Args:
            photos: One or several photos of the specimen: paths or RGB images.
            evidence: Outcomes of physical tests, see `read_evidence`.
            coverage: Probability with which the answer's set contains the right class.

        Raises:
            UserError: A photo cannot be read, there are no photos, or the coverage is not
                between 0 and 1.
        """
        if isinstance(photos, Path | str | Image.Image):
            photos = [photos]
        if not photos:
            raise DataError(tr("No photo: give at least one.", "没有照片：请至少给出一张。"))
        observations = self.observe(map(self.open, photos))
        return self.answer(
            [observation.outputs for observation in observations], evidence, coverage
        )

    def open(self, photo: Path | str | Image.Image) -> Image.Image:
        """Open a photo and decode it at the resolution that the model needs.

        Raises:
            UserError: The photo cannot be read.
        """
        if isinstance(photo, Image.Image):
            return photo.convert("RGB")
        try:
            return open_photo(Path(photo), self.short_side)
        except OSError as error:
            raise DataError(
                tr(
                    f"{photo} cannot be read ({error}): give the path of a photo.",
                    f"{photo} 无法读取（{error}）：请给出照片文件的路径。",
                )
            ) from None

    def observe(self, images: Iterable[Image.Image], batch_size: int = 32) -> Iterator[Observation]:
        """Run the model on RGB images, in order; at most a batch is in memory."""
        return self.observe_pixels(map(self.transform, images), batch_size)

    def observe_pixels(
        self, pixels: Iterable[Tensor], batch_size: int = 32
    ) -> Iterator[Observation]:
        """Run the model on photos transformed with `transform`, each uint8 [3, S, S]."""
        remaining = iter(pixels)
        while batch := list(islice(remaining, batch_size)):
            yield from self.observe_batch(torch.stack(batch))

    def observe_batch(self, batch: Tensor) -> list[Observation]:
        """Run the model on photos transformed with `transform`, uint8 [B, 3, S, S]."""
        features, logits = predict_batch(self.network, batch)
        ood_scores = self.bundle.calibration.ood.score(features, logits)
        return [
            Observation(PhotoOutputs(logits[i], float(ood_scores[i])), features[i], batch[i])
            for i in range(len(batch))
        ]

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
        if not 0 < coverage < 1:
            raise DataError(
                tr(
                    f"The coverage {coverage:g} must be between 0 and 1, for example 0.9.",
                    f"覆盖率 {coverage:g} 须在 0 与 1 之间，例如 0.9。",
                )
            )
        return answer_from_outputs(
            list(outputs),
            self.classes,
            self.minerals,
            self.bundle.calibration,
            evidence,
            coverage,
        )

    def heat_map(self, observation: Observation, name: str) -> NDArray[np.float32]:
        """Return where in a photo the model sees a class, [rows, columns] in 0..1.

        The map covers the photo's central square, without the margin of `evaluation_transform`.
        """
        return heat_map(self.network, observation.pixels.to(self.device), self.classes.index(name))

    def similar(self, observation: Observation, count: int = 4) -> list[SimilarPhoto]:
        """Return the training photos most similar to a photo; none if the run has no gallery."""
        return [] if self.gallery is None else self.gallery.nearest(observation.features, count)


def load(
    run: Path | str,
    *,
    minerals: Path | str | None = None,
    backbone: nn.Module | None = None,
    device: str = "auto",
) -> Identifier:
    """Load a trained model to identify minerals with.

    Args:
        run: Run folder or bundle folder.
        minerals: Your table of minerals, which extends the shipped one; see `read_minerals`.
        backbone: Module of the same class as passed to `train`, if one was.
        device: Device to run on, see `choose_device`.

    Raises:
        UserError: The bundle, the table, the backbone or the device cannot be used.
    """
    run = Path(run)
    bundle = read_bundle(run, backbone)
    return Identifier(
        bundle,
        minerals=read_minerals(Path(minerals) if minerals else None),
        device=choose_device(device),
        gallery=read_gallery(run, len(bundle.classes), bundle.network.classifier.in_features),
    )
