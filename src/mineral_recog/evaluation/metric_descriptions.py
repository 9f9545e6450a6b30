"""Names and descriptions of the metrics in both languages, and how their values are written."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from mineral_recog.data.dataset import first_names
from mineral_recog.evaluation.results import MIN_CLASS_PHOTOS, Evaluation, SpecimenResults

Value = TypeVar("Value")


class MetricDescription(NamedTuple):
    """Name and description of a metric in both languages.

    Attributes:
        key: Key of the metric.
        english: Name in English.
        chinese: Name in Chinese.
        description: What the metric says, in English.
        description_chinese: The same in Chinese.
        percent: Whether it is shown in per cent; as in the paper, accuracies are, spreads are not.
        higher_is_better: Whether a larger value is better.
    """

    key: str
    english: str
    chinese: str
    description: str
    description_chinese: str
    percent: bool = True
    higher_is_better: bool = True


METRIC_DESCRIPTIONS = (
    MetricDescription(
        "mean_accuracy", "Mean accuracy, all classes", "平均准确率（全部类别）",
        "Each mineral counts the same, however many photos it has. The main metric.",
        "每种矿物权重相同，与照片数量无关。最主要的指标。"),
    MetricDescription(
        "mean_accuracy_head", "Mean accuracy, head classes", "平均准确率（头部类别）",
        "The same over the minerals with the most training photos.",
        "仅统计训练照片最多的矿物。"),
    MetricDescription(
        "mean_accuracy_medium", "Mean accuracy, medium classes", "平均准确率（中部类别）",
        "The same over the minerals in between.", "仅统计照片数量居中的矿物。"),
    MetricDescription(
        "mean_accuracy_tail", "Mean accuracy, tail classes", "平均准确率（尾部类别）",
        "The same over the minerals with the fewest training photos.",
        "仅统计训练照片最少的矿物。"),
    MetricDescription(
        "cw_asd", "Class-wise accuracy standard deviation (CwASD)", "类别准确率标准差（CwASD）",
        "How far the accuracies of the minerals spread around their mean; 0 if all are equal.",
        "各矿物准确率围绕平均值的离散程度；全部相等时为 0。", False, False),
    MetricDescription(
        "cw_arange", "Class-wise accuracy range (CwARange)", "类别准确率极差（CwARange）",
        "The accuracy of the best mineral minus that of the worst.",
        "最好与最差矿物的准确率之差。", False, False),
    MetricDescription(
        "accuracy", "Accuracy over photos", "总体准确率",
        "The share of photos that are recognised correctly; common minerals dominate it.",
        "判断正确的照片所占比例；主要由常见矿物决定。"),
    MetricDescription(
        "macro_f1", "Macro F1", "宏平均 F1",
        "The mean over minerals of the F1 score, which wrong answers of this name lower as well.",
        "各矿物 F1 的平均值；其他矿物被误认为该矿物时也会降低。"),
    MetricDescription(
        "lowest_accuracy", "Lowest accuracy of a class", "最低类别准确率",
        "The accuracy of the mineral that is recognised worst.", "识别最差的矿物的准确率。"),
    MetricDescription(
        "harmonic_mean_accuracy", "Harmonic mean accuracy", "调和平均准确率",
        "A mean that one badly recognised mineral lowers; 0 if one is never recognised.",
        "任何一种识别很差的矿物都会将其拉低；若某种矿物从未被识别，则为 0。"),
    MetricDescription(
        "top5_accuracy", "Top-5 accuracy", "前五准确率",
        "The share of photos whose mineral is among the first five guesses.",
        "正确矿物出现在前五个猜测中的照片比例。"),
    MetricDescription(
        "ece", "Expected calibration error (ECE)", "期望校准误差（ECE）",
        "The mean gap between predicted probability and share correct; 0 is perfect.",
        "预测概率与实际正确率的平均差距；0 表示概率可信。", False, False),
    MetricDescription(
        "attribute_mean_accuracy", "Mean accuracy over attributes", "按属性平均的准确率",
        "Each attribute of each mineral, such as a variety, counts the same.",
        "每种矿物的每种属性（例如变种）权重相同。"),
    MetricDescription(
        "attribute_mean_accuracy_rare", "Mean accuracy, rare attributes", "平均准确率（少见属性）",
        "The same over attributes with less than a fifth of the training photos of their mineral.",
        "仅统计在本矿物训练照片中占不到五分之一的属性。"),
)  # fmt: skip
DESCRIPTION_OF = {metric.key: metric for metric in METRIC_DESCRIPTIONS}
_ATTRIBUTE_PREFIX = "attribute_"  # tells the metrics by attribute from those by class
PAPER_METRICS = ("mean_accuracy", "mean_accuracy_tail", "cw_asd", "cw_arange")


def attribute_keys(values: Mapping[str, Value]) -> dict[str, Value]:
    """Return values about metrics by attribute under the keys of their descriptions."""
    return {f"{_ATTRIBUTE_PREFIX}{key}": value for key, value in values.items()}


def format_metric(value: float, metric: MetricDescription, sign: bool = False) -> str:
    """Format a metric as the paper writes it: 81.27% or 0.107; a change has a sign."""
    plus = "+" if sign else ""
    if metric.percent:
        return f"{100 * value:{plus}.2f}" + ("" if sign else "%")
    return f"{value:{plus}.3f}"


def format_interval(results: Evaluation | SpecimenResults, metric: MetricDescription) -> str:
    """Format the interval of a metric; "" if it has none."""
    return format_bounds(results.intervals.get(metric.key, ()), metric)


def format_bounds(bounds: Sequence[float], metric: MetricDescription) -> str:
    """Format the bounds of an interval; "" for none."""
    return " – ".join(format_metric(bound, metric) for bound in bounds)


def metric_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return every metric of an evaluation with its interval and its description."""
    return [
        metric._asdict()
        | {
            "value": format_metric(evaluation.figures[metric.key], metric),
            "interval": format_interval(evaluation, metric),
        }
        for metric in METRIC_DESCRIPTIONS
        if metric.key in evaluation.figures
    ]


