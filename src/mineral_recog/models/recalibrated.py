"""Writes a model again with another calibration: a run, a bundle or an export, without torch."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from safetensors.numpy import save as save_arrays

from mineral_recog.calibration.calibration import Calibration
from mineral_recog.data.dataset import files_in
from mineral_recog.errors import OutputExistsError
from mineral_recog.files import atomic_folder, matches, refuse_existing, refuse_user_files
from mineral_recog.i18n import tr
from mineral_recog.models import bundle_config, export_config
from mineral_recog.models.bundle_config import find_bundle, read_config
from mineral_recog.models.export_config import CALIBRATION, read_export_config
from mineral_recog.models.onnx_engine import is_export
from mineral_recog.models.run_files import RUN_FILES

_MODEL_FILES = (
    bundle_config.CONFIG, bundle_config.WEIGHTS, bundle_config.GATE_WEIGHTS,
    export_config.CONFIG, export_config.MODEL, export_config.GATE, CALIBRATION,
)  # fmt: skip
# An evaluation is one of the old calibration, and a checkpoint continues the old training.
_LEFT_OUT = ("evaluation/", "checkpoint/", "tensorboard/")


def refuse_output(model: Path, folder: Path, force: bool) -> None:
    """Refuse an output folder that exists, is the model's, or holds files of the user.

    Raises:
        OutputExistsError: It is such a folder.
    """
    model_folder, target = model.resolve(), folder.resolve()
    if target == model_folder or target.is_relative_to(model_folder):
        raise OutputExistsError(
            tr(
                f"{folder} holds the model to calibrate, which is kept: choose another folder.",
                f"{folder} 里是要校准的模型，应予保留：请另选文件夹。",
            )
        )
    if model_folder.is_relative_to(target):
        raise OutputExistsError(
            tr(
                f"{folder} contains the model to calibrate: choose another folder.",
                f"{folder} 包含要校准的模型：请另选文件夹。",
            )
        )
    refuse_existing(folder, force, made_by_us=not folder.is_file())
    refuse_user_files(folder, lambda path: path in _MODEL_FILES or matches(path, RUN_FILES))


def write_recalibrated(
    model: Path, folder: Path, calibration: Calibration, provenance: Mapping[str, str]
) -> None:
    """Write a model to a folder with another calibration; the model itself is not changed.

    Args:
        model: Run folder, bundle folder or folder of an export. Of a run everything is copied but
            evaluations, checkpoint and logs of TensorBoard.
        folder: Folder to write to, which is replaced if it exists.
        calibration: The calibration, for the same network.
        provenance: Entries to add to the provenance of the model.

    Raises:
        BundleError: The model is missing, damaged or of another version.
    """
    names = [
        path
        for path in files_in(model)
        if path in _MODEL_FILES or (matches(path, RUN_FILES) and not path.startswith(_LEFT_OUT))
    ]
    with atomic_folder(folder) as partial:
        for name in names:
            (partial / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(model / name, partial / name)
        if is_export(partial):
            _recalibrate_export(partial, calibration, provenance)
        else:
            _recalibrate_bundle(find_bundle(partial), calibration, provenance)


def _recalibrate_bundle(
    bundle: Path, calibration: Calibration, provenance: Mapping[str, str]
) -> None:
    path = bundle / bundle_config.CONFIG
    config = read_config(path)
    changed = config.model_copy(
        update={
            "version": bundle_config.VERSION,
            "calibration": calibration.values(),
            "provenance": {**config.provenance, **provenance},
        }
    )
    (bundle / CALIBRATION).write_bytes(save_arrays(calibration.arrays()))
    path.write_text(changed.model_dump_json(indent=1), encoding="utf-8")


def _recalibrate_export(
    export: Path, calibration: Calibration, provenance: Mapping[str, str]
) -> None:
    path = export / export_config.CONFIG
    config, _ = read_export_config(path)
    arrays = save_arrays(calibration.arrays())
    changed = config.model_copy(
        update={
            "sha256": {**config.sha256, CALIBRATION: hashlib.sha256(arrays).hexdigest()},
            "calibration": calibration.values(),
            "provenance": {**config.provenance, **provenance},
        }
    )
    (export / CALIBRATION).write_bytes(arrays)
    path.write_text(changed.model_dump_json(indent=1) + "\n", encoding="utf-8")
