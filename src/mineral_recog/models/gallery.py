"""The gallery of a run: thumbnails of training photos with their features, to show with answers.

It is part of a run and not of the bundle, since photos may not always be passed on. It has two
files: `gallery.safetensors` (features float16 [G, D] and the concatenated JPEG bytes) and
`gallery.json` (class and path of each photo).
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ImageOps
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from mineral_recog.data.dataset import Dataset
from mineral_recog.data.images import open_photo
from mineral_recog.errors import BundleError, reason_of
from mineral_recog.files import atomic_folder
from mineral_recog.i18n import tr
from mineral_recog.text import one_line, parse_json
from mineral_recog.validation import reason_with_place

FOLDER, FEATURES, NAMES = "gallery", "gallery.safetensors", "gallery.json"
MAX_PER_CLASS = 30  # photos
SIDE = 160  # pixels of a thumbnail
MAX_BYTES = 2 * 2**30  # of gallery.safetensors; 1,000 classes of 30 photos take 0.4 GB


class _GalleryPhoto(BaseModel):
    """An entry of gallery.json."""

    model_config = ConfigDict(extra="forbid")

    label: int
    photo: str


class _GalleryIndex(BaseModel):
    """The schema of gallery.json."""

    model_config = ConfigDict(extra="forbid")

    photos: list[_GalleryPhoto]


@dataclass(frozen=True)
class SimilarPhoto:
    """A training photo that is similar to another photo.

    Attributes:
        label: Class of the photo.
        path: Path of the photo in its split.
        similarity: Cosine similarity of the features.
        jpeg: Bytes of the thumbnail.
    """

    label: int
    path: str
    similarity: float
    jpeg: bytes


@dataclass(frozen=True, eq=False)
class Gallery:
    """The gallery of a run, G photos.

    Attributes:
        features: Features of length 1, float32 [G, D].
        labels: Class of each photo.
        paths: Path of each photo in its split.
        jpegs: Bytes of all thumbnails, concatenated.
        ends: End of each thumbnail in `jpegs`, [G].
    """

    features: NDArray[np.float32]
    labels: tuple[int, ...]
    paths: tuple[str, ...]
    jpegs: NDArray[np.uint8]
    ends: NDArray[np.int64]

    def of_class(self, label: int, count: int) -> list[tuple[str, bytes]]:
        """Return path and thumbnail of the first photos of a class."""
        indices = [i for i, its_label in enumerate(self.labels) if its_label == label]
        return [(self.paths[i], self._jpeg(i)) for i in indices[:count]]

    def nearest(self, features: NDArray[np.float32], count: int) -> list[SimilarPhoto]:
        """Return the photos most similar to one with features [D], the most similar first."""
        length = max(float(np.linalg.norm(features)), 1e-12)
        cosine = self.features @ (features / length)
        best = np.argsort(-cosine, kind="stable")[:count]
        return [
            SimilarPhoto(self.labels[i], self.paths[i], float(cosine[i]), self._jpeg(i))
            for i in best.tolist()
        ]

    def _jpeg(self, index: int) -> bytes:
        start = int(self.ends[index - 1]) if index else 0
        return self.jpegs[start : int(self.ends[index])].tobytes()


def write_gallery(
    run: Path,
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    dataset: Dataset,
    seed: int,
) -> None:
    """Write the gallery of a run: at most 30 photos of each class, drawn at random.

    Args:
        run: Run folder.
        features: Features of the photos of `dataset`, [M, D].
        labels: Classes of the same photos, [M].
        dataset: M training photos.
        seed: Seed of the random draw.
    """
    rng = np.random.default_rng(seed)
    drawn: list[int] = []
    for label in np.unique(labels):
        indices = np.flatnonzero(labels == label)
        drawn += sorted(rng.permutation(indices)[:MAX_PER_CLASS].tolist())
    jpegs = [_thumbnail(dataset, i) for i in drawn]
    lengths = np.linalg.norm(features[drawn], axis=1, keepdims=True)
    tensors = {
        "features": (features[drawn] / np.maximum(lengths, 1e-12)).astype(np.float16),
        "jpegs": np.frombuffer(b"".join(jpegs), dtype=np.uint8),
        "ends": np.cumsum([len(jpeg) for jpeg in jpegs], dtype=np.int64),
    }
    photos = [
        _GalleryPhoto(label=int(labels[i]), photo=_escape_undecodable(dataset.paths[i]))
        for i in drawn
    ]
    with atomic_folder(run / FOLDER) as folder:
        (folder / FEATURES).write_bytes(save(tensors))
        (folder / NAMES).write_text(
            _GalleryIndex(photos=photos).model_dump_json(), encoding="utf-8"
        )


def read_gallery(run: Path, classes: int, dimensions: int) -> Gallery | None:
    """Read the gallery of a run; return None if it has none.

    Args:
        run: Run folder.
        classes: Number of classes of the model, C.
        dimensions: Number of features of the model, D.

    Raises:
        BundleError: The gallery is damaged, or belongs to another model.
    """
    folder = run / FOLDER
    if not folder.is_dir():
        return None
    try:
        if (folder / FEATURES).stat().st_size > MAX_BYTES:
            raise ValueError(tr("too large", "文件过大"))
        tensors = load_file(folder / FEATURES)
        index = _GalleryIndex.model_validate(
            parse_json((folder / NAMES).read_text(encoding="utf-8"))
        )
        return _build_gallery(tensors, index.photos, classes, dimensions)
    except ValidationError as error:
        reason = reason_with_place(error.errors()[0])
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        reason = one_line(reason_of(error))
    raise BundleError(
        tr(
            f"{folder} is damaged or belongs to another model ({reason}): remove it; answers will "
            "then have no similar photos.",
            f"{folder} 已损坏或属于别的模型（{reason}）：请删除它，之后的回答将不含相似照片。",
        )
    )


def _build_gallery(
    tensors: dict[str, NDArray[np.generic]],
    photos: list[_GalleryPhoto],
    classes: int,
    dimensions: int,
) -> Gallery:
    """Build a gallery from the content of its two files.

    Raises:
        ValueError: They do not match each other or the model.
    """
    features, jpegs, ends = tensors["features"], tensors["jpegs"], tensors["ends"]
    types = [str(tensor.dtype) for tensor in (features, jpegs, ends)]
    if types != ["float16", "uint8", "int64"]:
        raise ValueError(tr("tensors of the wrong type", "张量的类型不对"))
    if features.shape != (len(photos), dimensions) or ends.shape != (len(photos),):
        raise ValueError(tr("tensors of the wrong shape", "张量的形状不对"))
    if not np.isfinite(features).all():
        raise ValueError(tr("features are not finite", "特征含有非有限的数"))
    ascending = bool((np.diff(ends, prepend=0) >= 0).all())
    if jpegs.ndim != 1 or not ascending or (len(ends) and int(ends[-1]) != len(jpegs)):
        raise ValueError(tr("thumbnails are truncated", "缩略图不完整"))
    if any(not 0 <= photo.label < classes for photo in photos):
        raise ValueError(tr("classes that the model does not have", "含有模型没有的类别"))
    return Gallery(
        features.astype(np.float32),
        tuple(photo.label for photo in photos),
        tuple(photo.photo for photo in photos),
        jpegs.astype(np.uint8, copy=False),
        ends.astype(np.int64, copy=False),
    )


def _thumbnail(dataset: Dataset, index: int) -> bytes:
    target = BytesIO()
    with dataset.open(index) as file:
        square = ImageOps.fit(open_photo(file, short_side=SIDE), (SIDE, SIDE))
    square.save(target, "JPEG", quality=75)
    return target.getvalue()


def _escape_undecodable(path: str) -> str:
    """Escape bytes of a path that are not UTF-8, since JSON cannot hold them."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")
