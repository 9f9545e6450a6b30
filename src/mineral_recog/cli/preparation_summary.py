"""Output of `prepare`: photos of each class and split, and what happened to the others."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from mineral_recog.cli.specimen_lines import specimen_lines
from mineral_recog.cli.tables import (
    add_class_rows,
    first_of,
    new_console,
    new_table,
    print_lines,
    suffix_counts,
)
from mineral_recog.curation.class_sizes import describe_size
from mineral_recog.curation.distribution_plot import PICTURE
from mineral_recog.curation.finding_kinds import FINDING_KINDS
from mineral_recog.curation.findings import DUPLICATE_KINDS
from mineral_recog.curation.preparation import Prepared
from mineral_recog.data.dataset import ATTRIBUTES_FILE, SPLITS
from mineral_recog.data.given_splits import SHARE
from mineral_recog.i18n import tr, user_language
from mineral_recog.text import command_line, encodable


def print_preparation(
    made: Prepared, data: Path, audit_command: str, name_lines: list[str]
) -> None:
    """Print the table of classes and splits, and what happened to all other photos.

    Args:
        made: Result of `prepare`.
        data: The prepared folder.
        audit_command: The command that shows the findings.
        name_lines: Lines about how the photos were read, and about the names of classes and photos.
    """
    console = new_console()
    table = new_table(tr("class", "类别"), *SPLITS, numbers_from=1)
    by_count = sorted(made.counts.items(), key=lambda item: -item[1]["train"])
    rows: list[list[str | Text]] = [
        [Text(name), *(str(counts[split]) for split in SPLITS)] for name, counts in by_count
    ]
    add_class_rows(table, rows)
    totals = (sum(counts[split] for counts in made.counts.values()) for split in SPLITS)
    table.add_row(tr("all", "合计"), *map(str, totals), style="bold")
    console.print(table)
    lines = [
        tr(
            f"Imbalance factor of the training photos: {made.imbalance:.1f}",
            f"训练照片的不平衡系数：{made.imbalance:.1f}",
        )
    ]
    lines += name_lines
    lines += _class_size_lines(made)
    if made.given:
        lines.append(_given_splits_line(made))
    if made.left_out:
        lines.append(
            tr(
                f"Left out to create the long tail: {made.left_out} training photos",
                f"为形成长尾而未用的训练照片：{made.left_out} 张",
            )
        )
    if made.not_photos:
        kinds = suffix_counts(made.not_photos)
        lines.append(
            tr(
                f"Left out, not photos: {kinds}",
                f"未用，不是照片：{kinds}",
            )
        )
    lines += _duplicate_lines(made, data)
    lines += specimen_lines(made.specimens, bool(made.given), data)
    lines += _attribute_lines(made, data)
    lines += _decision_lines(made)
    lines += [
        tr(f"Skipped, cannot be read: {path} ({reason})", f"跳过，无法读取：{path}（{reason}）")
        for path, reason in made.skipped[:10]
    ]
    if len(made.skipped) > 10:
        lines.append(f"... (+{len(made.skipped) - 10}: {data / 'prepared.json'})")
    if findings := _findings_line(made, audit_command):
        lines.append(findings)
    command = command_line("mineral-recog", "train", data)
    next_line = tr(f"Next: {command}", f"下一步：{command}")
    picture = data / PICTURE
    print_lines(console, [*lines, *([str(picture)] if picture.is_file() else []), next_line])


def _given_splits_line(made: Prepared) -> str:
    """Return a line about splits that the source gives, and splits that were drawn."""
    given = ", ".join(made.given)
    drawn = [split for split in SPLITS if split not in made.given]
    if not drawn:
        return tr(f"Splits of the source: {given}", f"采用来源的划分：{given}")
    share, missing = f"{100 * SHARE:.0f} %", ", ".join(drawn)
    return tr(
        f"Splits of the source: {given}; drawn from train: {missing}, {share} of each class",
        f"采用来源的划分：{given}；从 train 中抽取：{missing}，各占每类的 {share}",
    )


def _class_size_lines(made: Prepared) -> list[str]:
    """Return lines about classes that were left out, and classes with one test photo."""
    lines = []
    if made.small_classes:
        sizes = made.small_classes.items()
        small = first_of((describe_size(name, size) for name, size in sizes), 10, "; ")
        lines.append(
            tr(
                f"Left out by --min-photos: {len(made.small_classes)} classes ({small})",
                f"按 --min-photos 略去：{len(made.small_classes)} 个类别（{small}）",
            )
        )
    if made.tested_once:
        names = first_of(map(encodable, made.tested_once), 10)
        advice = (
            ""
            if made.given
            else tr(
                "; larger shares of val and test help, such as --split 60/20/20",
                "；可加大验证与测试的比例，例如 --split 60/20/20",
            )
        )
        lines.append(
            tr(
                f"Classes with a single test photo or specimen: {len(made.tested_once)} ({names}). "
                f"Their accuracy says little{advice}",
                f"测试集中只有一张照片或一个标本的类别：{len(made.tested_once)} 个（{names}）。"
                f"其准确率说明不了什么{advice}",
            )
        )
    return lines


def _duplicate_lines(made: Prepared, data: Path) -> list[str]:
    """Return lines about duplicates."""
    lines = []
    duplicates = made.copies
    caveat = (
        ""
        if made.specimens
        else tr(
            ". Photos of one specimen from other sides are not recognised as copies: keep them "
            "together with --group-by",
            "。从不同侧面拍摄的同一标本不会被识别为副本：请用 --group-by 使其不被分开",
        )
    )
    if duplicates.groups:
        lines.append(
            tr(
                f"Copies and near-copies: {duplicates.photos} photos in {duplicates.groups} "
                "groups, each group in one split",
                f"重复与近似重复：{duplicates.photos} 张照片，分为 {duplicates.groups} 组，"
                "每组只放入同一划分",
            )
        )
    if duplicates.set_aside:
        first = first_of(duplicates.set_aside, 4)
        lines.append(
            tr(
                f"Set aside, copies under two classes: {len(duplicates.set_aside)} photos "
                f"({first}; all in {data / 'prepared.json'})",
                f"搁置，同一图片属于两个类别：{len(duplicates.set_aside)} 张（{first}；"
                f"全部见 {data / 'prepared.json'}）",
            )
        )
    if duplicates.left_out:
        lines.append(
            tr(
                f"Copies across the given splits: {duplicates.would_leak:.0f} val and test photos "
                f"had copies in train; {len(duplicates.left_out)} photos of train and val were "
                f"left out (see {data / 'prepared.json'}), so that no copies remain across "
                f"the splits{caveat}",
                f"给定划分之间的副本：{duplicates.would_leak:.0f} 张验证与测试照片"
                f"在训练集中有副本；已从 train 与 val 中去掉 {len(duplicates.left_out)} 张（见 "
                f"{data / 'prepared.json'}），现在没有跨划分的副本{caveat}",
            )
        )
    elif not made.given and (duplicates.groups or duplicates.set_aside):
        leak = f"{duplicates.would_leak:.1f}"
        lines.append(
            tr(
                f"A random split would put copies of {leak} val and test photos into train (mean "
                f"of 20 draws); this split has none{caveat}",
                f"若随机划分，平均有 {leak} 张验证与测试照片的副本会进入训练集（20 次抽取的平均）；"
                f"本次划分为 0{caveat}",
            )
        )
    return lines


def _attribute_lines(made: Prepared, data: Path) -> list[str]:
    """Return a line about the attributes of photos, if there are any."""
    report = made.attributes
    if report is None:
        return []
    file = data / ATTRIBUTES_FILE
    return [
        tr(
            f"Attributes listed by SRC, counted within each class: {report.attributes}, with "
            f"{report.photos} photos (see {file}); photos without one: {report.others}",
            f"SRC 列出的属性（按类别分别计数）：{report.attributes} 种，共 {report.photos} 张照片"
            f"（见 {file}）；没有属性的照片：{report.others} 张",
        )
    ]


def _decision_lines(made: Prepared) -> list[str]:
    """Return lines about the user's decisions."""
    lines = []
    if made.dropped or made.moved:
        lines.append(
            tr(
                f"By your decisions: {made.dropped} photos dropped, {made.moved} moved to another "
                "class",
                f"按您的决定：剔除 {made.dropped} 张，移到其他类别 {made.moved} 张",
            )
        )
    if made.not_there:
        lines.append(
            tr(
                f"Decisions about missing photos: {len(made.not_there)}, the first about "
                f"{made.not_there[0]}",
                f"决定涉及不存在的照片：{len(made.not_there)} 张，第一张为 {made.not_there[0]}",
            )
        )
    return lines


def _findings_line(made: Prepared, audit_command: str) -> str | None:
    """Return a line about other findings and how to review them, if there are any."""
    language = user_language()
    kinds = [
        kind for kind in FINDING_KINDS if made.findings.get(kind) and kind not in DUPLICATE_KINDS
    ]
    if not kinds and not made.copies.set_aside:
        return None
    counts = tr(", ", "、").join(
        f"{FINDING_KINDS[kind].label[language]} {made.findings[kind]}" for kind in kinds
    )
    review = tr("To review them: ", "审核方法：")
    others = tr(f"Also found: {counts}. ", f"另有：{counts}。") if kinds else ""
    return f"{others}{review}{audit_command}"
