"""Head, medium and tail: which classes are common and which are rare."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mineral_recog.errors import DataError
from mineral_recog.i18n import tr
from mineral_recog.text import parse_json

GROUPS = ("head", "medium", "tail")


def class_groups(how: str, classes: Sequence[str], counts: Sequence[int]) -> tuple[str, ...]:
    """Group of each class, by its training photos.

    Args:
        how: `thirds` (the third with most photos is head, the last third, rounded up, tail);
            two counts such as `100,20` (head has more than the first, tail fewer than the
            second); or the path of a JSON file with lists of names under "head" and "tail".
        classes: names, C.
        counts: training photos of each, C.

    Raises:
        UserError: none of these, or names in the file that are not classes.
    """
    if how == "thirds":
        return _thirds(classes, counts)
    if how.endswith(".json"):
        return _lists(Path(how), classes)
    many, comma, few = how.partition(",")
    if not (comma and many.strip().isdecimal() and few.strip().isdecimal()):
        raise DataError(
            tr(
                f"Groups {how!r}: write thirds, two counts such as 100,20, or the path of a .json "
                "file.",
                f"分组 {how!r}：请写 thirds、两个数目（如 100,20），或一个 .json 文件的路径。",
            )
        )
    if int(many) < int(few):
        raise DataError(
            tr(
                f"Groups {how!r}: the first count must not be below the second.",
                f"分组 {how!r}：第一个数不能小于第二个数。",
            )
        )
    return tuple("head" if n > int(many) else "tail" if n < int(few) else "medium" for n in counts)


def _thirds(classes: Sequence[str], counts: Sequence[int]) -> tuple[str, ...]:
    by_count = sorted(range(len(classes)), key=lambda c: (-counts[c], classes[c]))
    heads, tails = len(classes) // 3, -(-len(classes) // 3)
    place = {c: rank for rank, c in enumerate(by_count)}
    return tuple(
        "head" if place[c] < heads else "tail" if place[c] >= len(classes) - tails else "medium"
        for c in range(len(classes))
    )


def _lists(path: Path, classes: Sequence[str]) -> tuple[str, ...]:
    try:
        lists = parse_json(path.read_text(encoding="utf-8"))
        head, tail = list(lists["head"]), list(lists["tail"])
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError(
            tr(
                f'{path} cannot be read as groups: it needs {{"head": [names], "tail": [names]}}.',
                f'{path} 不能读作分组：需要 {{"head": [类名], "tail": [类名]}}。',
            )
        ) from None
    if wrong := [name for name in head + tail if name not in classes]:
        raise DataError(
            tr(
                f"{path} names classes that there are not: {', '.join(map(str, wrong))}.",
                f"{path} 里有不存在的类别：{'、'.join(map(str, wrong))}。",
            )
        )
    if both := sorted(set(head) & set(tail)):
        raise DataError(
            tr(
                f"{path} has classes that are both head and tail: {', '.join(both)}.",
                f"{path} 里有类别既属头部又属尾部：{'、'.join(both)}。",
            )
        )
    return tuple(
        "head" if name in head else "tail" if name in tail else "medium" for name in classes
    )
