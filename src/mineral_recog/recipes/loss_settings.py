"""Settings of the losses that a stage can name."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mineral_recog.i18n import tr

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


class Settings(BaseModel):
    """Immutable settings that refuse unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class LossSettings(Settings):
    """Settings of one loss term.

    Attributes:
        classifies: Whether the term alone can train a classifier.
        weight: Factor of the term in the loss of the stage.
    """

    classifies: ClassVar[bool] = True

    weight: NonNegative = 1.0


class CrossEntropy(LossSettings):
    """Cross-entropy of the plain logits.

    With `effective_number` (beta), classes are weighted by the inverse of their effective number
    of photos.
    """

    effective_number: Fraction | None = None


class Focal(LossSettings):
    """Cross-entropy that weights a photo less the more confident the model is about it."""

    gamma: NonNegative = 2.0


class Ldam(LossSettings):
    """Cross-entropy with margins that are larger for rare classes; needs the cosine head."""

    max_margin: Positive = 0.5
    effective_number: Fraction | None = None


class LabelAwareSmoothing(LossSettings):
    """Cross-entropy with labels smoothed more for common classes than for rare ones."""

    head: Fraction = 0.4
    tail: Fraction = 0.1


class FrequencyAware(LossSettings):
    """Cross-entropy of logits adjusted by tau times the log of the class prior.

    `prior` is the class prior of the training photos (`natural`) or of the batches that the stage's
    sampler draws (`sampled`); they differ unless the sampler is `natural`.
    """

    tau: NonNegative = 1.0
    prior: Literal["natural", "sampled"] = "sampled"


class Center(LossSettings):
    """Center loss: pulls features towards learned class centers, which have a separate rate.

    With `scale: relative` the squared distance is divided by its running mean, so that the weight
    suits features of any number and size; with `absolute` it is not, as published.
    """

    classifies: ClassVar[bool] = False

    weight: NonNegative = 0.1
    scale: Literal["relative", "absolute"] = "relative"
    lr: Positive = 0.5


class Losses(Settings):
    """The loss terms of a stage by name; the loss is their weighted sum."""

    cross_entropy: CrossEntropy | None = None
    frequency_aware: FrequencyAware | None = None
    focal: Focal | None = None
    ldam: Ldam | None = None
    label_aware_smoothing: LabelAwareSmoothing | None = None
    center: Center | None = None

    @property
    def terms(self) -> dict[str, LossSettings]:
        """Settings of the terms that the stage has, by name."""
        return {name: settings for name, settings in self if settings is not None}

    @classmethod
    def kinds(cls) -> dict[str, type[LossSettings]]:
        """Return the settings class of every loss, by name."""
        kinds = {}
        for name, field in cls.model_fields.items():
            settings, _ = get_args(field.annotation)  # the class, or None
            kinds[name] = settings
        return kinds

    @model_validator(mode="after")
    def _check_classification_loss(self) -> Losses:
        if not any(settings.classifies for settings in self.terms.values()):
            names = ", ".join(name for name, kind in self.kinds().items() if kind.classifies)
            raise ValueError(tr(f"needs one of {names}", f"需要 {names} 之一"))
        return self
