"""The command `prepare`: split, and show what came of it."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mineral_recog.data.groups import class_groups
from mineral_recog.data.index import SPLITS
from mineral_recog.data.split import Prepared, parse_shares, prepare
from mineral_recog.evaluation import plots
from mineral_recog.evaluation.style import save
from mineral_recog.language import tr
from mineral_recog.progress import Bar


def prepare_and_show(
    source: Path,
    data: Path,
    *,
    split: str,
    imbalance: float | None,
    seed: int,
    place: str,
    force: bool,
) -> None:
    """Prepare DATA, draw its distribution and print the table of its classes.

    Arguments and errors as for `data.split.prepare`; `split` as in `80/10/10`.
    """
    shares = parse_shares(split)
    with Bar(tr("reading photos", "读取照片"), 1) as bar:
        made = prepare(
            source,
            data,
            shares=shares,
            imbalance=imbalance,
            seed=seed,
            place=place,
            force=force,
            on_checked=bar.of,
        )
    names = list(made.counts)
    train = [made.counts[name]["train"] for name in names]
    figure = plots.class_counts(names, train, class_groups("thirds", names, train))
    save(figure, data / "distribution.png")
    _print(made, data)


def _print(made: Prepared, data: Path) -> None:
    console = Console()
    table = Table(box=None, header_style="bold")
    table.add_column(tr("class", "类别"))
    for split in SPLITS:
        table.add_column(split, justify="right")
    by_count = sorted(made.counts.items(), key=lambda item: -item[1]["train"])
    for name, of in by_count:
        table.add_row(Text(name), *(str(of[split]) for split in SPLITS))
    totals = (sum(of[split] for of in made.counts.values()) for split in SPLITS)
    table.add_row(tr("all", "合计"), *map(str, totals), style="bold")
    console.print(table)
    told = [
        tr(
            f"Imbalance factor of the training photos: {made.imbalance:.1f}",
            f"训练照片的不平衡系数：{made.imbalance:.1f}",
        )
    ]
    if made.left_out:
        told.append(
            tr(
                f"Left out to make the tail: {made.left_out} training photos",
                f"为形成长尾而未用的训练照片：{made.left_out} 张",
            )
        )
    if made.not_photos:
        kinds = ", ".join(f"{n} {suffix}" for suffix, n in sorted(made.not_photos.items()))
        told.append(
            tr(
                f"Left out, not photos that Pillow reads: {kinds}",
                f"未用，不是 Pillow 能读的照片：{kinds}",
            )
        )
    for path, reason in made.skipped[:10]:
        told.append(
            tr(f"Skipped, cannot be read: {path} ({reason})", f"跳过，无法读取：{path}（{reason}）")
        )
    if len(made.skipped) > 10:
        told.append(f"... (+{len(made.skipped) - 10}: {data / 'prepared.json'})")
    told.append(str(data / "distribution.png"))
    told.append(tr(f"Next: mineral-recog train {data}", f"下一步：mineral-recog train {data}"))
    for line in told:
        console.print(line, markup=False, emoji=False, highlight=False, soft_wrap=True)
