"""Recipes: training runs as typed data.

A recipe holds a few settings of the run and its stages in order. The trainer knows no method in
particular: a new method is a new recipe.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, model_validator

from mineral_recog.i18n import tr
from mineral_recog.recipes.loss_settings import Fraction, Losses, NonNegative, Positive, Settings
from mineral_recog.recipes.part_settings import Lora, Part
from mineral_recog.recipes.view_settings import Augmentation, CenterShare, Crop

MAX_EPOCHS = 1_000_000  # of a stage and of a run: far more than anyone trains
COSINE_SCALE = 30.0  # s of Cao et al., NeurIPS 2019; without it a softmax of cosines stays flat


class Outliers(Settings):
    """Outlier exposure: pictures of none of the classes join each batch, to be unsure of them.

    Attributes:
        weight: Factor of their loss in the loss of each stage.
        photos: How many of them join a batch, in addition to its photos.
    """

    weight: Annotated[float, Field(gt=0, le=100)] = 0.5
    photos: Annotated[int, Field(ge=1, le=1024)] = 16


class Stage(Settings):
    """One stage of training: its length, sampler, losses, and trained parameters.

    Attributes:
        epochs: Length of the stage.
        lr: Peak learning rate; null takes that of the stage before.
        min_steps: Minimum number of steps of the stage: with few photos, each epoch passes over
            them as often as that needs.
        schedule: Learning-rate schedule; `continue` continues the schedule and the optimiser of
            the stage before.
        warmup: Fraction of the schedule in which the learning rate rises.
        weight_decay: Weight decay of the stage; null takes that of the recipe.
        sampler: How batches are drawn. `mixed_halves` and `mixed_batches` join photos drawn
            uniformly and photos drawn by inverse probability: half a batch, or a full one, of each.
        class_mass: Share of each class among the photos drawn by inverse probability: `balanced`
            (1 / C), or `natural` (as among all photos).
        refresh_epochs: Interval in epochs at which a sampler that depends on the model's
            probabilities updates them.
        losses: Loss terms.
        mixup: Parameter of the beta distribution that blends pairs of photos; 0 for none.
        freeze_normalisation: In what is frozen, freeze the statistics of batch normalisation too.
        feature_views: With `train: classifier`, above 0 trains on the features of that many views
            of each photo, computed once: the view of the evaluation, and random ones. There are
            fewer views if they would take more than 2 GB.
        feature_norm: Mean squared norm of the features that the rate and the weight decay of a
            linear classifier on computed features are meant for; on features of norm n, its rate is
            multiplied by feature_norm / n and its decay by n / feature_norm, as if the features
            were scaled to this norm. Null takes both as they are.
        classifier: Continue the classifier (`keep`), initialise it again (`anew`), start from the
            mean features of each class (`class_means`), or learn only one factor per class
            (`rescale`).
        weights: Result of the stage: weights of its `last` epoch, or of its `best` on validation.
        patience: End the stage after that many epochs in a row whose mean accuracy on validation is
            not above the best one; null trains all epochs. The stages that follow keep their place
            in the run and in their schedule.
        cutmix: Parameter of the beta distribution for the area of a rectangle of another photo that
            replaces part of each photo; 0 for none.
        train: What is trained beside the classifier: the whole backbone (`all`), its `last_blocks`,
            its normalisation layers and biases (`norm_and_bias`), low-rank updates of its weights
            (`lora`), or nothing (`classifier`).
        blocks: With `train: last_blocks`, how many of them.
        lora: With `train: lora`, the rank and the size of the updates.
    """

    epochs: Annotated[int, Field(ge=1, le=MAX_EPOCHS)]
    min_steps: Annotated[int, Field(ge=0, le=MAX_EPOCHS)] = 0
    lr: Positive | None = None
    schedule: Literal["one_cycle", "cosine", "constant", "continue"] = "one_cycle"
    warmup: Fraction = 0.1
    weight_decay: NonNegative | None = None
    sampler: Literal["natural", "class_balanced", "mixed_halves", "mixed_batches"] = "natural"
    class_mass: Literal["balanced", "natural"] = "balanced"
    refresh_epochs: Annotated[int, Field(ge=1)] = 5
    losses: Losses
    mixup: NonNegative = 0.0
    freeze_normalisation: bool = True
    feature_views: Annotated[int, Field(ge=0, le=100)] = 0
    feature_norm: Positive | None = None
    classifier: Literal["keep", "anew", "class_means", "rescale"] = "keep"
    weights: Literal["last", "best"] = "last"
    patience: Annotated[int, Field(ge=1, le=MAX_EPOCHS)] | None = None
    cutmix: NonNegative = 0.0
    train: Part = "all"
    blocks: Annotated[int, Field(ge=1, le=1000)] = 1
    lora: Lora = Lora()

    @model_validator(mode="after")
    def _check_combinations(self) -> Stage:
        frozen = self.train == "classifier" and self.freeze_normalisation
        if self.mixup and self.cutmix:
            raise ValueError(
                tr("mixup and cutmix exclude each other", "mixup 与 cutmix 不能同时使用")
            )
        if self.feature_views and not (frozen and not self.blends):
            raise ValueError(
                tr(
                    "feature_views needs train: classifier and freeze_normalisation, and no mixup "
                    "or cutmix",
                    "feature_views 需要 train: classifier 与 freeze_normalisation，且不能用 mixup "
                    "或 cutmix",
                )
            )
        if self.feature_norm and (not self.feature_views or self.classifier == "rescale"):
            raise ValueError(
                tr(
                    "feature_norm needs feature_views, and no classifier: rescale",
                    "feature_norm 需要 feature_views，且不能用 classifier: rescale",
                )
            )
        if self.classifier == "rescale" and self.train != "classifier":
            raise ValueError(
                tr(
                    "classifier: rescale needs train: classifier",
                    "classifier: rescale 需要 train: classifier",
                )
            )
        if self.blends and self.losses.center:
            raise ValueError(
                tr(
                    "center needs photos of one class each: leave out mixup and cutmix",
                    "center 需要单一类别的照片：请去掉 mixup 与 cutmix",
                )
            )
        return self

    @model_validator(mode="after")
    def _check_part(self) -> Stage:
        """Refuse settings of a part that the stage does not train."""
        for part, key in (("last_blocks", "blocks"), ("lora", "lora")):
            if self.train != part and getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(tr(f"{key} needs train: {part}", f"{key} 需要 train: {part}"))
        return self

    def trains_as(self, other: Stage) -> bool:
        """Return whether two stages train the same part of the network."""
        parts = ((stage.train, stage.blocks, stage.lora) for stage in (self, other))
        return len(set(parts)) == 1

    @property
    def blends(self) -> bool:
        """Whether the stage trains on blends of two photos."""
        return bool(self.mixup or self.cutmix)

    @property
    def uses_probabilities(self) -> bool:
        """Whether the sampler depends on the probabilities p_i."""
        return self.sampler in ("mixed_halves", "mixed_batches")

    def passes(self, steps: int) -> int:
        """Return how often an epoch passes over the photos, if one pass takes `steps` steps."""
        return max(1, -(-self.min_steps // (self.epochs * steps)))


@dataclass(frozen=True)
class Schedule:
    """A learning-rate schedule, which several stages may share.

    Attributes:
        first_epoch: First epoch of the run, from 0, that it covers.
        epochs: Its length.
        shape: `one_cycle`, `cosine` or `constant`.
        warmup: Fraction of it in which the learning rate rises.
    """

    first_epoch: int
    epochs: int
    shape: str
    warmup: float


@dataclass(frozen=True)
class StageInRun:
    """A stage and its place in a run.

    Attributes:
        name: Name of the stage.
        stage: Its settings.
        first_epoch: Its first epoch in the run, from 0.
        schedule: Its learning-rate schedule.
    """

    name: str
    stage: Stage
    first_epoch: int
    schedule: Schedule


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
        if self.head == "cosine" and (
            self.after
            or any(s.classifier == "rescale" or s.feature_norm for s in self.stages.values())
        ):
            raise ValueError(
                tr(
                    "after, feature_norm and classifier: rescale need head: linear",
                    "after、feature_norm 与 classifier: rescale 需要 head: linear",
                )
            )
        return self

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
