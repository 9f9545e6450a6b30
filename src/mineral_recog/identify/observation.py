"""What a model sees of photos, and what it says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mineral_recog.calibration.gate import GateScores
from mineral_recog.data.evaluation_view import Pixels
from mineral_recog.identify.answer import PhotoOutputs
from mineral_recog.identify.region import Region
from mineral_recog.models.engine import Floats, Model

MAX_SIDE = 512  # pixels of the longer side of a view's image
CLOSE_UP_SHARE = 0.7  # of a close-up in the outputs for a photo; the middle square has the rest


@dataclass(frozen=True, eq=False)
class View:
    """What the model sees of a photo.

    Attributes:
        pixels: Input of the network, uint8 [S, S, 3]: the middle square, or the region that a
            person gave.
        image: The photo, at most `MAX_SIDE` pixels wide and high.
        used_bits: See `Header`.
        close_up: Second input: the square in which the specimen seems to be; None without one.
        region: What `close_up` shows, or the region that a person gave; None for the middle square.
        problems: What is wrong with the photo, see `find_problems`.
        gate_pixels: Input of the gate, uint8 [S', S', 3]; None if the model has no gate.
    """

    pixels: Pixels
    image: Image.Image
    used_bits: int
    close_up: Pixels | None = None
    region: Region | None = None
    problems: Mapping[str, str] = field(default_factory=dict)
    gate_pixels: Pixels | None = None


@dataclass(frozen=True, eq=False)
class Observation:
    """The model's outputs for a photo, its features float32 [D], and what the model saw."""

    outputs: PhotoOutputs
    features: NDArray[np.float32]
    view: View


def observe(model: Model, views: Sequence[View]) -> list[Observation]:
    """Run a model on the views of a batch, at least one.

    A close-up counts if it looks more like the known classes than the middle square does; with
    it, features and logits are the weighted means of both.
    """
    views = list(views)
    features, logits, ood_scores = _predict(model, views)
    gate_scores = _gate_scores(model, views)
    return [
        Observation(
            PhotoOutputs(
                logits[i],
                float(ood_scores[i] + (0 if gate_scores is None else gate_scores.novelty[i])),
                view.used_bits,
                view.region,
                None if gate_scores is None else float(gate_scores.no_mineral[i]),
                view.problems,
            ),
            features[i],
            view,
        )
        for i, view in enumerate(views)
    ]


def _predict(model: Model, views: list[View]) -> tuple[Floats, Floats, NDArray[np.float64]]:
    """Return features, logits and OOD scores of views; drop the close-ups that do not count."""
    score = model.calibration.ood.score
    features, logits = model.engine.predict(np.stack([view.pixels for view in views]))
    ood_scores = score(features, logits)
    close_ups = {i: view.close_up for i, view in enumerate(views) if view.close_up is not None}
    if not close_ups:
        return features, logits, ood_scores
    others = model.engine.predict(np.stack([*close_ups.values()]))
    for i, feature, logit, other in zip(close_ups, *others, score(*others), strict=True):
        if other < ood_scores[i]:
            features[i] += CLOSE_UP_SHARE * (feature - features[i])
            logits[i] += CLOSE_UP_SHARE * (logit - logits[i])
        else:
            views[i] = replace(views[i], close_up=None, region=None)
    return features, logits, score(features, logits)


def _gate_scores(model: Model, views: Sequence[View]) -> GateScores | None:
    """Return the scores of the gate for views; None without a gate."""
    gate = model.calibration.gate
    pixels = [view.gate_pixels for view in views if view.gate_pixels is not None]
    if gate is None or not pixels:
        return None
    return gate.scores(model.engine.gate_features(np.stack(pixels)))
