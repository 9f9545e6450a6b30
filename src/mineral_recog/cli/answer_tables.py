"""Tables and lines that show answers on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Column, Table
from rich.text import Text

from mineral_recog.cli.tables import first_of, new_console
from mineral_recog.i18n import is_chinese, tr
from mineral_recog.identify.answer import Answer
from mineral_recog.identify.candidate import Candidate
from mineral_recog.identify.class_tree import Name
from mineral_recog.identify.evidence import Evidence
from mineral_recog.minerals.vocabularies import VOCABULARIES
from mineral_recog.models.gallery import SimilarPhoto
from mineral_recog.text import printable

BAR_WIDTH = 20  # characters, at probability 1
MAX_NAMES = 6  # names of a set; further ones are only counted


def print_answer(answer: Answer, top: int, similar: Sequence[tuple[str, SimilarPhoto]]) -> None:
    """Print one answer in full.

    Args:
        answer: The answer.
        top: Number of candidates to show.
        similar: Similar training photos, with the names of their classes.
    """
    console = new_console()
    for warning in answer.warnings:
        console.print(Text(_labelled(tr("Warning", "注意"), _translate(warning))))
    headline = answer.none_text or answer.rolled_up.text
    console.print(Text(_translate(headline), style="bold"))
    for hazard in answer.hazards:
        console.print(Text(_labelled(tr("Safety", "安全"), _translate(hazard.text)), style="bold"))
    if answer.none_of_these:
        console.print(Text(_closest_text()))
    console.print()
    console.print(_candidate_table(answer, top))
    lines = evidence_lines(answer.evidence)
    if not answer.none_of_these:
        lines.insert(0, _set_text(answer))
    if not answer.evidence.empty and answer.classes_without_facts:
        names = _separator().join(answer.classes_without_facts)
        lines.append(
            tr(
                f"The table of minerals has no facts about {names}: only the photo counts for "
                "them.",
                f"矿物表中没有 {names} 的资料：它们只凭照片判断。",
            )
        )
    if not answer.none_of_these:  # both are about the first candidates
        lines += _advice_lines(answer)
    if similar:
        photos = ", ".join(
            f"{printable(photo.path)} ({name}, {photo.similarity:.2f})" for name, photo in similar
        )
        lines.append(_labelled(tr("Similar training photos", "相似的训练照片"), photos))
    for line in lines:
        console.print(Text(line))


def evidence_lines(evidence: Evidence) -> list[str]:
    """Return a line with the evidence as understood, or none if no test was done."""
    text = evidence.text()
    return [_labelled(tr("Physical tests", "简易测试"), _translate(text))] if text else []


def _advice_lines(answer: Answer) -> list[str]:
    """Return lines with the next tests, and with what differs from easily confused minerals."""
    following, confused = tr("Next", "下一步"), tr("Easily confused with", "易混淆")
    lines = [_labelled(following, _translate(test.full_text)) for test in answer.tests[:2]]
    if answer.tests_left_out is not None:
        lines.append(_translate(answer.tests_left_out.text))
    for lookalike in answer.lookalikes:
        if lookalike.text is not None:
            lines.append(_labelled(confused, _translate(lookalike.text)))
    return lines


def _closest_text() -> str:
    """Return the line above the candidates of an answer that is none of the classes."""
    return tr(
        "The closest minerals that this model knows, not an answer; the percentages hold only if "
        "it is one of them:",
        "以下是本模型认识的矿物中最接近的几种，并非答案；只有标本属于其中之一时，百分比才成立：",
    )


def new_answer_table() -> Table:
    """Return a table with one row per answer, for many photos."""
    return Table(
        Column(tr("photo", "照片"), overflow="fold"),
        Column(tr("answer", "答案")),
        Column("%", justify="right"),
        Column(tr("one of", "可能为"), overflow="fold"),
        Column(tr("hazards", "危害"), overflow="fold"),
        box=None,
        header_style="bold",
    )


def add_answer(table: Table, photo: str, answer: Answer) -> None:
    """Add the answer about a photo to a table of `new_answer_table`.

    An answer that is none of the classes has no probability; the closest class stands for its set.
    """
    if answer.none_of_these:
        closest = _labelled(tr("closest", "最接近"), _name(answer.candidates[0]))
        table.add_row(
            Text(printable(photo)), Text(_none_name(answer)), "", Text(closest), _hazards(answer)
        )
        return
    whole = answer.rolled_up.whole
    likely = _separator().join(map(_set_name, answer.set_names[:MAX_NAMES]))
    more = len(answer.set_names) - MAX_NAMES
    table.add_row(
        Text(printable(photo)),
        Text(_name(whole.name)),
        f"{100 * whole.probability:.0f}",
        Text(likely + (f" +{more}" if more > 0 else "")),
        _hazards(answer),
    )


def _hazards(answer: Answer) -> Text:
    """Return the kinds of hazards of an answer; empty if none is known."""
    kinds = [hazard.kind for hazard in answer.hazards]
    words = [tr(kind, VOCABULARIES["hazard"][kind]) for kind in kinds]
    return Text(_separator().join(words), style="bold")


def _none_name(answer: Answer) -> str:
    """Return what a table says of an answer that is none of the classes."""
    if answer.none_reason == "no_mineral":
        return tr("no mineral", "不是矿物")
    return tr("none of these", "都不是")


def _set_text(answer: Answer) -> str:
    """Return a sentence that explains the set of an answer."""
    likely, classes = len(answer.likely), len(answer.candidates)
    percent = f"{100 * answer.coverage:g}"
    more = tr(", ...", "……")
    names = first_of(map(_set_name, answer.set_names), MAX_NAMES, _separator(), more)
    set_en, set_zh = (
        (names, names)
        if likely == 1
        else (
            f"one of {likely}: {names}",
            f"以下 {likely} 种之一：{names}",
        )
    )
    return tr(
        f"With {percent} % probability it is {set_en} - if it is one of the {classes} minerals "
        "that this model knows.",
        f"它有 {percent}% 的概率是{set_zh}——前提是它属于本模型认识的 {classes} 种矿物。",
    )


def _candidate_table(answer: Answer, top: int) -> Table:
    table = Table("", tr("mineral", "矿物"), box=None, header_style="bold")
    table.add_column("%", justify="right")
    table.add_column("")
    has_evidence = not answer.evidence.empty
    if has_evidence:
        table.add_column(tr("photo only %", "仅凭照片 %"), justify="right")
    table.add_column(tr("formula", "化学式"))
    table.add_column(tr("hardness", "硬度"))
    for candidate in answer.candidates[:top]:
        row: list[Text | str] = [
            Text("*" if candidate.in_set and not answer.none_of_these else ""),
            Text(_name(candidate)),
            f"{100 * candidate.probability:.1f}",
            Text("█" * round(BAR_WIDTH * candidate.probability), style="cyan"),
        ]
        if has_evidence:
            row.append(f"{100 * candidate.photo_probability:.1f}")
        table.add_row(*row, *_facts(candidate))
    return table


def _facts(candidate: Candidate) -> tuple[Text, Text]:
    """Return formula and hardness, or question marks."""
    if candidate.mineral is None:
        return Text("?"), Text("?")
    hardness_text = "?"
    if candidate.mineral.hardness is not None:
        low, high = candidate.mineral.hardness
        hardness_text = f"{low:g}" if low == high else f"{low:g}-{high:g}"
    return Text(candidate.mineral.formula or "?"), Text(hardness_text)


def _name(named: Candidate | Name) -> str:
    """Return the Chinese name for Chinese users, and the name of the class or node for others."""
    return named.names["zh"] if is_chinese() else named.name


def _set_name(name: Name) -> str:
    """Return a name of a set, with the number of its classes if there are several."""
    count, text = len(name.labels), _name(name)
    return text if count == 1 else tr(f"{text} ({count})", f"{text}（{count}）")


def _labelled(label: str, text: str) -> str:
    return tr(f"{label}: {text}", f"{label}：{text}")


def _separator() -> str:
    """Return what separates names of a list."""
    return tr(", ", "、")


def _translate(text: dict[str, str]) -> str:
    return tr(text["en"], text["zh"])
