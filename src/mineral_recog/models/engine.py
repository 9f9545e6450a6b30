"""What answers need of a trained model, whichever program runs its network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mineral_recog.calibration.calibration import Calibration
from mineral_recog.data.evaluation_view import Pixels, Preprocessing

Floats = NDArray[np.float32]
GRID = 7  # rows and columns of the coarsest feature map that a heat map is drawn from


class Engine(Protocol):
    """A program that runs a network: torch, or onnxruntime."""

    def predict(self, pixels: Pixels) -> tuple[Floats, Floats]:
        """Return features [B, D] and logits [B, C] of views [B, S, S, 3].

        With two test views they are the means over each photo and its mirror image.
        """

    def gate_features(self, pixels: Pixels) -> list[Floats]:
        """Return the features of the gate, [B, D] for each of its parts.

        Args:
            pixels: Views at the size of the calibration's gate, [B, S, S, 3].
        """

    def class_map(self, pixels: Pixels, label: int) -> Floats | None:
        """Return how each position of a view [S, S, 3] raises a class's logit, [rows, columns].

        The value of a position is the product of its features and the gradient of the class's
        logit minus the mean logit: class activation mapping (Zhou et al., "Learning deep features
        for discriminative localization", CVPR 2016) by gradients (Selvaraju et al., "Grad-CAM",
        ICCV 2017).

        Returns:
            None, if the features are not the mean of a map of at least GRID x GRID positions.
        """


@dataclass(frozen=True, eq=False)
class Model:
    """A trained model that answers.

    Attributes:
        engine: Runs the network.
        classes: Class names, C.
        preprocessing: What the network takes.
        calibration: Calibrated probabilities, prediction sets and OOD detection.
        width: Number of features, D.
        fingerprint: SHA-256 that differs between two models whose answers may differ.
        provenance: Versions, seed, recipe, data fingerprint and hardware, as text.
    """

    engine: Engine
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    calibration: Calibration
    width: int
    fingerprint: str
    provenance: Mapping[str, str]
