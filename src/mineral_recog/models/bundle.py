"""The bundle: the model that training writes and every other command reads.

It is a folder with `model.safetensors` (weights), `trust.safetensors` (calibration arrays) and
`config.json` (classes, counts, preprocessing, backbone, groups, calibration, provenance), and
`gate.safetensors` if the gate has weights that the network lacks. Reading a bundle runs no code
from it.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save as save_arrays
from safetensors.torch import load_file, save
from torch import nn

from mineral_recog.calibration.calibration import Calibration, restore_calibration
from mineral_recog.calibration.gate import Gate
from mineral_recog.data.evaluation_view import Preprocessing
from mineral_recog.errors import UserError, reason_of
from mineral_recog.files import atomic_file, atomic_folder
from mineral_recog.i18n import tr
from mineral_recog.models.backbones import SIZE_ERRORS
from mineral_recog.models.bundle_config import (
    CONFIG,
    GATE_WEIGHTS,
    WEIGHTS,
    Config,
    PreprocessingConfig,
    damaged_error,
    find_bundle,
    read_config,
)
from mineral_recog.models.gate_network import GateNetwork, backbone_of_gate, stages_of
from mineral_recog.models.heads import CosineHead
from mineral_recog.models.joined_backbone import JoinedBackbone
from mineral_recog.models.network import Network, build_untrained_network
from mineral_recog.recipes.recipe import COSINE_SCALE

CALIBRATION = "trust.safetensors"


@dataclass(frozen=True)
class Bundle:
    """A trained model with its classes, calibration and provenance.

    Attributes:
        network: The network, in evaluation mode after reading.
        backbone: The timm name, or the result of `backbone_name` for a module given in Python.
        head: `linear` or `cosine`.
        classes: Class names, C.
        train_counts: Training photos of each class, C.
        groups: `head`, `medium` or `tail` for each class, C; "" for all if there are no groups.
        calibration: Calibrated probabilities, prediction sets and OOD detection.
        provenance: Versions, seed, recipe, data fingerprint and hardware, as text.
        gate: Network of the calibration's gate; None without one.
    """

    network: Network
    backbone: str
    head: str
    classes: tuple[str, ...]
    train_counts: tuple[int, ...]
    groups: tuple[str, ...]
    calibration: Calibration
    provenance: dict[str, str]
    gate: GateNetwork | None = None

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
        gate_weights, head = self._gate_weights(), self.network.classifier
        config = Config(
            backbone=self.backbone,
            pretrained_features=isinstance(self.network.backbone, JoinedBackbone),
            head=self.head,  # type: ignore[arg-type]  # checked by the schema
            head_scale=head.scale if isinstance(head, CosineHead) else COSINE_SCALE,
            classes=self.classes,
            train_counts=self.train_counts,
            groups=self.groups,  # type: ignore[arg-type]  # checked by the schema
            preprocessing=PreprocessingConfig(**preprocessing),
            calibration=self.calibration.values(),
            gate_has_weights=gate_weights is not None,
            provenance=self.provenance,
        )
        files = {
            WEIGHTS: _weights_of(self.network),
            CALIBRATION: save_arrays(self.calibration.arrays()),
            CONFIG: config.model_dump_json(indent=1).encode("utf-8"),
        }
        if gate_weights is not None:
            files[GATE_WEIGHTS] = gate_weights
        with atomic_folder(folder) as partial_folder:
            for name, data in files.items():
                # Synced to disk before the caller deletes the checkpoint.
                with atomic_file(partial_folder / name) as file:
                    file.write_bytes(data)

    def _gate_weights(self) -> bytes | None:
        """Return the weights of the gate's backbone; None if the network has the same backbone."""
        if self.gate is None or self.gate.backbone is backbone_of_gate(self.network):
            return None
        return _weights_of(self.gate.backbone)


def _weights_of(module: nn.Module) -> bytes:
    return save({k: v.contiguous().cpu() for k, v in module.state_dict().items()})


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
    folder = find_bundle(run)
    config = read_config(folder / CONFIG)
    preprocessing = Preprocessing(**config.preprocessing.model_dump())
    build = partial(
        build_untrained_network,
        backbone or config.backbone,
        config.head,
        len(config.classes),
        preprocessing,
        config.pretrained_features,
        config.head_scale,
    )
    if backbone is None and (meta_network := _build_on_meta(build)):
        _check_shapes(meta_network, folder / WEIGHTS)
    network = build()
    _load_weights(network, folder / WEIGHTS)
    calibration = _read_calibration(config, folder / CALIBRATION, network.classifier.in_features)
    return Bundle(
        network.eval(),
        config.backbone,
        config.head,
        config.classes,
        config.train_counts,
        config.groups,
        calibration,
        config.provenance,
        _read_gate(config, calibration.gate, network, folder),
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


def _read_calibration(config: Config, path: Path, width: int) -> Calibration:
    try:
        return restore_calibration(config.calibration, load_arrays(path), config.groups, width)
    except (SafetensorError, OSError, ValueError) as error:
        reason = reason_of(error)
    raise damaged_error(path, reason)


def _read_gate(
    config: Config, gate: Gate | None, network: Network, folder: Path
) -> GateNetwork | None:
    if gate is None:
        return None
    backbone = backbone_of_gate(network)
    if config.gate_has_weights:
        backbone = copy.deepcopy(backbone)
        _load_weights(backbone, folder / GATE_WEIGHTS)
    gate_network = GateNetwork(backbone, gate.image_size, stages_of(len(gate.parts)))
    try:
        widths = gate_network.widths()
    except (AttributeError, *SIZE_ERRORS) as error:
        raise damaged_error(folder / CONFIG, reason_of(error)) from None
    if widths != gate.widths:
        reason = tr("the gate does not fit the backbone", "gate 与骨干网络不符")
        raise damaged_error(folder / CALIBRATION, reason)
    return gate_network


def _check_shapes(network: nn.Module, path: Path) -> None:
    """Refuse weights whose names or shapes differ from those of a network, by the file's header."""
    try:
        with safe_open(path, framework="pt") as file:
            shapes = {key: file.get_slice(key).get_shape() for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise damaged_error(path, reason_of(error)) from None
    expected = {key: list(value.shape) for key, value in network.state_dict().items()}
    wrong = [key for key in expected.keys() | shapes.keys() if expected.get(key) != shapes.get(key)]
    if wrong:
        raise damaged_error(
            path,
            tr(
                f"{len(wrong)} tensors do not fit the backbone, for example {min(wrong)}",
                f"{len(wrong)} 个张量与骨干网络不符，例如 {min(wrong)}",
            ),
        )


def _load_weights(network: nn.Module, path: Path) -> None:
    _check_shapes(network, path)
    weights = load_file(path)
    if not all(bool(value.isfinite().all()) for value in weights.values()):
        raise damaged_error(path, tr("weights are not finite", "权重含有非有限的数"))
    network.load_state_dict(weights)
