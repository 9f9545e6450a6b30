"""The engine of a trained bundle: torch."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from mineral_recog.data.evaluation_view import Pixels
from mineral_recog.models.bundle import read_bundle
from mineral_recog.models.device import choose_device
from mineral_recog.models.engine import GRID, Floats, Model
from mineral_recog.models.gate_network import GateNetwork, gate_features
from mineral_recog.models.network import Network
from mineral_recog.models.predictor import predict_batch

POOLING_TOLERANCE = 1e-3  # relative to the largest feature


class TorchEngine:
    """Runs a network with torch, on the device that holds it.

    Args:
        network: Network in evaluation mode.
        gate: Network of the gate, on the same device; None without one.
    """

    def __init__(self, network: Network, gate: GateNetwork | None = None) -> None:
        self.network, self.gate = network, gate

    def predict(self, pixels: Pixels) -> tuple[Floats, Floats]:
        """Return features and logits, see `Engine`."""
        return predict_batch(self.network, torch.from_numpy(pixels).permute(0, 3, 1, 2))

    def gate_features(self, pixels: Pixels) -> list[Floats]:
        """Return the features of the gate, see `Engine`."""
        assert self.gate is not None
        return gate_features(self.network, self.gate, torch.from_numpy(pixels).permute(0, 3, 1, 2))

    def class_map(self, pixels: Pixels, label: int) -> Floats | None:
        """Return the map of a class, see `Engine`."""
        batch = torch.from_numpy(pixels[None]).permute(0, 3, 1, 2).to(self.network.device)
        maps = feature_map(self.network, batch)
        if maps is None:
            return None
        gradient = _gradient(self.network, maps[0].mean(dim=(1, 2)), label)
        heat: Floats = torch.einsum("d,dhw->hw", gradient, maps[0]).float().cpu().numpy()
        return heat


@torch.inference_mode()
def feature_map(network: Network, pixels: Tensor) -> Tensor | None:
    """Return the map [B, D, rows, columns] whose mean is the features; None without one.

    Args:
        network: Network in evaluation mode.
        pixels: Views, uint8 [B, 3, S, S], on the network's device.
    """
    forward = getattr(network.backbone, "forward_features", None)
    if forward is None:
        return None
    normalised = network.normalise(pixels)
    maps = forward(normalised)
    if not isinstance(maps, Tensor) or maps.ndim != 4 or min(maps.shape[2:]) < GRID:
        return None
    features = network.backbone(normalised)
    pooled = maps.mean(dim=(2, 3))
    if pooled.shape != features.shape:
        return None
    difference = (pooled - features).abs().max()
    return maps if difference <= POOLING_TOLERANCE * features.abs().max() else None


def _gradient(network: Network, features: Tensor, label: int) -> Tensor:
    """Return the gradient [D] of a class's logit minus the mean logit, at features [D]."""
    with torch.enable_grad():
        variable = features.clone().requires_grad_()
        logits = network.classifier(variable[None])[0]
        (gradient,) = torch.autograd.grad(logits[label] - logits.mean(), variable)
    return gradient


def read_torch_model(run: Path, backbone: nn.Module | None, device: str) -> Model:
    """Read the model of a run folder or of a bundle folder.

    Args:
        run: Run folder or bundle folder.
        backbone: Module of the same class as passed to `train`, if one was.
        device: Device to run on, see `choose_device`.

    Raises:
        UserError: The bundle, the backbone or the device cannot be used.
    """
    bundle = read_bundle(run, backbone)
    torch_device = choose_device(device)
    network = bundle.network.to(torch_device)
    gate = None if bundle.gate is None else bundle.gate.to(torch_device)
    return Model(
        TorchEngine(network, gate),
        bundle.classes,
        network.preprocessing,
        bundle.calibration,
        network.classifier.in_features,
        bundle.fingerprint(),
        bundle.provenance,
    )
