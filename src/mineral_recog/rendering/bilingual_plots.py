"""Plots of pages, as SVG with their words in English and Chinese."""

import re

from markupsafe import Markup
from matplotlib.figure import Figure

from mineral_recog.rendering.plot_style import as_svg

_PLOT_WORDS = {
    "Predicted class": "预测类别", "True class": "真实类别",
    "Share of the true class": "占真实类别的比例", "head classes": "头部类别",
    "medium classes": "中部类别", "tail classes": "尾部类别", "head": "头部", "medium": "中部",
    "tail": "尾部", "Training photos (log scale)": "训练照片数（对数刻度）", "Accuracy": "准确率",
    "Training loss": "训练损失", "Accuracy on validation photos": "验证集准确率",
    "mean over classes": "按类别平均", "over photos": "按照片平均", "Epoch": "训练轮次",
    "Training photos": "训练照片数", "Mean accuracy, all classes": "平均准确率（全部类别）",
    "Mean accuracy, tail classes": "平均准确率（尾部类别）", "Training time (s)": "训练用时（秒）",
    "Training time (min)": "训练用时（分钟）", "Training time (h)": "训练用时（小时）",
    "All photos": "全部照片", "Photos of tail classes": "尾部类别的照片",
    "Predicted probability": "预测概率", "Share that is correct": "实际正确的比例",
    "Classes, most training photos first": "类别（按训练照片从多到少）",
    "mean of neighbours": "相邻类别的平均",
    "Photos": "照片数", "before calibration": "校准前", "after calibration": "校准后",
}  # fmt: skip


def bilingual(figure: Figure) -> Markup:
    """Return a plot as SVG with its labels in both languages, of which the page shows one."""

    def add_chinese(match: re.Match[str]) -> str:
        english = match[1]
        if english not in _PLOT_WORDS:
            return match[0]
        return (
            f'><tspan class="en">{english}</tspan>'
            f'<tspan class="zh" lang="zh">{_PLOT_WORDS[english]}</tspan></text>'
        )

    return Markup(re.sub(r">([^<>]+)</text>", add_chinese, as_svg(figure)))
