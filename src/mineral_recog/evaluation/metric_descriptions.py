"""What the figures are called and say, in both languages, and how they are written."""

from typing import Any, NamedTuple

from mineral_recog.evaluation.results import Evaluation


class Meaning(NamedTuple):
    """What a figure is called and what it says, in both languages."""

    key: str
    english: str
    chinese: str
    why: str
    why_chinese: str
    percent: bool = True  # the paper gives accuracies in per cent, spreads as they are
    higher_is_better: bool = True


MEANINGS = (
    Meaning("mean_accuracy", "Mean accuracy, all classes", "平均准确率（全部类别）",
             "Each mineral counts the same, however many photos it has. The main figure.",
             "每种矿物权重相同，与照片数量无关。最主要的指标。"),
    Meaning("mean_accuracy_head", "Mean accuracy, head classes", "平均准确率（头部类别）",
             "The same over the minerals with the most training photos.",
             "仅统计训练照片最多的矿物。"),
    Meaning("mean_accuracy_medium", "Mean accuracy, medium classes", "平均准确率（中部类别）",
             "The same over the minerals in between.", "仅统计照片数量居中的矿物。"),
    Meaning("mean_accuracy_tail", "Mean accuracy, tail classes", "平均准确率（尾部类别）",
             "The same over the minerals with the fewest training photos.",
             "仅统计训练照片最少的矿物。"),
    Meaning("cw_asd", "Class-wise accuracy standard deviation (CwASD)",
             "类别准确率标准差（CwASD）",
             "How far the minerals' accuracies spread around their mean; 0 when all are equal.",
             "各矿物准确率围绕平均值的离散程度；全部相等时为 0。", False, False),
    Meaning("cw_arange", "Class-wise accuracy range (CwARange)",
             "类别准确率极差（CwARange）",
             "The best mineral's accuracy minus the worst one's.",
             "最好与最差矿物的准确率之差。", False, False),
    Meaning("accuracy", "Accuracy over photos", "总体准确率",
             "The share of photos that are right; common minerals dominate it.",
             "判断正确的照片所占比例；主要由常见矿物决定。"),
    Meaning("lowest_accuracy", "Lowest accuracy of a class", "最低类别准确率",
             "The accuracy of the mineral that is recognised worst.", "识别最差的矿物的准确率。"),
    Meaning("harmonic_mean_accuracy", "Harmonic mean accuracy", "调和平均准确率",
             "A mean that one badly recognised mineral pulls down; 0 if one is never recognised.",
             "任何一种识别很差的矿物都会将其拉低；若某种矿物从未被识别，则为 0。"),
    Meaning("top5_accuracy", "Top-5 accuracy", "前五准确率",
             "The share of photos whose mineral is among the first five guesses.",
             "正确矿物出现在前五个猜测中的照片比例。"),
    Meaning("ece", "Expected calibration error (ECE)", "期望校准误差（ECE）",
             "How far the stated probability is from how often it is right; 0 is honest.",
             "所报概率与实际正确率的平均差距；0 表示概率可信。", False, False),
)  # fmt: skip
PAPER_ROWS = ("mean_accuracy", "mean_accuracy_tail", "cw_asd", "cw_arange")


def shown(value: float, percent: bool, sign: bool = False) -> str:
    """A figure as the paper writes it: 81.27% or 0.107; a change carries its sign."""
    plus = "+" if sign else ""
    if percent:
        return f"{100 * value:{plus}.2f}" + ("" if sign else "%")
    return f"{value:{plus}.3f}"


def interval(evaluation: Evaluation, meaning: Meaning) -> str:
    """The interval of a figure, or nothing when it has none."""
    if meaning.key not in evaluation.intervals:
        return ""
    low, high = evaluation.intervals[meaning.key]
    return f"{shown(low, meaning.percent)} – {shown(high, meaning.percent)}"


def figure_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Every figure that the evaluation has, with its interval and its meaning."""
    return [
        meaning._asdict()
        | {
            "value": shown(evaluation.figures[meaning.key], meaning.percent),
            "interval": interval(evaluation, meaning),
        }
        for meaning in MEANINGS
        if meaning.key in evaluation.figures
    ]


def leaked_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """The rows of the paper's table, with and without photos that are copies of training photos."""
    without = evaluation.leaked.figures if evaluation.leaked else {}
    return [
        meaning._asdict()
        | {
            "value": shown(evaluation.figures[meaning.key], meaning.percent),
            "without": shown(without[meaning.key], meaning.percent),
        }
        for meaning in MEANINGS
        if meaning.key in (*PAPER_ROWS, "accuracy")
        and meaning.key in evaluation.figures
        and meaning.key in without
    ]


def paper_rows(evaluation: Evaluation, against: Evaluation) -> list[dict[str, Any]]:
    """The rows of the paper's table, with the change and whether it is for the better."""
    rows = []
    for meaning in MEANINGS:
        if meaning.key not in PAPER_ROWS or not all(
            meaning.key in run.figures for run in (evaluation, against)
        ):
            continue
        before, after = against.figures[meaning.key], evaluation.figures[meaning.key]
        change = shown(after - before, meaning.percent, sign=True)
        verdict = "same"
        if float(change) != 0:
            verdict = "better" if (after > before) == meaning.higher_is_better else "worse"
        rows.append(
            meaning._asdict()
            | {
                "before": shown(before, meaning.percent),
                "before_interval": interval(against, meaning),
                "after": shown(after, meaning.percent),
                "after_interval": interval(evaluation, meaning),
                "change": change.replace("-", "−"),
                "verdict": verdict,
            }
        )
    return rows
