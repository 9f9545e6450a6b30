"""The whole state of a run between two steps, as tensors and facts, and an engine from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from mineral_recog.checkpoint import State
from mineral_recog.method.weight_average import WeightAverage

if TYPE_CHECKING:
    from mineral_recog.engine import Engine


def state_of(engine: Engine) -> State:
    """All that the steps to come hang on; the seed and the photos are the run's own."""
    tensors = _named("network", engine.network.state_dict())
    tensors |= _named("momentum", _momentum(engine))
    tensors |= _named("centers", engine.centers.state_dict())
    tensors |= {"probabilities": engine.probabilities, "drawn_by": engine.drawn_by}
    facts: dict[str, Any] = {"done": engine.done, "step": engine.step}
    if engine.best is not None:
        facts["best"] = engine.best[0]
        tensors |= _named("best", engine.best[1])
    if engine.average is not None:
        facts["averaged"] = engine.average.steps
        tensors |= _named("average", engine.average.state)
    if engine.step:  # in the middle of an epoch
        facts["mixing"] = engine.mixing.bit_generator.state
        tensors |= _named("sums", engine.sums)
        tensors["random"] = torch.get_rng_state()
        if engine.device.type == "cuda":
            tensors["random_gpu"] = torch.cuda.get_rng_state(engine.device)
    return tensors, facts


def restore(engine: Engine, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Bring an engine to where one stood.

    Raises:
        KeyError: something is missing, or the state is of another network.
        RuntimeError: it is of another network, or of other photos.
    """

    def part(prefix: str) -> dict[str, Tensor]:
        return {
            key.removeprefix(f"{prefix}."): value.to(engine.device)
            for key, value in tensors.items()
            if key.startswith(f"{prefix}.")
        }

    weights = part("network")
    if "classifier.scale" in weights:
        engine.start_scale()
    engine.network.load_state_dict(weights)
    engine.centers.load_state_dict(part("centers"))
    engine.probabilities.copy_(tensors["probabilities"])
    engine.drawn_by.copy_(tensors["drawn_by"])
    engine.done, engine.step = int(facts["done"]), int(facts["step"])
    name, _ = engine.recipe.stage_at(engine.done if engine.step else engine.done - 1)
    engine.start_optimizer(engine.recipe.stages[name])
    parameters = dict(engine.network.named_parameters())
    for key, value in part("momentum").items():
        engine.optimizer.state[parameters[key]]["momentum_buffer"] = value
    if averaged := part("average"):
        engine.average = WeightAverage(engine.network, engine.recipe.weight_average)
        engine.average.state, engine.average.steps = averaged, int(facts["averaged"])
    if "best" in facts:
        engine.best = (float(facts["best"]), part("best"))
    if engine.step:
        engine.mixing.bit_generator.state = facts["mixing"]
        engine.sums = part("sums")
        torch.set_rng_state(tensors["random"])
        if "random_gpu" in tensors and engine.device.type == "cuda":
            torch.cuda.set_rng_state(tensors["random_gpu"], engine.device)


def _named(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{key}": value for key, value in tensors.items()}


def _momentum(engine: Engine) -> dict[str, Tensor]:
    """The optimiser's momentum, by name of the parameter."""
    names: dict[Tensor, str] = {p: name for name, p in engine.network.named_parameters()}
    return {
        names[parameter]: state["momentum_buffer"]
        for parameter, state in engine.optimizer.state.items()
        # A factor that was folded into the classifier has none any more.
        if parameter in names and state.get("momentum_buffer") is not None
    }
