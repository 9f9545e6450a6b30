"""The stages of a recipe, and their place in a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator

from mineral_recog.i18n import tr
from mineral_recog.recipes.loss_settings import Fraction, Losses, NonNegative, Positive, Settings
from mineral_recog.recipes.part_settings import Lora, Part

MAX_EPOCHS = 1_000_000  # of a stage and of a run: far more than anyone trains


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

    def steps_in_epoch(self, steps_per_pass: int) -> int:
        """Return the number of steps of an epoch."""
        return steps_per_pass * self.passes(steps_per_pass)


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
