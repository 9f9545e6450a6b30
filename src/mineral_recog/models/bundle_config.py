"""The config of a bundle: its schema, its version, and reading it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from mineral_recog.calibration.calibration import CalibrationValues
from mineral_recog.data.evaluation_view import CENTER_SHARE
from mineral_recog.errors import BundleError, reason_of
from mineral_recog.i18n import tr
from mineral_recog.recipes.recipe import COSINE_SCALE
from mineral_recog.text import one_line, parse_json
from mineral_recog.validation import reason_with_place

CONFIG, WEIGHTS = "config.json", "model.safetensors"
GATE_WEIGHTS = "gate.safetensors"  # if they are not among those of the model
FORMAT: Final = "mineral-recog bundle"
VERSION: Final = 8  # changes when the fields of a bundle do
# Version 2 lacks center_share and version 3 pretrained_features, which had no other values.
# Version 4 has another score of "none of these", see `calibration/distance_ood.py`, and no gate.
# Version 5 lacks the part that the gate adds to the score of unknown minerals.
# Version 6 lacks interpolation, which was bilinear, has no five test views, and lacks head_scale,
# which had no other value.
# Version 7 lacks the weight of the earliest distance of the gate alone.
READABLE: Final = (2, 3, 4, 5, 6, 7, VERSION)
MAX_CONFIG_BYTES = 64 * 2**20  # more than a config of a million classes

Channels = tuple[float, float, float]


def _check_class_name(name: str) -> str:
    """Refuse class names that cannot be folder names: unprintable ones and paths."""
    if not name.isprintable() or "/" in name or name in ("", ".", ".."):
        raise ValueError(tr("not a class name", "不是类别名"))
    return name


ClassName = Annotated[str, AfterValidator(_check_class_name)]


def check_class_lists(classes: Sequence[str], *lists: Sequence[object]) -> None:
    """Check that lists have an entry for each class, and that no class is repeated.

    Raises:
        ValueError: They do not, or one is.
    """
    if any(len(entries) != len(classes) for entries in lists):
        raise ValueError(tr("the lists by class differ in length", "按类别的各列表长度不同"))
    if len(set(classes)) < len(classes):
        raise ValueError(tr("a class name is repeated", "类别名重复"))


class PreprocessingConfig(BaseModel):
    """The schema of the preprocessing."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    image_size: Annotated[int, Field(ge=16, le=2048)]
    mean: Channels
    std: Channels
    test_views: Literal[1, 2, 5] = 1
    center_share: Annotated[float, Field(ge=0.5, le=1)] = CENTER_SHARE
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"


class Config(BaseModel):
    """The schema of config.json."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["mineral-recog bundle"] = FORMAT
    version: Literal[2, 3, 4, 5, 6, 7, 8] = VERSION
    backbone: str
    pretrained_features: bool = False
    head: Literal["linear", "cosine"] = "linear"
    head_scale: Annotated[float, Field(gt=0, le=1000)] = COSINE_SCALE
    classes: Annotated[tuple[ClassName, ...], Field(min_length=2)]
    train_counts: tuple[Annotated[int, Field(ge=1)], ...]
    groups: tuple[Literal["head", "medium", "tail", ""], ...]  # "": no groups
    preprocessing: PreprocessingConfig
    calibration: CalibrationValues
    gate_has_weights: bool = False  # in GATE_WEIGHTS
    provenance: dict[str, str]

    @model_validator(mode="after")
    def _check_classes(self) -> Config:
        check_class_lists(self.classes, self.train_counts, self.groups)
        if self.gate_has_weights and self.calibration.gate is None:
            raise ValueError(tr("a gate without its values", "gate 缺少数值"))
        return self


def find_bundle(run: Path) -> Path:
    """Return the bundle folder of a run folder, or a bundle folder itself.

    Raises:
        BundleError: There is none.
    """
    folder = run / "model" if (run / "model").is_dir() else run
    for file in (CONFIG, WEIGHTS):
        if not (folder / file).is_file():
            raise BundleError(
                tr(
                    f"{run} holds no trained model ({folder / file} is missing): give the folder "
                    "of a finished `mineral-recog train`.",
                    f"{run} 里没有训练好的模型（缺少 {folder / file}）：请给出已完成的 "
                    "`mineral-recog train` 的文件夹。",
                )
            )
    return folder


def read_config(path: Path) -> Config:
    """Read the config of a bundle.

    Raises:
        BundleError: It is damaged, or of another version.
    """
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise ValueError(tr("too large", "文件过大"))
        text = path.read_bytes()
        _refuse_other_version(path, parse_json(text))
        return Config.model_validate_json(text)
    except ValidationError as error:
        reason = reason_with_place(error.errors()[0])
    except ValueError as error:
        reason = reason_of(error)
    raise damaged_error(path, reason)


def read_config_beside(weights: Path) -> Config | None:
    """Read the config beside the weights of a bundle; None if they are not those of a bundle.

    Raises:
        BundleError: The config is damaged, or of another version.
    """
    path = weights.with_name(CONFIG)
    if weights.name != WEIGHTS or not path.is_file():
        return None
    try:
        content = parse_json(path.read_bytes()) if path.stat().st_size <= MAX_CONFIG_BYTES else None
    except ValueError:
        return None
    is_bundle = isinstance(content, dict) and content.get("format") == FORMAT
    return read_config(path) if is_bundle else None


def _refuse_other_version(path: Path, content: Any) -> None:
    version = content.get("version") if isinstance(content, dict) else None
    if type(version) is not int or version in READABLE or content.get("format") != FORMAT:
        return  # the schema reports all else
    provenance = content.get("provenance")
    program = provenance.get("mineral-recog", "") if isinstance(provenance, dict) else ""
    by = f"mineral-recog {program}".strip()[:60]
    if version > VERSION:
        raise BundleError(
            tr(
                f"{path} was written by a newer version of this program ({by}; format {version}, "
                f"this one reads {VERSION}): update with `pip install -U mineral-recog`.",
                f"{path} 由本程序的较新版本写出（{by}；格式 {version}，当前版本只能读 {VERSION}）："
                "请用 `pip install -U mineral-recog` 更新。",
            )
        )
    raise BundleError(
        tr(
            f"{path} was written by an older version of this program ({by}; format {version}), "
            "which this one cannot read: use that version, or train again.",
            f"{path} 由本程序的较旧版本写出（{by}；格式 {version}），当前版本无法读取："
            "请使用当时的版本，或重新训练。",
        )
    )


def damaged_error(path: Path, reason: str) -> BundleError:
    """Return the error of a file of a bundle that cannot be used."""
    reason = one_line(reason)
    return BundleError(
        tr(
            f"{path} is damaged or of another version ({reason}): train again, or copy the run "
            "folder again.",
            f"{path} 已损坏或版本不同（{reason}）：请重新训练，或重新复制运行文件夹。",
        )
    )
