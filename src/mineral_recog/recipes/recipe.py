"""Recipes: what a training run does, as typed data.

A recipe is a few settings of the run and its stages in order. The engine holds no knowledge of any
one method: a new method is a new recipe.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mineral_recog.i18n import tr

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, lt=1)]


class Settings(BaseModel):
    """Settings that refuse keys they do not know, and cannot change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class CrossEntropy(Settings):
    """Cross-entropy of the logits as they are.

    With `effective_number` (beta), classes are weighted by the inverse of their effective number
    of photos.
    """

    weight: NotNegative = 1.0
    effective_number: Share | None = None


class Focal(Settings):
    """Cross-entropy that photos count less in the surer the model is of them."""

    weight: NotNegative = 1.0
    gamma: NotNegative = 2.0


class Ldam(Settings):
    """Margins that are larger for rare classes; for the cosine head."""

    weight: NotNegative = 1.0
    max_margin: Positive = 0.5
    effective_number: Share | None = None


class LabelAwareSmoothing(Settings):
    """Cross-entropy with labels that are smoothed more for common classes than for rare ones."""

    weight: NotNegative = 1.0
    head: Share = 0.4
    tail: Share = 0.1


class FrequencyAware(Settings):
    """Cross-entropy of logits adjusted by tau times the log of the class prior.

    `prior` is that of the training photos (`natural`) or of the batches as the stage's sampler
    draws them (`sampled`); they differ in a stage that does not sample naturally.
    """

    weight: NotNegative = 1.0
    tau: NotNegative = 1.0
    prior: Literal["natural", "sampled"] = "natural"


class Center(Settings):
    """Pull of the features towards learned class centers, which move with a rate of their own."""

    weight: NotNegative = 0.0003
    lr: Positive = 0.5


class Losses(Settings):
    """The loss terms of a stage, by name; their weighted values add up."""

    cross_entropy: CrossEntropy | None = None
    frequency_aware: FrequencyAware | None = None
    focal: Focal | None = None
    ldam: Ldam | None = None
    label_aware_smoothing: LabelAwareSmoothing | None = None
    center: Center | None = None

    @model_validator(mode="after")
    def _classifies(self) -> Losses:
        if not any(getattr(self, term) for term in CLASSIFYING):
            one_of = ", ".join(CLASSIFYING)
            raise ValueError(tr(f"needs one of {one_of}", f"需要 {one_of} 之一"))
        return self


CLASSIFYING = ("cross_entropy", "frequency_aware", "focal", "ldam", "label_aware_smoothing")


class Stage(Settings):
    """One stage of training: how long, on which photos, by which losses, and what may move.

    A stage whose `schedule` is `continue` goes on with the learning-rate schedule and the
    optimiser of the stage before it; an `lr` of null takes that of the stage before. A sampler
    that draws by the model's probabilities looks at them anew every `refresh_epochs` epochs.
    `mixup` above 0 blends pairs of photos. `classifier` goes on (`keep`), starts over (`anew`), or
    only learns one factor a class (`rescale`). With a frozen backbone, `freeze_normalisation` says
    whether its normalisation layers stand still too, and `feature_views` above 0 trains on the
    features of that many views a photo, computed once.
    """

    epochs: Annotated[int, Field(ge=1)]
    lr: Positive | None = None
    schedule: Literal["one_cycle", "cosine", "constant", "continue"] = "one_cycle"
    warmup: Share = 0.1
    sampler: Literal["natural", "class_balanced", "mixed_halves"] = "natural"
    refresh_epochs: Annotated[int, Field(ge=1)] = 5
    losses: Losses
    mixup: NotNegative = 0.0
    freeze_backbone: bool = False
    freeze_normalisation: bool = True
    feature_views: Annotated[int, Field(ge=0, le=100)] = 0
    classifier: Literal["keep", "anew", "rescale"] = "keep"
    weights: Literal["last", "best"] = "last"

    @model_validator(mode="after")
    def _fits_together(self) -> Stage:
        still = self.freeze_backbone and self.freeze_normalisation
        if self.feature_views and not (still and not self.mixup):
            raise ValueError(
                tr(
                    "feature_views needs freeze_backbone and freeze_normalisation, and no mixup",
                    "feature_views 需要 freeze_backbone 与 freeze_normalisation，且不用 mixup",
                )
            )
        if self.classifier == "rescale" and not self.freeze_backbone:
            raise ValueError(
                tr(
                    "classifier: rescale needs freeze_backbone",
                    "classifier: rescale 需要 freeze_backbone",
                )
            )
        if self.mixup and self.losses.center:
            raise ValueError(
                tr(
                    "center needs photos of one class each: leave out mixup",
                    "center 需要单一类别的照片：请去掉 mixup",
                )
            )
        return self


