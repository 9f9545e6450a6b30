"""The page as a static folder that answers in the browser, without a server."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mineral_recog.errors import DataError
from mineral_recog.export.exporter import onnx_files, refuse_paths
from mineral_recog.export.int8_comparison import Int8Comparison
from mineral_recog.export.site_tables import site_tables
from mineral_recog.files import atomic_folder
from mineral_recog.i18n import tr
from mineral_recog.models.export_config import CALIBRATION, CONFIG, ExportConfig
from mineral_recog.models.gallery import FEATURES, FOLDER, NAMES
from mineral_recog.progress import SILENT, Progress

if TYPE_CHECKING:
    from torch import nn

PAGE = Path(str(files("mineral_recog.page")))
STATIC, MODEL_FOLDER = "static/", "model/"
INDEX, MANIFEST, SERVICE_WORKER = "index.html", "manifest.webmanifest", "service_worker.js"
GALLERY = tuple(f"{FOLDER}/{name}" for name in (NAMES, FEATURES))
TABLES = f"{MODEL_FOLDER}tables.json"
# The page takes its answers from this module. In the folder, another one has its functions.
ENGINE, OFFLINE_ENGINE = f"{STATIC}server.js", b'export * from "./offline/engine.js";\n'
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self'; worker-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
# In index.html: a pattern of each part, which occurs once, and what the folder has in its place.
CHANGES = {
    '(?=<meta name="color-scheme")': f"""\
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
  <link rel="manifest" href="{MANIFEST}">
  <link rel="apple-touch-icon" href="{STATIC}offline/icon-192.png">
  """,
    'data-text="privacy">[^<]*': 'data-text="privacyOffline">Photos stay on this device.',
    '\\s*<a href="openapi.json"[^>]*>[^<]*</a>': "",
}


def export_web(
    run: Path | str,
    folder: Path | str,
    *,
    int8: bool = False,
    gallery: bool = False,
    data: Path | str | None = None,
    backbone: nn.Module | None = None,
    force: bool = False,
    progress: Progress = SILENT,
) -> Int8Comparison | None:
    """Write a run as a static page that answers in the browser.

    The weights have 16 bits, or 8 with int8. With 16 bits the answers are those of the run; with 8
    they differ with the processor.

    Args:
        run: Run folder or bundle folder.
        folder: Folder to write, for any web server.
        int8: As for `export_onnx`.
        gallery: Whether the page brings the thumbnails of training photos, for everyone who opens
            it.
        data: As for `export_onnx`.
        backbone: As for `export_onnx`.
        force: Replace an existing page, and write one whose loss of accuracy is certain.
        progress: Receives progress and notices.

    Returns:
        The comparison of int8 with float32; None without int8.

    Raises:
        UserError: As for `export_onnx`; or the run has no gallery, or is of an earlier version.
    """
    run, folder = Path(run), Path(folder)
    refuse_paths(run, folder, force, _is_ours)
    photos = _gallery_files(run) if gallery else {}
    model, comparison = onnx_files(
        run, int8=int8, half=True, data=data, backbone=backbone, force=force, progress=progress
    )
    with atomic_folder(folder) as partial:
        for name, content in site_files(model | photos).items():
            path = partial / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return comparison


def site_files(model: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files of the page by their paths.

    Args:
        model: Files of an export, see `onnx_files`, and those of a gallery, if it has one.

    Raises:
        DataError: The model is of a version whose score of unknown minerals the page lacks.
    """
    config = ExportConfig.model_validate_json(model[CONFIG])
    if config.calibration.novelty_overall is None:
        raise DataError(
            tr(
                "The model was trained by an earlier version, whose score of unknown minerals the "
                "page cannot compute: train it again, or use --to onnx.",
                "该模型由较早的版本训练，网页无法计算其未知矿物得分：请重新训练，"
                "或改用 --to onnx。",
            )
        )
    fingerprint = hashlib.sha256(model[CONFIG]).hexdigest()
    tables = site_tables(config, model[CALIBRATION], fingerprint, has_gallery=GALLERY[0] in model)
    written = _page_files() | {f"{MODEL_FOLDER}{name}": part for name, part in model.items()}
    written[TABLES] = _to_json(tables)
    written[MANIFEST] = _manifest()
    written[SERVICE_WORKER] = _service_worker(written)
    return written


def _gallery_files(run: Path) -> dict[str, bytes]:
    """Return the files of a run's gallery by their paths.

    Raises:
        DataError: The run has none.
    """
    if not all((run / path).is_file() for path in GALLERY):
        raise DataError(
            tr(
                f"{run} has no gallery of training photos: leave out --gallery.",
                f"{run} 没有训练照片图库：请去掉 --gallery。",
            )
        )
    return {path: (run / path).read_bytes() for path in GALLERY}


def _page_files() -> dict[str, bytes]:
    """Return the page, with the engine that answers in the browser."""
    index = (PAGE / INDEX).read_text(encoding="utf-8")
    for pattern, other in CHANGES.items():
        index, count = re.subn(pattern, other, index)
        assert count == 1, pattern
    found = {
        f"{STATIC}{path.relative_to(PAGE).as_posix()}": path.read_bytes()
        for path in sorted(PAGE.rglob("*"))
        if path.is_file() and path.suffix not in (".py", ".pyc", ".html", ".md")
    }
    del found[f"{STATIC}offline/{SERVICE_WORKER}"]  # it stands at the top, to see all requests
    return {**found, ENGINE: OFFLINE_ENGINE, INDEX: index.encode()}


def _manifest() -> bytes:
    """Return what a browser needs to install the page as an app."""
    icons: list[dict[str, str]] = [
        {"src": f"{STATIC}offline/icon-{side}.png", "sizes": f"{side}x{side}", "type": "image/png"}
        for side in (192, 512)
    ]
    return _to_json(
        {
            "name": "Mineral recognition 矿物识别",
            "short_name": "Minerals 矿物",
            "start_url": "./",
            "display": "standalone",
            "background_color": "#ffffff",
            "theme_color": "#ffffff",
            "icons": [*icons, icons[1] | {"purpose": "maskable"}],
        }
    )


def _service_worker(written: Mapping[str, bytes]) -> bytes:
    """Return the service worker, which keeps the other files; its version is their digest."""
    digest = hashlib.sha256()
    for name, content in sorted(written.items()):
        digest.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    names = ["./", *(name for name in sorted(written) if _is_needed(name))]
    source = (PAGE / "offline" / SERVICE_WORKER).read_bytes()
    digest.update(source)
    constants = {"VERSION": digest.hexdigest()[:16], "FILES": names}
    lines = [f"const {name} = {json.dumps(value)};\n" for name, value in constants.items()]
    return "".join(lines).encode() + source


def _is_ours(path: str) -> bool:
    return path.startswith((STATIC, MODEL_FOLDER)) or path in (INDEX, MANIFEST, SERVICE_WORKER)


def _to_json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _is_needed(name: str) -> bool:
    """Return whether the page loads a file, other than the index, which has another address."""
    return name != INDEX and not name.endswith(("LICENSE", ".txt"))
