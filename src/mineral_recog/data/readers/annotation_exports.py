"""Reads the labels in exports of annotation programs: COCO's JSON, and Label Studio's JSON.

Boxes, masks and other regions are not used: a photo has the classes that its annotations name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mineral_recog.data.readers.list_columns import Place
from mineral_recog.errors import DataError
from mineral_recog.i18n import tr

IMAGE_KEYS = ("image", "img", "photo", "picture", "url")  # of the data of a task


class Export(NamedTuple):
    """The labels in an export.

    Attributes:
        entries: Number of the entry, path and class; a photo with several classes has several.
        notes: What was left out, in the user's language.
    """

    entries: list[tuple[int, str, str]]
    notes: list[str]


def export_entries(file: Path, content: Any) -> Export | None:
    """Return the labels in the parsed content of a JSON file; None if it is no such export.

    Raises:
        DataError: Parts of the export are missing or are not what the format says.
    """
    if isinstance(content, dict) and {"images", "annotations", "categories"} <= set(content):
        return _read_coco(file, content)
    if isinstance(content, list) and content and all(map(_is_task, content)):
        return _read_tasks(file, content)
    return None


def _read_coco(file: Path, content: Mapping[str, Any]) -> Export:
    try:
        names = {entry["id"]: str(entry["name"]).strip() for entry in content["categories"]}
        classes_of: dict[Any, list[str]] = {}
        for entry in content["annotations"]:
            classes = classes_of.setdefault(entry["image_id"], [])
            if (name := names[entry["category_id"]]) not in classes:
                classes.append(name)
        images = [(entry["id"], str(entry["file_name"]).strip()) for entry in content["images"]]
        labels = [(path, classes_of.get(image, [])) for image, path in images]
    except (KeyError, TypeError) as error:
        raise DataError(
            tr(
                f"{file} is not in COCO's format ({type(error).__name__}: {error}): images need id "
                "and file_name, annotations image_id and category_id, categories id and name.",
                f"{file} 不是 COCO 格式（{type(error).__name__}: {error}）：images 需要 id 与 "
                "file_name，annotations 需要 image_id 与 category_id，categories 需要 id 与 name。",
            )
        ) from None
    return _export(labels)


def _is_task(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("data"), dict)
        and isinstance(entry.get("annotations"), list)
    )


def _read_tasks(file: Path, tasks: list[dict[str, Any]]) -> Export:
    """Return the labels in the tasks of Label Studio."""
    labels = []
    for number, task in enumerate(tasks, start=1):
        data = task["data"]
        key = next((key for key in IMAGE_KEYS if isinstance(data.get(key), str)), None)
        if key is None:
            raise Place(file, number).error(
                f"no photo in the data of this task ({', '.join(data)}): name it {IMAGE_KEYS[0]}.",
                f"此任务的 data 里没有照片（{'、'.join(data)}）：键名应为 {IMAGE_KEYS[0]}。",
            )
        labels.append((data[key].strip(), list(dict.fromkeys(_choices(task["annotations"])))))
    return _export(labels)


def _choices(annotations: list[Any]) -> Iterator[str]:
    """Yield the classes that annotations name, but for cancelled ones."""
    for annotation in annotations:
        if not isinstance(annotation, dict) or annotation.get("was_cancelled"):
            continue
        results = annotation.get("result")
        for result in results if isinstance(results, list) else ():
            if not isinstance(result, dict) or not isinstance(result.get("value"), dict):
                continue
            chosen = result["value"].get(result.get("type"))  # choices, rectanglelabels, ...
            for name in chosen if isinstance(chosen, list) else ():
                if isinstance(name, str):
                    yield name.strip()


def _export(labels: list[tuple[str, list[str]]]) -> Export:
    entries = [
        (number, path, name)
        for number, (path, classes) in enumerate(labels, start=1)
        for name in classes
    ]
    without = [path for path, classes in labels if not classes]
    notes = []
    if without:
        notes.append(
            tr(
                f"Left out, photos without a label in the export: {len(without)}, the first is "
                f"{without[0]!a}",
                f"未用，导出文件里没有标签的照片：{len(without)} 张，第一张为 {without[0]!r}",
            )
        )
    return Export(entries, notes)