class Adjustment(Settings):
    """What is done to the classifier after training, by the strength that is best on validation."""

    kind: Literal["logit_adjustment", "tau_normalisation"]
    taus: Annotated[tuple[NotNegative, ...], Field(min_length=1)] = tuple(
        step / 10 for step in range(21)
    )


class Recipe(Settings):
    """A whole training run; see the shipped recipe files for what each key means."""

    backbone: str = "resnet50"
    pretrained: bool | str = True
    normalisation: Literal["auto", "imagenet", "half"] = "auto"
    image_size: Annotated[int, Field(ge=16, le=2048)] = 224
    crop_scale: Annotated[float, Field(gt=0, le=1)] = 0.08
    batch_size: Annotated[int, Field(ge=2)] = 128
    momentum: Share = 0.9
    weight_decay: NotNegative = 0.0005
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    cache: Literal["auto"] | bool = "auto"  # YAML reads on and off as true and false
    head: Literal["linear", "cosine"] = "linear"
    weight_average: Share = 0.0
    probabilities: Literal["plain", "adjusted"] = "plain"
    groups: str = "thirds"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 3407
    stages: Annotated[dict[str, Stage], Field(min_length=1)]
    after: Adjustment | None = None
    test_views: Literal[1, 2] = 1

    @model_validator(mode="before")
    @classmethod
    def _inherit_lr(cls, values: Any) -> Any:
        """Write out the learning rates that stages take from the one before."""
        stages = values.get("stages") if isinstance(values, dict) else None
        if not isinstance(stages, dict):
            return values
        lr, resolved = None, {}
        for name, stage in stages.items():
            if isinstance(stage, dict):
                lr = lr if stage.get("lr") is None else stage["lr"]
                stage = {**stage, "lr": lr}
            resolved[name] = stage
        return {**values, "stages": resolved}

    @model_validator(mode="after")
    def _stages_follow(self) -> Recipe:
        before: Stage | None = None
        for name, stage in self.stages.items():
            if stage.lr is None:
                raise ValueError(
                    tr(
                        f"stages.{name}.lr is missing: the first stage needs one",
                        f"缺少 stages.{name}.lr：第一个阶段需要它",
                    )
                )
            if stage.schedule == "continue" and (
                before is None
                or before.freeze_backbone != stage.freeze_backbone
                or "rescale" in (before.classifier, stage.classifier)
            ):
                raise ValueError(
                    tr(
                        f"stages.{name}.schedule: 'continue' needs a stage before it with the "
                        "same freeze_backbone, and neither may rescale the classifier",
                        f"stages.{name}.schedule：'continue' 之前须有 freeze_backbone 相同的阶段，"
                        "且两者都不能用 classifier: rescale",
                    )
                )
            before = stage
        return self

    @model_validator(mode="after")
    def _head_fits(self) -> Recipe:
        margins = any(stage.losses.ldam for stage in self.stages.values())
        if margins and self.head != "cosine":
            raise ValueError(tr("ldam needs head: cosine", "ldam 需要 head: cosine"))
        if self.head == "cosine" and (
            self.after or any(stage.classifier == "rescale" for stage in self.stages.values())
        ):
            raise ValueError(
                tr(
                    "after and classifier: rescale need head: linear",
                    "after 与 classifier: rescale 需要 head: linear",
                )
            )
        return self

    @property
    def epochs(self) -> int:
        """Epochs of all stages together."""
        return sum(stage.epochs for stage in self.stages.values())

    def stage_at(self, epoch: int) -> tuple[str, int]:
        """Name of the stage that holds an epoch of the run (from 0), and that stage's first."""
        first = 0
        for name, stage in self.stages.items():
            if epoch < first + stage.epochs:
                return name, first
            first += stage.epochs
        raise IndexError(epoch)

    def cycle_of(self, name: str) -> tuple[int, int, Stage]:
        """First epoch and epochs of the schedule a stage is part of, and the stage it began in."""
        first = cycle_first = cycle_epochs = 0
        head, found = next(iter(self.stages.values())), False
        for other, stage in self.stages.items():
            if stage.schedule != "continue":
                if found:
                    break
                cycle_first, cycle_epochs, head = first, 0, stage
            cycle_epochs += stage.epochs
            first += stage.epochs
            found = found or other == name
        return cycle_first, cycle_epochs, head

    def to_yaml(self) -> str:
        """The recipe with every default written out."""
        return yaml.safe_dump(self.model_dump(), sort_keys=False, allow_unicode=True)
