"""The bundle: the model that training writes and every other command reads.

It is a folder with `model.safetensors` (weights), `trust.safetensors` (calibration arrays) and
`config.json` (classes, counts, preprocessing, backbone, groups, calibration, provenance). Reading
a bundle runs no code from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save as save_arrays
from safetensors.torch import load_file, save
from torch import nn

from mineral_recog.calibration.calibration import (
    Calibration,
    CalibrationValues,
    restore_calibration,
)
from mineral_recog.data.transforms import Preprocessing
from mineral_recog.errors import BundleError, UserError
from mineral_recog.files import atomic_file, atomic_folder
from mineral_recog.i18n import tr
from mineral_recog.models.network import Network, build_untrained_network

CONFIG, WEIGHTS, CALIBRATION = "config.json", "model.safetensors", "trust.safetensors"
MAX_CONFIG_BYTES = 64 * 2**20  # more than a config of a million classes

Channels = tuple[float, float, float]


def _check_class_name(name: str) -> str:
    """Refuse class names that cannot be folder names: unprintable ones and paths."""
    if not name.isprintable() or "/" in name or name in ("", ".", ".."):
        raise ValueError("not a class name")
    return name


ClassName = Annotated[str, AfterValidator(_check_class_name)]


class _Preprocessing(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    image_size: Annotated[int, Field(ge=16, le=2048)]
    mean: Channels
    std: Channels
    test_views: Literal[1, 2] = 1


class _Config(BaseModel):
    """The schema of config.json."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["mineral-recog bundle"] = "mineral-recog bundle"
    version: Literal[2] = 2
    backbone: str
    head: Literal["linear", "cosine"] = "linear"
    classes: Annotated[tuple[ClassName, ...], Field(min_length=2)]
    train_counts: tuple[Annotated[int, Field(ge=1)], ...]
    groups: tuple[Literal["head", "medium", "tail"], ...]
    preprocessing: _Preprocessing
    calibration: CalibrationValues
    provenance: dict[str, str]

    @model_validator(mode="after")
    def _check_classes(self) -> _Config:
        if not len(self.classes) == len(self.train_counts) == len(self.groups):
            raise ValueError("classes, train_counts and groups differ in length")
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("a class name is repeated")
        return self


@dataclass(frozen=True)
class Bundle:
    """A trained model with its classes, calibration and provenance.

    Attributes:
        network: The network, in evaluation mode after reading.
        backbone: The timm name, or the result of `backbone_name` for a module given in Python.
        head: `linear` or `cosine`.
        classes: Class names, C.
        train_counts: Training photos of each class, C.
        groups: `head`, `medium` or `tail` for each class, C.
        calibration: Calibrated probabilities, prediction sets and OOD detection.
        provenance: Versions, seed, recipe, data fingerprint and hardware, as text.
    """

    network: Network
    backbone: str
    head: str
    classes: tuple[str, ...]
    train_counts: tuple[int, ...]
    groups: tuple[str, ...]
    calibration: Calibration
    provenance: dict[str, str]

    def fingerprint(self) -> str:
        """Return a SHA-256 that differs between two models whose answers may differ.

        It covers the classes, the preprocessing, the classifier and the calibration. The class
        means of the calibration depend on all weights, so the backbone itself need not be read.
        """
        preprocessing = self.network.preprocessing.to_json()
        values = self.calibration.values().model_dump()
        settings = json.dumps([self.classes, self.backbone, preprocessing, values])
        digest = hashlib.sha256(settings.encode("utf-8"))
        for weights in self.network.classifier.state_dict().values():
            digest.update(weights.detach().cpu().numpy().tobytes())
        for _, array in sorted(self.calibration.arrays().items()):
            digest.update(array.tobytes())
        return digest.hexdigest()

    def save(self, folder: Path) -> None:
        """Write the bundle to a folder; an error or a crash leaves no partial bundle."""
        preprocessing = self.network.preprocessing.to_json()
        config = _Config(
            backbone=self.backbone,
            head=self.head,  # type: ignore[arg-type]  # checked by the schema
            classes=self.classes,
            train_counts=self.train_counts,
            groups=self.groups,  # type: ignore[arg-type]  # checked by the schema
            preprocessing=_Preprocessing(**preprocessing),
            calibration=self.calibration.values(),
            provenance=self.provenance,
        )
        weights = {k: v.contiguous().cpu() for k, v in self.network.state_dict().items()}
        with atomic_folder(folder) as partial_folder:
            for name, data in (
                (WEIGHTS, save(weights)),
                (CALIBRATION, save_arrays(self.calibration.arrays())),
                (CONFIG, config.model_dump_json(indent=1).encode("utf-8")),
            ):
                # Synced to disk before the caller deletes the checkpoint.
                with atomic_file(partial_folder / name) as file:
                    file.write_bytes(data)


