"""Assigns classes to the groups head, medium and tail by their number of training photos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mineral_recog.errors import DataError
from mineral_recog.i18n import tr
from mineral_recog.text import parse_json

GROUPS = ("head", "medium", "tail")


def class_groups(rule: str, classes: Sequence[str], counts: Sequence[int]) -> tuple[str, ...]:
    """Return the group of each class.

    Args:
        rule: `thirds` (the third with the most photos is head, the last third, rounded up, is
            tail, and classes with equal counts are in one group); two counts such as `100,20`
            (head has more photos than the first, tail fewer than the second); or the path of a
            JSON file with lists of names under "head" and "tail".
        classes: Names of the C classes.
        counts: Number of training photos per class, C.

    Returns:
        One of `GROUPS` for each class; "" for every class if the rule is `thirds` and all counts
        are equal.

    Raises:
        UserError: The rule has another form, or its file cannot be read, lists names that are not
            classes, or lists a class as both head and tail.
    """
    if rule == "thirds":
        return _thirds(counts)
    if rule.endswith(".json"):
        return _read_groups(Path(rule), classes)
    above, comma, below = rule.partition(",")
    if not (comma and above.strip().isdecimal() and below.strip().isdecimal()):
        raise DataError(
            tr(
                f"Groups {rule!r}: write thirds, two counts such as 100,20, or the path of a .json "
                "file.",
                f"分组 {rule!r}：请写 thirds、两个数目（如 100,20），或一个 .json 文件的路径。",
            )
        )
    if int(above) < int(below):
        raise DataError(
            tr(
                f"Groups {rule!r}: the first count must not be below the second.",
                f"分组 {rule!r}：第一个数不能小于第二个数。",
            )
        )
    return tuple(
        "head" if n > int(above) else "tail" if n < int(below) else "medium" for n in counts
    )


def _thirds(counts: Sequence[int]) -> tuple[str, ...]:
    """Return the groups by rank; classes with equal counts belong to one group.

    This is the group of the middle one of them (of two middle ones, the latter). The largest count
    belongs to the first group and the smallest to the last.
    """
    if len(set(counts)) < 2:
        return ("",) * len(counts)
    head, tail = len(counts) // 3, -(-len(counts) // 3)
    by_rank = ["head"] * head + ["medium"] * (len(counts) - head - tail) + ["tail"] * tail
    ordered = sorted(counts, reverse=True)
    group_of = {n: by_rank[ordered.index(n) + ordered.count(n) // 2] for n in set(counts)}
    group_of |= {ordered[0]: by_rank[0], ordered[-1]: by_rank[-1]}
    return tuple(group_of[n] for n in counts)


def _read_groups(path: Path, classes: Sequence[str]) -> tuple[str, ...]:
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
    if unknown := [name for name in head + tail if name not in classes]:
        raise DataError(
            tr(
                f"{path} names classes that do not exist: {', '.join(map(str, unknown))}. Correct "
                "or remove them.",
                f"{path} 里有不存在的类别：{'、'.join(map(str, unknown))}。请改正或删去。",
            )
        )
    if shared := sorted(set(head) & set(tail)):
        raise DataError(
            tr(
                f"{path} has classes that are both head and tail: {', '.join(shared)}. Remove each "
                "from one of the lists.",
                f"{path} 里有类别既属头部又属尾部：{'、'.join(shared)}。请只保留在其中一个列表里。",
            )
        )
    return tuple(
        "head" if name in head else "tail" if name in tail else "medium" for name in classes
    )
