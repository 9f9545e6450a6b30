"""Recipes: training runs as typed data.

A recipe holds a few settings of the run and its stages in order. The trainer knows no method in
particular: a new method is a new recipe.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, model_validator

from mineral_recog.i18n import tr
from mineral_recog.recipes.loss_settings import Fraction, NonNegative, Positive, Settings
from mineral_recog.recipes.stage import MAX_EPOCHS, Schedule, Stage, StageInRun
from mineral_recog.recipes.view_settings import Augmentation, CenterShare, Crop

COSINE_SCALE = 30.0  # s of Cao et al., NeurIPS 2019; without it a softmax of cosines stays flat


class Outliers(Settings):
    """Outlier exposure: pictures of none of the classes join each batch, to be unsure of them.

    Attributes:
        weight: Factor of their loss in the loss of each stage.
        photos: How many of them join a batch, in addition to its photos.
    """

    weight: Annotated[float, Field(gt=0, le=100)] = 0.5
    photos: Annotated[int, Field(ge=1, le=1024)] = 16


class Adjustment(Settings):
    """Post-hoc adjustment of the classifier; the strength is the best one for validation photos."""

    kind: Literal["logit_adjustment", "tau_normalisation"]
    taus: Annotated[tuple[NonNegative, ...], Field(min_length=1)] = tuple(
        step / 10 for step in range(21)
    )


class Recipe(Settings):
    """A training run.

    Attributes:
        backbone: Any timm name.
        pretrained: True for published weights, false for random ones, or a file of weights.
        pretrained_features: With pretrained weights, the classifier of stages that train it alone
            sees the features of the backbone as it was before training beside those of the trained
            one. This takes twice the time and the weights for an answer.
        normalisation: Normalisation of the pixels; `auto` is that of the weights.
        image_size: Side of the network's square input in pixels.
        crop: How training crops a photo.
        center_share: Side of the evaluation's center crop over the photo's short side; `auto` is
            that of the weights.
        batch_size: Photos per batch.
        momentum: Momentum of SGD, or the first beta of AdamW.
        cycle_momentum: In one-cycle schedules, cycle the momentum against the learning rate.
        weight_decay: Weight decay of the stages that have none of their own.
        precision: Arithmetic of the network; `auto` chooses the faster one on this machine.
        cache: Whether to train on reduced photos that are stored; `auto` does if it is worthwhile.
        head: Classifier: `linear`, or the scaled `cosine` that ldam needs.
        weight_average_epochs: Epochs over which weights are averaged; 0 takes the last ones.
        probabilities: p_i from `plain` logits, or from logits `adjusted` by the log class prior.
        probability_view: p_i from the view that training saw last, or from a pass over the views of
            the evaluation at each refresh.
        outliers: Outlier exposure in all stages; null for none.
        groups: Which classes are head, medium and tail.
        seed: Random seed of everything.
        stages: Stages by name, in order.
        after: Adjustment of the classifier after the last stage.
        test_views: 2 averages the outputs of a photo's view and its mirror image; 5 those of the
            view and of its four corners, each 7/8 of its side, enlarged; 1 takes the view alone.
        optimiser: `sgd` with momentum, or `adamw`, where biases and parameters of normalisation
            layers have no weight decay. Learning rates of shipped recipes are for SGD.
        backbone_lr_factor: Factor of the learning rate of the backbone.
        layer_decay: Factor of the learning rate from each layer to the one below it, from the
            classifier down, by timm's layers of the backbone; 1 for none.
        clip_norm: Maximum norm of the gradient of all parameters together; null for no clipping.
        accumulate: Parts of a batch that pass the network one after the other, to need less memory;
            `batch_size` stays that of the optimiser's steps.
        interpolation: How photos are resized; `auto` is that of the weights.
        augmentation: What training changes in a view after crop and mirror image.
        head_scale: Scale s of the cosine head, whose logits are s times cosines.
    """

    backbone: str = "resnet50"
    pretrained: bool | str = True
    pretrained_features: bool = False
    normalisation: Literal["auto", "imagenet", "half"] = "auto"
    image_size: Annotated[int, Field(ge=16, le=2048)] = 224
    crop: Crop = Crop()
    center_share: CenterShare = 0.875
    batch_size: Annotated[int, Field(ge=2)] = 128
    momentum: Fraction = 0.9
    cycle_momentum: bool = False
    weight_decay: NonNegative = 0.0005
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    cache: Literal["auto"] | bool = "auto"  # YAML reads on and off as true and false
    head: Literal["linear", "cosine"] = "linear"
    weight_average_epochs: Annotated[float, Field(ge=0, le=MAX_EPOCHS)] = 0.0
    probabilities: Literal["plain", "adjusted"] = "plain"
    probability_view: Literal["training", "evaluation"] = "training"
    outliers: Outliers | None = None
    groups: str = "thirds"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 3407
    stages: Annotated[dict[str, Stage], Field(min_length=1)]
    after: Adjustment | None = None
    test_views: Literal[1, 2, 5] = 1
    optimiser: Literal["sgd", "adamw"] = "sgd"
    backbone_lr_factor: Annotated[float, Field(gt=0, le=100)] = 1.0
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    clip_norm: Positive | None = None
    accumulate: Annotated[int, Field(ge=1)] = 1
    interpolation: Literal["auto", "bilinear", "bicubic"] = "bilinear"
    augmentation: Augmentation = Augmentation()
    head_scale: Annotated[float, Field(gt=0, le=1000)] = COSINE_SCALE

    @model_validator(mode="before")
    @classmethod
    def _inherit_lr(cls, values: Any) -> Any:
        """Fill in the learning rates that stages take from the stage before."""
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
    def _check_stage_order(self) -> Recipe:
        previous: Stage | None = None
        for name, stage in self.stages.items():
            if stage.lr is None:
                raise ValueError(
                    tr(
                        f"stages.{name}.lr is missing: the first stage needs one",
                        f"缺少 stages.{name}.lr：第一个阶段需要它",
                    )
                )
            if stage.schedule == "continue" and (
                previous is None
                or not previous.trains_as(stage)
                or "rescale" in (previous.classifier, stage.classifier)
            ):
                raise ValueError(
                    tr(
                        f"stages.{name}.schedule: 'continue' needs a stage before it with the "
                        "same train, and neither may rescale the classifier",
                        f"stages.{name}.schedule：'continue' 之前须有 train 相同的阶段，"
                        "且两者都不能用 classifier: rescale",
                    )
                )
            previous = stage
        return self

    @model_validator(mode="after")
    def _check_accumulation(self) -> Recipe:
        if 2 * self.accumulate > self.batch_size:
            raise ValueError(
                tr(
                    f"accumulate: {self.accumulate} parts of a batch of {self.batch_size} would "
                    "have less than two photos each: set at most half of batch_size",
                    f"accumulate：每批 {self.batch_size} 张照片分成 {self.accumulate} 份，"
                    "每份不足两张：最多设为 batch_size 的一半",
                )
            )
        return self

    @model_validator(mode="after")
    def _check_pretrained_features(self) -> Recipe:
        last = list(self.stages.values())[-1]
        learns = last.train == "classifier" and last.classifier != "rescale"
        if self.pretrained_features and not learns:
            raise ValueError(
                tr(
                    "pretrained_features needs train: classifier in the last stage, and no "
                    "classifier: rescale there",
                    "pretrained_features 需要最后一个阶段有 train: classifier，"
                    "且不能用 classifier: rescale",
                )
            )
        return self

    @model_validator(mode="after")
    def _check_head(self) -> Recipe:
        has_ldam = any(stage.losses.ldam for stage in self.stages.values())
        if has_ldam and self.head != "cosine":
            raise ValueError(tr("ldam needs head: cosine", "ldam 需要 head: cosine"))
        if self.head != "cosine" and self.head_scale != COSINE_SCALE:
            raise ValueError(tr("head_scale needs head: cosine", "head_scale 需要 head: cosine"))
        if self.head == "cosine" and (names := self._linear_only()):
            raise ValueError(
                tr(
                    f"{names} needs head: linear: with head: cosine leave it out (null)",
                    f"{names} 需要 head: linear：用 head: cosine 时请去掉（null）",
                )
            )
        return self

    def _linear_only(self) -> str:
        """Return the keys that a linear classifier alone can have, separated by commas."""
        names = ["after"] if self.after else []
        for name, stage in self.stages.items():
            names += [f"stages.{name}.feature_norm"] if stage.feature_norm else []
            names += [f"stages.{name}.classifier: rescale"] if stage.classifier == "rescale" else []
        return ", ".join(names)

    @property
    def keeps_pretrained(self) -> bool:
        """Whether the network keeps its pretrained original; random weights are not kept."""
        return self.pretrained_features and self.pretrained is not False

    @property
    def epochs(self) -> int:
        """Return the epochs of all stages together."""
        return sum(stage.epochs for stage in self.stages.values())

    def stage_at(self, epoch: int) -> StageInRun:
        """Return the stage of an epoch of the run, from 0."""
        first = 0
        for name, stage in self.stages.items():
            if epoch < first + stage.epochs:
                return StageInRun(name, stage, first, self.schedule_of(name))
            first += stage.epochs
        raise IndexError(epoch)

    def schedule_of(self, name: str) -> Schedule:
        """Return the learning-rate schedule of a stage, with the stages that continue it."""
        stages = list(self.stages.values())
        begin = list(self.stages).index(name)
        end = begin + 1
        while stages[begin].schedule == "continue":
            begin -= 1
        while end < len(stages) and stages[end].schedule == "continue":
            end += 1
        epochs = [stage.epochs for stage in stages]
        return Schedule(
            sum(epochs[:begin]),
            sum(epochs[begin:end]),
            stages[begin].schedule,
            stages[begin].warmup,
        )

    def to_yaml(self) -> str:
        """Return the recipe as YAML, with every default written out."""
        return yaml.safe_dump(self.model_dump(), sort_keys=False, allow_unicode=True)