def specimen_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return every metric by photo and by specimen, with intervals; none without specimens."""
    results = evaluation.by_specimen
    if results is None:
        return []
    names = {"accuracy": {"english": "Accuracy", "chinese": "准确率"}}  # not only over photos
    return [
        row
        | names.get(row["key"], {})
        | {
            "by_specimen": format_metric(results.figures[row["key"]], DESCRIPTION_OF[row["key"]]),
            "by_specimen_interval": format_interval(results, DESCRIPTION_OF[row["key"]]),
        }
        for row in metric_rows(evaluation)
    ]


def attribute_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return the metrics by attribute, with intervals and how many attributes; none without any."""
    results = evaluation.by_attribute
    if results is None:
        return []
    counts = {"mean_accuracy": len(results.pairs), "mean_accuracy_rare": results.rare_count}
    return [
        metric._asdict()
        | {
            "value": format_metric(value, metric),
            "interval": format_bounds(results.intervals.get(key, ()), metric),
            "count": counts[key],
        }
        for key, value in results.figures.items()
        for metric in (DESCRIPTION_OF[f"{_ATTRIBUTE_PREFIX}{key}"],)
    ]


def attribute_remark(evaluation: Evaluation) -> tuple[str, str] | None:
    """Return in both languages what is unknown about the attributes, if anything is."""
    results = evaluation.by_attribute
    if results is None:
        return None
    english, chinese = [], []
    if without := len(results.names) - results.photo_count:
        english.append(f"Photos without a known attribute, left out here: {without:,}.")
        chinese.append(f"没有属性的照片，此处未计入：{without:,} 张。")
    if any(pair.rare is None for pair in results.pairs):
        english.append(
            "The attributes of the training photos are unknown, so it is not known which are rare."
        )
        chinese.append("训练照片的属性未知，因此无法判断哪些属性少见。")
    return (" ".join(english), "".join(chinese)) if english else None


def few_photos_remark(names: Sequence[str]) -> tuple[str, str] | None:
    """Return what classes with few photos mean for the metrics, in both languages, if any."""
    if not names:
        return None
    english, chinese = first_names(names, 3)
    return (
        f"Fewer than {MIN_CLASS_PHOTOS} photos to evaluate on: {english}. One photo changes the "
        "accuracy of such a class a lot, so CwASD, CwARange, the lowest and the harmonic mean "
        "accuracy say little, and their intervals may miss the true values.",
        f"评估照片不足 {MIN_CLASS_PHOTOS} 张：{chinese}。一张照片就会使这些类别的准确率大幅变化，"
        "因此 CwASD、CwARange、最低与调和平均准确率参考价值有限，其区间也可能不含真实值。",
    )


def class_differences_remark(evaluation: Evaluation) -> tuple[str, str] | None:
    """Return how the classes of the photos differ from those of the model, in both languages."""
    differences = evaluation.class_differences
    if differences is None:
        return None
    english, chinese = [], []
    if differences.missing:
        count, names = len(differences.missing), first_names(differences.missing)
        total = len(evaluation.classes)
        english.append(
            f"Classes of the model without photos here ({count:,} of {total:,}): {names[0]}. They "
            "are left out of all metrics over classes, but the model may still answer them."
        )
        chinese.append(
            f"模型的 {total:,} 个类别中有 {count:,} 个在此没有照片，不计入各项按类别统计的指标，"
            f"但模型仍可能给出这些答案：{names[1]}。"
        )
    if differences.left_out:
        names = first_names([f"{name} ({n:,})" for name, n in differences.left_out.items()])
        english.append(f"Photos left out, since the model does not know the class: {names[0]}.")
        chinese.append(f"模型没有以下类别，其照片未计入：{names[1]}。")
    if differences.renamed:
        names = first_names([f"{old} → {new}" for old, new in differences.renamed.items()])
        english.append(f"Folders counted as the class of another name: {names[0]}.")
        chinese.append(f"按别名归入的文件夹：{names[1]}。")
    return " ".join(english), "".join(chinese)


def leakage_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return the main metrics with and without the photos that are copies of training photos."""
    without = evaluation.leakage.metrics if evaluation.leakage else {}
    return [
        metric._asdict()
        | {
            "value": format_metric(evaluation.figures[metric.key], metric),
            "without": format_metric(without[metric.key], metric),
        }
        for metric in METRIC_DESCRIPTIONS
        if metric.key in (*PAPER_METRICS, "accuracy")
        and metric.key in evaluation.figures
        and metric.key in without
    ]


def paper_rows(evaluation: Evaluation, against: Evaluation) -> list[dict[str, Any]]:
    """Return the metrics of the paper's table, their changes, and whether each is better."""
    rows = []
    for key in PAPER_METRICS:
        if not (key in evaluation.figures and key in against.figures):
            continue
        metric = DESCRIPTION_OF[key]
        before, after = against.figures[key], evaluation.figures[key]
        change = format_metric(after - before, metric, sign=True)
        verdict = "same"
        if float(change) != 0:
            verdict = "better" if (after > before) == metric.higher_is_better else "worse"
        rows.append(
            metric._asdict()
            | {
                "before": format_metric(before, metric),
                "before_interval": format_interval(against, metric),
                "after": format_metric(after, metric),
                "after_interval": format_interval(evaluation, metric),
                "change": change.replace("-", "−"),
                "verdict": verdict,
            }
        )
    return rows
