"""Training photos to look at beside an answer: a few of each class, small, with their features.

Part of a run and not of the bundle, since photos are not always to be handed on. Two files:
`gallery.safetensors` (features float16 [G, D] and the JPEG bytes of all, one after the other) and
`gallery.json` (class and name of each).
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
from mineral_recog.errors import BundleError
from mineral_recog.files import whole_folder
from mineral_recog.i18n import tr
from mineral_recog.text import parse_json

FOLDER, FEATURES, NAMES = "gallery", "gallery.safetensors", "gallery.json"
A_CLASS = 30  # photos of each class at most
SIDE = 160  # pixels of a thumbnail
LARGEST = 2 * 2**30  # bytes of the file of features; 1,000 classes of 30 photos take 0.4 GB


class _Shown(BaseModel):
    model_config = ConfigDict(extra="forbid")

    label: int
    photo: str


class _Names(BaseModel):
    model_config = ConfigDict(extra="forbid")

    photos: list[_Shown]


@dataclass(frozen=True)
class Similar:
    """A training photo that looks alike: its class, name, cosine similarity and thumbnail."""

    label: int
    photo: str
    similarity: float
    jpeg: bytes


@dataclass(frozen=True, eq=False)
class Gallery:
    """Features float32 [G, D] of length 1, label and name of each, and thumbnails."""

    features: NDArray[np.float32]
    labels: tuple[int, ...]
    photos: tuple[str, ...]
    jpegs: NDArray[np.uint8]
    ends: NDArray[np.int64]

    def nearest(self, features: NDArray[np.float32], count: int) -> list[Similar]:
        """The photos most like one with features [D], most alike first."""
        length = max(float(np.linalg.norm(features)), 1e-12)
        cosine = self.features @ (features / length)
        best = np.argsort(-cosine, kind="stable")[:count]
        return [
            Similar(self.labels[i], self.photos[i], float(cosine[i]), self._jpeg(i))
            for i in best.tolist()
        ]

    def _jpeg(self, photo: int) -> bytes:
        start = int(self.ends[photo - 1]) if photo else 0
        return self.jpegs[start : int(self.ends[photo])].tobytes()


def write_gallery(
    run: Path,
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    photos: Dataset,
    seed: int,
) -> None:
    """Write the gallery of a run: at most 30 photos of each class, drawn at random.

    Args:
        run: its folder.
        features: of training photos, [M, D].
        labels: of the same, [M].
        photos: which they are, M.
        seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    drawn: list[int] = []
    for label in np.unique(labels):
        of_class = np.flatnonzero(labels == label)
        drawn += sorted(rng.permutation(of_class)[:A_CLASS].tolist())
    jpegs = [_thumbnail(photos, i) for i in drawn]
    lengths = np.linalg.norm(features[drawn], axis=1, keepdims=True)
    tensors = {
        "features": (features[drawn] / np.maximum(lengths, 1e-12)).astype(np.float16),
        "jpegs": np.frombuffer(b"".join(jpegs), dtype=np.uint8),
        "ends": np.cumsum([len(jpeg) for jpeg in jpegs], dtype=np.int64),
    }
    shown = [_Shown(label=int(labels[i]), photo=_readable(photos.paths[i])) for i in drawn]
    with whole_folder(run / FOLDER) as folder:
        (folder / FEATURES).write_bytes(save(tensors))
        (folder / NAMES).write_text(_Names(photos=shown).model_dump_json(), encoding="utf-8")


def read_gallery(run: Path, classes: int, dimensions: int) -> Gallery | None:
    """The gallery of a run, or None if it has none.

    Raises:
        UserError: it is damaged, or of another model.
    """
    folder = run / FOLDER
    if not folder.is_dir():
        return None
    try:
        if (folder / FEATURES).stat().st_size > LARGEST:
            raise ValueError("too large")
        tensors = load_file(folder / FEATURES)
        names = _Names.model_validate(parse_json((folder / NAMES).read_text(encoding="utf-8")))
        return _checked(tensors, names.photos, classes, dimensions)
    except (OSError, ValidationError, SafetensorError, ValueError, KeyError) as e:
        reason = " ".join(str(e).split())[:200]
    raise BundleError(
        tr(
            f"{folder} is damaged or of another model ({reason}): remove it, and answers come "
            "without similar photos.",
            f"{folder} 已损坏或属于别的模型（{reason}）：删除它即可，回答将不含相似照片。",
        )
    )


def _checked(
    tensors: dict[str, NDArray[np.generic]], shown: list[_Shown], classes: int, dimensions: int
) -> Gallery:
    """The gallery of what two files hold; ValueError when they do not fit."""
    features, jpegs, ends = tensors["features"], tensors["jpegs"], tensors["ends"]
    types = [str(tensor.dtype) for tensor in (features, jpegs, ends)]
    if types != ["float16", "uint8", "int64"]:
        raise ValueError("tensors of other types")
    if features.shape != (len(shown), dimensions) or ends.shape != (len(shown),):
        raise ValueError("tensors of other shapes")
    if not np.isfinite(features).all():
        raise ValueError("features that are not finite")
    rising = bool((np.diff(ends, prepend=0) >= 0).all())
    if jpegs.ndim != 1 or not rising or (len(ends) and int(ends[-1]) != len(jpegs)):
        raise ValueError("thumbnails that are cut short")
    if any(not 0 <= one.label < classes for one in shown):
        raise ValueError("classes that the model does not know")
    return Gallery(
        features.astype(np.float32),
        tuple(one.label for one in shown),
        tuple(one.photo for one in shown),
        jpegs.astype(np.uint8, copy=False),
        ends.astype(np.int64, copy=False),
    )


def _thumbnail(photos: Dataset, number: int) -> bytes:
    target = BytesIO()
    with photos.open(number) as file:
        square = ImageOps.fit(open_photo(file, short_side=SIDE), (SIDE, SIDE))
    square.save(target, "JPEG", quality=75)
    return target.getvalue()


def _readable(name: str) -> str:
    """A name that JSON can hold, whatever bytes the file system has in it."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
