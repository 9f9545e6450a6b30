"""Exports of a run: a model that answers without torch, or the bundle alone."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import save as save_arrays

from mineral_recog.data.dataset import Dataset, read_split
from mineral_recog.data.evaluation_view import (
    Pixels,
    Preprocessing,
    evaluation_side,
    evaluation_view,
)
from mineral_recog.data.images import open_photo
from mineral_recog.data.transforms import unreadable_photo_error
from mineral_recog.errors import (
    DataError,
    OutputExistsError,
    UserError,
    is_out_of_memory,
    reason_of,
)
from mineral_recog.export.half_weights import halve_weights
from mineral_recog.export.int8 import Int8Graph, quantise
from mineral_recog.export.int8_comparison import Int8Comparison, compare_engines
from mineral_recog.export.onnx_graph import OnnxGraph, build_gate_onnx, build_onnx
from mineral_recog.files import atomic_folder, refuse_existing, refuse_user_files
from mineral_recog.i18n import tr
from mineral_recog.minerals.facts import read_minerals
from mineral_recog.models.bundle import CALIBRATION as BUNDLE_CALIBRATION
from mineral_recog.models.bundle import Bundle, read_bundle
from mineral_recog.models.bundle_config import CONFIG as BUNDLE_CONFIG
from mineral_recog.models.bundle_config import GATE_WEIGHTS, WEIGHTS, PreprocessingConfig
from mineral_recog.models.export_config import CALIBRATION, CONFIG, GATE, MODEL, ExportConfig, Names
from mineral_recog.models.onnx_engine import is_export
from mineral_recog.models.run_files import training_data_of
from mineral_recog.progress import SILENT, Progress
from mineral_recog.text import one_line

if TYPE_CHECKING:
    from torch import nn

MAX_PHOTOS = 1000  # validation photos that int8 is measured on
MAX_BYTES = 2**30  # of their views in memory
BUNDLE_FILES = (BUNDLE_CONFIG, WEIGHTS, BUNDLE_CALIBRATION, GATE_WEIGHTS)
EXPORT_FILES = (CONFIG, MODEL, CALIBRATION, GATE)


def export_bundle(run: Path | str, folder: Path | str, *, force: bool = False) -> None:
    """Write the bundle of a run to a folder, without the gallery: no training photo is in it.

    Raises:
        UserError: The bundle cannot be read, or the folder exists.
    """
    run, folder = Path(run), Path(folder)
    refuse_paths(run, folder, force, _is_ours)
    read_bundle(run)
    source = run / "model" if (run / "model").is_dir() else run
    with atomic_folder(folder) as partial:
        for name in BUNDLE_FILES:
            if (source / name).exists():  # not every gate has weights of its own
                shutil.copyfile(source / name, partial / name)


def export_onnx(
    run: Path | str,
    folder: Path | str,
    *,
    int8: bool = False,
    data: Path | str | None = None,
    backbone: nn.Module | None = None,
    force: bool = False,
    progress: Progress = SILENT,
) -> Int8Comparison | None:
    """Write a run as an ONNX model that answers without torch.

    Args:
        run: Run folder or bundle folder.
        folder: Folder to write model.onnx, model.json and trust.safetensors to, and gate.onnx if
            the model has a gate.
        int8: Whether the layers of model.onnx compute with int8, see `quantise`.
        data: Prepared folder with the validation photos for int8; by default that of the training.
        backbone: The backbone module, if `train` was given one.
        force: Replace an existing export, and write one whose loss of accuracy is certain.
        progress: Receives progress and notices.

    Returns:
        The comparison of int8 with float32; None without int8.

    Raises:
        UserError: The run or the photos cannot be read, the folder exists, the network cannot be
            written as ONNX, or int8 costs too much accuracy.
    """
    run, folder = Path(run), Path(folder)
    refuse_paths(run, folder, force, _is_ours)
    files, comparison = onnx_files(
        run, int8=int8, half=False, data=data, backbone=backbone, force=force, progress=progress
    )
    with atomic_folder(folder) as partial:
        for name, content in files.items():
            (partial / name).write_bytes(content)
    return comparison


def onnx_files(
    run: Path,
    *,
    int8: bool,
    half: bool,
    data: Path | str | None,
    backbone: nn.Module | None,
    force: bool,
    progress: Progress,
) -> tuple[dict[str, bytes], Int8Comparison | None]:
    """Return the files of an export by name; other arguments and errors: see `export_onnx`.

    Args:
        half: Whether the weights have 16 bits, see `halve_weights`; with int8 those of the gate do
            in any case.

    Returns:
        The files, and the comparison of int8 with float32; None without int8.
    """
    bundle = read_bundle(run, backbone)
    photos = None
    if int8:  # a wrong folder is reported at once
        photos = read_split(Path(data or training_data_of(run)), "val", bundle.classes)
    progress.notice(tr("Writing the network as ONNX ...", "正在把网络写成 ONNX……"))
    graph = build_onnx(bundle.network)
    content, comparison = graph.content, None
    if photos is not None:
        small, comparison = _quantise(bundle, graph, photos, progress)
        if comparison.is_worse and not force:
            raise UserError(comparison.refusal())
        content = small.content
    elif half:
        content = halve_weights(content)
    gate = None if bundle.gate is None else build_gate_onnx(bundle.network, bundle.gate)
    if gate is not None and (half or int8):
        gate = halve_weights(gate)
    return _files(bundle, graph, content, gate, "int8" if int8 else "float32"), comparison


def _quantise(
    bundle: Bundle, graph: OnnxGraph, photos: Dataset, progress: Progress
) -> tuple[Int8Graph, Int8Comparison]:
    """Quantise a network, and compare it with the one of float32 on validation photos."""
    size = bundle.network.preprocessing.image_size
    count = min(MAX_PHOTOS, MAX_BYTES // (3 * size * size))
    chosen = np.random.default_rng(0).permutation(len(photos))[:count]
    views = _read_views(photos, chosen.tolist(), bundle.network.preprocessing, progress)
    try:
        small = quantise(graph.content, views, progress)
    except Exception as error:  # onnxruntime and onnx raise errors of several libraries
        if is_out_of_memory(error):
            raise
        name = type(bundle.network.backbone).__name__
        reason = one_line(reason_of(error))
        raise UserError(
            tr(
                f"The backbone {name} cannot be written as int8 ({reason}): export it without "
                "--int8.",
                f"骨干网络 {name} 无法写成 int8（{reason}）：请去掉 --int8 再导出。",
            )
        ) from None
    labels = photos.labels[chosen]
    return small, compare_engines(graph.content, small, views, labels, bundle.groups, progress)


def _read_views(
    photos: Dataset, indices: list[int], preprocessing: Preprocessing, progress: Progress
) -> Pixels:
    """Return the views of photos, [M, S, S, 3]."""
    size, share = preprocessing.image_size, preprocessing.center_share
    if not indices:
        raise DataError(
            tr(
                f"{photos.root} has no photos, which int8 needs: give others by --data.",
                f"{photos.root} 中没有照片，而 int8 需要：请用 --data 指定。",
            )
        )
    task = progress.start(tr("reading photos", "读取照片"), len(indices))
    views = np.empty((len(indices), size, size, 3), np.uint8)
    for row, index in enumerate(indices):
        try:
            with photos.open(index) as file:
                photo = open_photo(file, evaluation_side(size, share))
        except OSError as error:
            raise unreadable_photo_error(photos, index, error) from None
        views[row] = evaluation_view(photo, size, share, preprocessing.interpolation)
        task.step()
    return views


def _files(
    bundle: Bundle, graph: OnnxGraph, content: bytes, gate: bytes | None, precision: str
) -> dict[str, bytes]:
    """Return the files of an export by name."""
    arrays = save_arrays(bundle.calibration.arrays())
    files = {MODEL: content, CALIBRATION: arrays}
    if gate is not None:
        files[GATE] = gate
    preprocessing = bundle.network.preprocessing
    minerals = read_minerals(None)
    names = [minerals.find(name) for name in bundle.classes]
    width, class_count = bundle.network.classifier.in_features, len(bundle.classes)
    outputs: dict[str, list[str | int]] = {
        "features": ["batch", width],
        "logits": ["batch", class_count],
    }
    if graph.map_side is not None:
        outputs["class_maps"] = ["batch", class_count, *graph.map_side]
    config = ExportConfig(
        sha256={name: hashlib.sha256(data).hexdigest() for name, data in files.items()},  # type: ignore[misc]
        precision=precision,  # type: ignore[arg-type]  # checked by the schema
        opset=graph.opset,
        input=_input_rule(preprocessing),
        outputs=outputs,  # type: ignore[arg-type]
        features=width,
        backbone=bundle.backbone,
        classes=bundle.classes,
        minerals=tuple(None if found is None else Names(**found.names) for found in names),
        train_counts=bundle.train_counts,
        groups=bundle.groups,  # type: ignore[arg-type]
        preprocessing=PreprocessingConfig(**preprocessing.to_json()),
        calibration=bundle.calibration.values(),
        provenance=bundle.provenance,
    )
    return files | {CONFIG: f"{config.model_dump_json(indent=1)}\n".encode()}


def _input_rule(preprocessing: Preprocessing) -> Names:
    """Return in words how a view is made, for programs that do it themselves."""
    size = preprocessing.image_size
    side = evaluation_side(size, preprocessing.center_share)
    en, name = preprocessing.interpolation, preprocessing.interpolation.upper()
    zh = {"bilinear": "双线性", "bicubic": "双三次"}[en]
    return Names(
        en="pixels: uint8 [batch, rows, columns, 3], red, green, blue. Turn the photo upright by "
        "its EXIF orientation, put transparent parts on white, cut out the middle square, resize "
        f"it to {side} x {side} ({en} over all source pixels, as Pillow's {name}), and cut "
        f"out the middle {size} x {size}. The network normalises the pixels itself.",
        zh="pixels：uint8 [批, 行, 列, 3]，红、绿、蓝。按 EXIF 方向转正照片，透明部分垫白，"
        f"截取中央正方形，缩放到 {side} x {side}（对全部源像素做{zh}，同 Pillow 的 {name}），"
        f"再截取中央 {size} x {size}。像素的归一化由网络完成。",
    )


def refuse_paths(run: Path, folder: Path, force: bool, is_ours: Callable[[str], bool]) -> None:
    """Refuse an export as the run, and a folder that is the model's or the user's.

    A folder that exists is replaced with `force` only, and never if it holds other files.

    Args:
        run: Run folder or bundle folder.
        folder: Folder to write to.
        force: Whether an existing folder is replaced.
        is_ours: Whether an existing folder may hold a file, by its path.

    Raises:
        UserError: The run or the folder is refused.
    """
    if is_export(run):
        raise DataError(
            tr(
                f"{run} is an export: give the run that it was made from.",
                f"{run} 是导出的模型：请给出导出它的运行文件夹。",
            )
        )
    if folder.resolve() in (run.resolve(), (run / "model").resolve()):
        raise OutputExistsError(
            tr(
                f"{folder} holds the model to export: choose another folder.",
                f"{folder} 里是要导出的模型：请另选文件夹。",
            )
        )
    refuse_existing(folder, force, made_by_us=not folder.is_file())
    refuse_user_files(folder, is_ours)


def _is_ours(path: str) -> bool:
    return path in (*EXPORT_FILES, *BUNDLE_FILES)
