"""What `prepare` prints: photos of each class and split, and what became of the others."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from mineral_recog.cli.tables import new_console, new_table, print_lines
from mineral_recog.curation.finding_kinds import KINDS
from mineral_recog.curation.findings import COPIES
from mineral_recog.curation.preparation import PICTURE, Prepared
from mineral_recog.data.dataset import SPLITS
from mineral_recog.data.given_splits import SHARE
from mineral_recog.i18n import chinese, tr


def print_preparation(made: Prepared, data: Path, class_lines: list[str]) -> None:
    """Print the table of classes and splits, and what became of all photos.

    Args:
        made: What `prepare` did.
        data: The prepared folder.
        class_lines: Lines about class names.
    """
    console = new_console()
    table = new_table(tr("class", "类别"), *SPLITS, numbers_from=1)
    by_count = sorted(made.counts.items(), key=lambda item: -item[1]["train"])
    for name, of in by_count:
        table.add_row(Text(name), *(str(of[split]) for split in SPLITS))
    totals = (sum(of[split] for of in made.counts.values()) for split in SPLITS)
    table.add_row(tr("all", "合计"), *map(str, totals), style="bold")
    console.print(table)
    lines = [
        tr(
            f"Imbalance factor of the training photos: {made.imbalance:.1f}",
            f"训练照片的不平衡系数：{made.imbalance:.1f}",
        )
    ]
    lines += class_lines
    if made.given:
        lines.append(_given(made))
    if made.left_out:
        lines.append(
            tr(
                f"Left out to make the tail: {made.left_out} training photos",
                f"为形成长尾而未用的训练照片：{made.left_out} 张",
            )
        )
    if made.not_photos:
        kinds = ", ".join(f"{n} {suffix}" for suffix, n in sorted(made.not_photos.items()))
        lines.append(
            tr(
                f"Left out, not photos: {kinds}",
                f"未用，不是照片：{kinds}",
            )
        )
    lines += _copies(made, data)
    for path, reason in made.skipped[:10]:
        lines.append(
            tr(f"Skipped, cannot be read: {path} ({reason})", f"跳过，无法读取：{path}（{reason}）")
        )
    if len(made.skipped) > 10:
        lines.append(f"... (+{len(made.skipped) - 10}: {data / 'prepared.json'})")
    if others := _others(made):
        lines.append(others)
    lines.append(str(data / PICTURE))
    lines.append(tr(f"Next: mineral-recog train {data}", f"下一步：mineral-recog train {data}"))
    print_lines(console, lines)


def _given(made: Prepared) -> str:
    """Which splits are those that the photos came with."""
    given = ", ".join(made.given)
    drawn = [split for split in SPLITS if split not in made.given]
    if not drawn:
        return tr(f"Splits as given: {given}", f"按给定的划分：{given}")
    share, missing = f"{100 * SHARE:.0f} %", ", ".join(drawn)
    return tr(
        f"Splits as given: {given}; drawn out of train: {missing}, {share} of each class",
        f"按给定的划分：{given}；从 train 中抽取：{missing}，各占每类的 {share}",
    )


def _copies(made: Prepared, data: Path) -> list[str]:
    """What became of copies, and of what the user decided."""
    lines = []
    copies = made.copies
    if copies.groups:
        lines.append(
            tr(
                f"Copies and near-copies: {copies.photos} photos in {copies.groups} groups, each "
                "group whole in one split",
                f"重复与近似重复：{copies.photos} 张照片，分为 {copies.groups} 组，"
                "每组整组放入同一划分",
            )
        )
    if copies.set_aside:
        first = ", ".join(copies.set_aside[:4]) + (" ..." if len(copies.set_aside) > 4 else "")
        lines.append(
            tr(
                f"Set aside, copies under two classes: {len(copies.set_aside)} photos ({first}; "
                f"all in {data / 'prepared.json'})",
                f"搁置，同一图片属于两个类别：{len(copies.set_aside)} 张（{first}；"
                f"全部见 {data / 'prepared.json'}）",
            )
        )
    if copies.left_out:
        lines.append(
            tr(
                f"Copies across the given splits: {copies.would_leak:.0f} val and test photos had "
                f"copies in train; {len(copies.left_out)} photos of train and val are left out "
                f"for it (in {data / 'prepared.json'}), and none is across now",
                f"给定划分之间的副本：{copies.would_leak:.0f} 张验证与测试照片在训练集中有副本；"
                f"已从 train 与 val 中去掉 {len(copies.left_out)} 张（见 "
                f"{data / 'prepared.json'}），现在没有跨划分的副本",
            )
        )
    elif not made.given and (copies.groups or copies.set_aside):
        leak = f"{copies.would_leak:.1f}"
        lines.append(
            tr(
                f"A random split would have put copies of {leak} val and test photos into train "
                "(mean of 20 draws); this one puts none",
                f"若随机划分，平均有 {leak} 张验证与测试照片的副本会进入训练集（20 次抽取的平均）；"
                "本次划分为 0",
            )
        )
    if made.dropped or made.moved:
        lines.append(
            tr(
                f"By your decisions: {made.dropped} photos dropped, {made.moved} under another "
                "class",
                f"按您的决定：剔除 {made.dropped} 张，改类别 {made.moved} 张",
            )
        )
    if made.not_there:
        lines.append(
            tr(
                f"Decided on, but not there: {len(made.not_there)} photos, the first "
                f"{made.not_there[0]}",
                f"已作决定但不存在的照片：{len(made.not_there)} 张，第一张为 {made.not_there[0]}",
            )
        )
    return lines


def _others(made: Prepared) -> str | None:
    """One line of what else was found, and where to look at it."""
    language = "zh" if chinese() else "en"
    kinds = [kind for kind in KINDS if made.findings.get(kind) and kind not in COPIES]
    if not kinds and not made.copies.set_aside:
        return None
    counts = ", ".join(f"{KINDS[kind].label[language]} {made.findings[kind]}" for kind in kinds)
    look = tr("To look at them and decide", "查看并决定")
    also = tr(f"Also found: {counts}. ", f"另有：{counts}。") if kinds else ""
    return f"{also}{look}: mineral-recog audit SRC --out DIR"
