"""The OOD score of bundles up to version 4, which lack what the present one needs.

Distance to the nearest class mean (Lee et al., NeurIPS 2018), and the energy of the logits (Liu et
al., NeurIPS 2020) above that of a typical photo.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mineral_recog.calibration.ood import squared_distances
from mineral_recog.calibration.temperature import AnyFloats, Floats, logsumexp


@dataclass(frozen=True, eq=False)
class DistanceOodDetector:
    """An OOD score that is higher for less familiar photos, and its threshold.

    Attributes:
        means: See `OodDetector`.
        directions: See `OodDetector`.
        energy_weight: Weight of the energy part of the score.
        typical_logsumexp: Log of the sum of exp(logits) of a typical photo.
        threshold: See `OodDetector`.
        msp_threshold: See `OodDetector`.
    """

    means: npt.NDArray[np.float32]
    directions: npt.NDArray[np.float32]
    energy_weight: float
    typical_logsumexp: float
    threshold: float
    msp_threshold: float

    def score(self, features: AnyFloats, logits: AnyFloats) -> Floats:
        """Return the OOD scores of photos, [M], from features [M, D] and logits [M, C]."""
        squared = squared_distances(self.means, self.directions, features)
        unsure = np.maximum(self.typical_logsumexp - logsumexp(logits), 0)
        score: Floats = np.sqrt(squared.min(axis=1)) + self.energy_weight * unsure
        return score

    def weights(self) -> dict[str, Any]:
        """Return the weights by their names in a JSON file."""
        return {"novelty_weight": self.energy_weight, "novelty_ordinary": self.typical_logsumexp}

    def arrays(self) -> dict[str, npt.NDArray[np.float32]]:
        """Return the arrays by name, for a file of tensors."""
        return {"class_means": self.means, "directions": self.directions}
