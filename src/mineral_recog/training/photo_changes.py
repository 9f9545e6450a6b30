"""The photos that an unfinished run was started with, to name those that have changed since."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from mineral_recog.data.dataset import Dataset
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr
from mineral_recog.progress import Progress
from mineral_recog.text import parse_json

PHOTOS = Path("checkpoint", "photos.json")
_MAX_NAMES = 3


def write_photo_sizes(folder: Path, datasets: Sequence[Dataset]) -> None:
    """Write the names and sizes of the photos of each split into a run folder."""
    sizes = {dataset.root.name: dataset.sizes() for dataset in datasets}
    (folder / PHOTOS).write_text(json.dumps(sizes), encoding="utf-8")


def check_photos(
    folder: Path, fingerprint: str, train: Dataset, val: Dataset, progress: Progress
) -> None:
    """Refuse to resume a run on other training photos; report other validation photos.

    Args:
        folder: Run folder.
        fingerprint: Fingerprint of the training photos at the start of the run.
        train: Training photos.
        val: Validation photos.
        progress: Receives a notice if the validation photos have changed.

    Raises:
        DataError: The training photos have changed.
    """
    if train.fingerprint() != fingerprint:
        changes = _changes(folder, train)
        english, chinese = (f" ({changes})", f"（{changes}）") if changes else ("", "")
        raise DataError(
            tr(
                f"The training photos in {train.root} have changed since {folder} was "
                f"started{english}: restore them, or train again with --force.",
                f"{train.root} 里的训练照片与 {folder} 开始训练时不同{chinese}：请恢复这些照片，"
                "或用 --force 重新训练。",
            )
        )
    if changes := _changes(folder, val):
        progress.notice(
            tr(
                f"The validation photos in {val.root} have changed since {folder} was started "
                f"({changes}): figures of validation are of these photos from now on.",
                f"{val.root} 里的验证照片与 {folder} 开始训练时不同（{changes}）："
                "此后的验证指标以现在的照片为准。",
            )
        )


def _changes(folder: Path, dataset: Dataset) -> str:
    """Describe how the photos of a split differ from those at the start of a run.

    Returns:
        The added, missing and changed photos, with the first names; "" if there are none, or if the
        run does not know its photos, as one of an older version.
    """
    try:
        document = parse_json((folder / PHOTOS).read_text(encoding="utf-8"))
        before: Mapping[str, int] = dict(document[dataset.root.name])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    now = dataset.sizes()
    common = before.keys() & now.keys()
    changes = (
        (tr("added", "新增"), now.keys() - before.keys()),
        (tr("missing", "缺少"), before.keys() - now.keys()),
        (tr("changed", "改动"), {path for path in common if now[path] != before[path]}),
    )
    return tr("; ", "；").join(_describe(kind, sorted(paths)) for kind, paths in changes if paths)


def _describe(kind: str, paths: Sequence[str]) -> str:
    """Return the number of photos and the first names, such as "2 added: a/1.png, a/2.png"."""
    shown = tr(", ", "、").join(paths[:_MAX_NAMES])
    more = tr(", ...", " 等") if len(paths) > _MAX_NAMES else ""
    return tr(f"{len(paths)} {kind}: {shown}{more}", f"{kind} {len(paths)} 张：{shown}{more}")
