"""Answers on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from mineral_recog.cli.tables import new_console
from mineral_recog.i18n import chinese, tr
from mineral_recog.identify.answer import Answer, Candidate
from mineral_recog.models.gallery import Similar
from mineral_recog.text import printable

BAR = 20  # characters of a certain answer
NAMES = 6  # of a set, before the rest is counted


def print_answer(answer: Answer, top: int, similar: Sequence[tuple[str, Similar]]) -> None:
    """Print one answer in full.

    Args:
        answer: to print.
        top: candidates to show.
        similar: training photos that look alike, with the names of their classes.
    """
    console = new_console()
    if answer.none_of_these:
        console.print(Text(_none_of_these(answer), style="bold"))
        console.print()
    console.print(_ranking(answer, top))
    console.print(Text(set_told(answer)))
    if not answer.evidence.empty and answer.unknown:
        names = ", ".join(answer.unknown)
        text = tr(
            f"The table of minerals does not know {names}: the photo alone speaks for them.",
            f"矿物表里没有 {names}：它们只凭照片判断。",
        )
        console.print(Text(text))
    for test in answer.tests[:2]:
        console.print(Text(f"{tr('Next', '下一步')}: {_own(test.text)}"))
    for one in answer.lookalikes:
        if one.text is not None:
            console.print(Text(f"{tr('Not to be taken for it', '易混淆')}: {_own(one.text)}"))
    if similar:
        told = ", ".join(
            f"{printable(one.photo)} ({name}, {one.similarity:.2f})" for name, one in similar
        )
        console.print(Text(f"{tr('Alike in training', '相似的训练照片')}: {told}"))


def rows_table() -> Table:
    """A table with a row an answer, for many photos."""
    table = Table(box=None, header_style="bold", padding=(0, 1))
    table.add_column(tr("photo", "照片"), overflow="fold")
    table.add_column(tr("answer", "答案"))
    table.add_column("%", justify="right")
    table.add_column(tr("one of", "可能为"), overflow="fold")
    return table


def add_row(table: Table, photo: str, answer: Answer) -> None:
    """Add the answer about a photo to a table of rows."""
    first = answer.candidates[0]
    named = tr("none of these", "都不是") if answer.none_of_these else _name(first)
    likely = ", ".join(map(_name, answer.likely[:NAMES]))
    more = len(answer.likely) - NAMES
    table.add_row(
        Text(printable(photo)),
        Text(named),
        f"{100 * first.probability:.0f}",
        Text(likely + (f" +{more}" if more > 0 else "")),
    )


def print_table(table: Table) -> None:
    """Print a table as wide as the terminal."""
    new_console().print(table)


def set_told(answer: Answer) -> str:
    """What the set of an answer means, in a sentence."""
    likely, classes = len(answer.likely), len(answer.candidates)
    share = f"{100 * answer.coverage:g}"
    names = ", ".join(map(_name, answer.likely[:NAMES])) + (", ..." if likely > NAMES else "")
    which_en, which_zh = (
        (names, names)
        if likely == 1
        else (
            f"one of {likely}: {names}",
            f"以下 {likely} 种之一：{names}",
        )
    )
    return tr(
        f"With {share} % probability it is {which_en} - if it is one of the {classes} minerals "
        "that this model knows.",
        f"它有 {share}% 的概率是{which_zh}——前提是它属于本模型认识的 {classes} 种矿物。",
    )


def _none_of_these(answer: Answer) -> str:
    classes = len(answer.candidates)
    return tr(
        f"This looks like none of the {classes} minerals that the model knows. What follows is "
        "the nearest that it has, and may well be wrong.",
        f"这看起来不是模型认识的 {classes} 种矿物之一。以下只是最接近的，很可能不对。",
    )


def _ranking(answer: Answer, top: int) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1))
    table.add_column("")
    table.add_column(tr("mineral", "矿物"))
    table.add_column("%", justify="right")
    table.add_column("")
    weighed = not answer.evidence.empty
    if weighed:
        table.add_column(tr("by photo %", "仅凭照片 %"), justify="right")
    table.add_column(tr("formula", "化学式"))
    table.add_column(tr("hardness", "硬度"))
    for one in answer.candidates[:top]:
        row: list[Text | str] = [
            Text("*" if one.in_set else ""),
            Text(_name(one)),
            f"{100 * one.probability:.1f}",
            Text("█" * round(BAR * one.probability), style="cyan"),
        ]
        if weighed:
            row.append(f"{100 * one.by_photo:.1f}")
        table.add_row(*row, *_facts(one))
    return table


def _facts(one: Candidate) -> tuple[Text, Text]:
    if one.mineral is None:
        return Text("?"), Text("?")
    hardness = one.mineral.hardness
    told = "?" if hardness is None else f"{hardness[0]:g}-{hardness[1]:g}"
    if hardness is not None and hardness[0] == hardness[1]:
        told = f"{hardness[0]:g}"
    return Text(one.mineral.formula or "?"), Text(told)


def _name(one: Candidate) -> str:
    """A class by its name in the user's language; the folder's own name if it is another."""
    return one.names["zh"] if chinese() else one.name


def _own(text: dict[str, str]) -> str:
    return tr(text["en"], text["zh"])
