"""model.json of an export: its schema, its version, and reading it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mineral_recog.calibration.calibration import CalibrationValues
from mineral_recog.errors import BundleError, reason_of
from mineral_recog.i18n import tr
from mineral_recog.models.bundle_config import (
    MAX_CONFIG_BYTES,
    ClassName,
    PreprocessingConfig,
    check_class_lists,
)
from mineral_recog.text import parse_json
from mineral_recog.validation import reason_with_place

MODEL, CONFIG, CALIBRATION = "model.onnx", "model.json", "trust.safetensors"
GATE = "gate.onnx"
FORMAT: Final = "mineral-recog export"
VERSION: Final = 4  # changes when the fields of model.json or the outputs of a network do
# Version 1 has another score of "none of these" and no gate; version 2 lacks the part that the gate
# adds to the score of unknown minerals; version 3 lacks interpolation, which was bilinear.
READABLE: Final = (1, 2, 3, VERSION)
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Names(BaseModel):
    """The names of a class in both languages."""

    model_config = ConfigDict(extra="forbid")

    en: str
    zh: str


class ExportConfig(BaseModel):
    """The schema of model.json.

    Attributes:
        sha256: Digests of model.onnx, of trust.safetensors and of gate.onnx, if there is a gate.
        precision: Numbers that the network computes with.
        opset: Version of the operators of model.onnx.
        input: What the network takes, in words.
        outputs: Names of the outputs, with their shapes.
        features: Number of features, D.
        backbone: The timm name, or that of a module given in Python.
        minerals: Names of the classes in both languages; null where the table of minerals lacks it.
    """

    model_config = ConfigDict(extra="forbid")

    format: Literal["mineral-recog export"] = FORMAT
    version: Literal[1, 2, 3, 4] = VERSION
    sha256: dict[Literal["model.onnx", "trust.safetensors", "gate.onnx"], Sha256]
    precision: Literal["float32", "int8"]
    opset: int
    input: Names
    outputs: dict[Literal["features", "logits", "class_maps"], list[str | int]]
    features: Annotated[int, Field(ge=1)]
    backbone: str
    classes: Annotated[tuple[ClassName, ...], Field(min_length=2)]
    minerals: tuple[Names | None, ...]
    train_counts: tuple[Annotated[int, Field(ge=1)], ...]
    groups: tuple[Literal["head", "medium", "tail", ""], ...]
    preprocessing: PreprocessingConfig
    calibration: CalibrationValues
    provenance: dict[str, str]

    @model_validator(mode="after")
    def _check_classes(self) -> ExportConfig:
        check_class_lists(self.classes, self.train_counts, self.groups, self.minerals)
        files = {MODEL, CALIBRATION} | ({GATE} if self.calibration.gate is not None else set())
        if self.sha256.keys() != files or not {"features", "logits"} <= self.outputs.keys():
            raise ValueError(tr("incomplete", "内容不全"))
        return self


def read_export_config(path: Path) -> tuple[ExportConfig, str]:
    """Read model.json; return it with its SHA-256.

    Raises:
        BundleError: It is damaged, or of another version.
    """
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise ValueError(tr("too large", "文件过大"))
        text = path.read_bytes()
        _refuse_other_version(path, parse_json(text))
        return ExportConfig.model_validate_json(text), hashlib.sha256(text).hexdigest()
    except ValidationError as error:
        reason = reason_with_place(error.errors()[0])
    except (OSError, ValueError) as error:
        reason = reason_of(error)
    raise damaged_export_error(path, reason)


def _refuse_other_version(path: Path, content: Any) -> None:
    version = content.get("version") if isinstance(content, dict) else None
    if type(version) is not int or version in READABLE or content.get("format") != FORMAT:
        return  # the schema reports all else
    raise BundleError(
        tr(
            f"{path} is of format {version}, and this program reads {VERSION}: export the run "
            "again with this version, or update with `pip install -U mineral-recog`.",
            f"{path} 的格式为 {version}，当前程序只能读 {VERSION}：请用当前版本重新导出，"
            "或用 `pip install -U mineral-recog` 更新。",
        )
    )


def damaged_export_error(path: Path, reason: str) -> BundleError:
    """Return the error of a file of an export that cannot be used."""
    reason = " ".join(reason.split())[:200]
    return BundleError(
        tr(
            f"{path} is damaged ({reason}): copy the export again, or export the run again.",
            f"{path} 已损坏（{reason}）：请重新复制导出的文件夹，或重新导出。",
        )
    )