def read_bundle(run: Path, backbone: nn.Module | None = None) -> Bundle:
    """Read the bundle of a run folder, or a bundle folder itself.

    Args:
        run: Run folder or bundle folder.
        backbone: A module with the architecture of the trained backbone, if that was given in
            Python.

    Raises:
        BundleError: The bundle is missing, damaged or of another version, or its weights do not
            fit the backbone.
        UserError: The backbone is unknown, or does not fit the image size.
    """
    folder = run / "model" if (run / "model").is_dir() else run
    for file in (CONFIG, WEIGHTS):
        if not (folder / file).is_file():
            raise BundleError(
                tr(
                    f"{run} holds no trained model ({folder / file} is missing): give the folder "
                    "of a finished `mineral-recog train`.",
                    f"{run} 里没有训练好的模型（缺少 {folder / file}）：请给出已完成的 "
                    "`mineral-recog train` 的文件夹。",
                )
            )
    config = _read_config(folder / CONFIG)
    preprocessing = Preprocessing(**config.preprocessing.model_dump())
    build = partial(
        build_untrained_network,
        backbone or config.backbone,
        config.head,
        len(config.classes),
        preprocessing,
    )
    if backbone is None and (meta_network := _build_on_meta(build)):
        _check_shapes(meta_network, folder / WEIGHTS)
    network = build()
    _load_weights(network, folder / WEIGHTS)
    return Bundle(
        network.eval(),
        config.backbone,
        config.head,
        config.classes,
        config.train_counts,
        config.groups,
        _read_calibration(config, folder / CALIBRATION, network.classifier.in_features),
        config.provenance,
    )


def _build_on_meta(build: Callable[[], Network]) -> Network | None:
    """Build a network on the meta device, without memory for its weights.

    This checks the shapes first, since a small file can name a network of gigabytes.

    Returns:
        None if the build fails. Depending on timm, a few networks cannot be built on the meta
        device; for all others the normal build then reports the error.
    """
    try:
        with torch.device("meta"):
            return build()
    except (UserError, RuntimeError):
        return None


def _read_calibration(config: _Config, path: Path, width: int) -> Calibration:
    try:
        return restore_calibration(config.calibration, load_arrays(path), config.groups, width)
    except (SafetensorError, OSError, ValueError) as error:
        reason = str(error)
    raise _damaged_error(path, reason)


def _read_config(path: Path) -> _Config:
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise ValueError("too large")
        return _Config.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")
    except ValueError as error:
        reason = str(error)
    raise _damaged_error(path, reason)


def _check_shapes(network: Network, path: Path) -> None:
    """Refuse weights whose names or shapes differ from those of a network, by the file's header."""
    try:
        with safe_open(path, framework="pt") as file:
            shapes = {key: file.get_slice(key).get_shape() for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError) as error:
        raise _damaged_error(path, str(error)) from None
    expected = {key: list(value.shape) for key, value in network.state_dict().items()}
    wrong = [key for key in expected.keys() | shapes.keys() if expected.get(key) != shapes.get(key)]
    if wrong:
        raise _damaged_error(
            path, f"{len(wrong)} tensors do not fit the backbone, for example {min(wrong)}"
        )


def _load_weights(network: Network, path: Path) -> None:
    _check_shapes(network, path)
    weights = load_file(path)
    if not all(bool(value.isfinite().all()) for value in weights.values()):
        raise _damaged_error(path, "weights are not finite")
    network.load_state_dict(weights)


def _damaged_error(path: Path, reason: str) -> UserError:
    reason = " ".join(reason.split())[:200]
    return BundleError(
        tr(
            f"{path} is damaged or of another version ({reason}): train again, or copy the run "
            "folder again.",
            f"{path} 已损坏或版本不同（{reason}）：请重新训练，或重新复制运行文件夹。",
        )
    )
