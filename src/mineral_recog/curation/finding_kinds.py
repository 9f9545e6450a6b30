"""The kinds of findings in the order of their report, with their texts in both languages."""

from __future__ import annotations

from typing import NamedTuple

BilingualText = dict[str, str]  # by language, en and zh


class FindingKind(NamedTuple):
    """The label of a kind of finding, and its meaning for the user's photos."""

    label: BilingualText
    why: BilingualText


def _kind(english: str, chinese: str, why: str, why_chinese: str) -> FindingKind:
    return FindingKind({"en": english, "zh": chinese}, {"en": why, "zh": why_chinese})


FINDING_KINDS = {
    "two_classes": _kind(
        "Copies under two classes", "同一图片属于两个类别",
        "The same picture is in two classes, of which at most one is right. `prepare` sets aside "
        "all copies that you neither decide on nor mark as no copies.",
        "同一张图片有两个类名，至多一个正确。既未作决定、也未标为并非重复的，"
        "`prepare` 会全部搁置。",
    ),
    "doubted": _kind(
        "The model says otherwise", "模型有异议",
        "For the given model, these photos hardly belong to their class; the least likely come "
        "first. The model is sometimes wrong, and does not doubt photos that it was trained on. "
        "They are used unless you drop or move them.",
        "所给的模型认为它们几乎不可能属于所在类别，最可疑的在前。模型有时也会出错，"
        "而且不会质疑训练时用过的照片。除非您剔除或移动，否则照常使用。",
    ),
    "far": _kind(
        "Unlike every class", "与所有类别都不像",
        "Unfamiliar to the given model: not a mineral, a mineral it was not trained on, or an "
        "unusual photo; the least familiar come first. They are used unless you drop them.",
        "对所给的模型而言很陌生：不是矿物、模型没见过的矿物或不寻常的照片，最陌生的在前。"
        "除非您剔除，否则照常使用。",
    ),
    "exact": _kind(
        "Exact copies", "完全相同的文件",
        "The same bytes more than once. `prepare` puts them into one split.",
        "文件内容完全相同。`prepare` 会把它们放入同一划分。",
    ),
    "near": _kind(
        "Near-copies", "近似重复",
        "The same picture, resized, compressed, cropped, mirrored or rotated. `prepare` puts them "
        "into one split.",
        "同一图片经缩放、压缩、裁剪、镜像或旋转。`prepare` 会把它们放入同一划分。",
    ),
    "unreadable": _kind(
        "Cannot be read", "无法读取",
        "Damaged, missing, not accessible or not a photo. `prepare` skips them.",
        "文件损坏、已消失、无权限或不是照片。`prepare` 会跳过。",
    ),
    "cut_short": _kind(
        "Cut short", "文件不完整",
        "The file ends before the picture does, often after an interrupted download. `prepare` "
        "skips them.",
        "文件在图像结束前就断了，多因下载中断。`prepare` 会跳过。",
    ),
    "too_large": _kind(
        "Too many pixels", "像素过多",
        "More pixels than are decoded by default. `prepare` skips them.",
        "像素数超过默认允许的上限。`prepare` 会跳过。",
    ),
    "other_content": _kind(
        "Not a readable photo", "内容不是可读的照片",
        "The file is not a photo in a readable format; convert it to JPEG or remove it. `prepare` "
        "skips them.",
        "文件不是可读格式的照片；请转换为 JPEG 或移走。`prepare` 会跳过。",
    ),
    "misnamed": _kind(
        "Not what the name says", "与扩展名不符",
        "The format of the file differs from its extension. It can be read and is used.",
        "文件格式与扩展名不同，但可以读取，照常使用。",
    ),
    "small": _kind(
        "Too small", "尺寸过小",
        "One side is shorter than half of the network's input. Used unless you drop it.",
        "有一边不到网络输入的一半。除非您剔除，否则照常使用。",
    ),
    "dark": _kind(
        "Too dark", "过暗",
        "Almost no pixel is brighter than a sixth of white. Used unless you drop it.",
        "几乎没有像素亮于白色的六分之一。除非您剔除，否则照常使用。",
    ),
    "bit_depth": _kind(
        "Uses fewer bits than the file has", "位深未用满",
        "The values of the photo fit into 12 of 16 bits, for example: many cameras and microscopes "
        "write such files. They are scaled by the bits that are used; otherwise the photo would be "
        "nearly black. Used unless you drop it.",
        "照片的数值只占用例如 16 位中的 12 位：许多相机和显微镜写出这样的文件。读取时按实际使用的"
        "位数缩放，否则照片几乎全黑。除非您剔除，否则照常使用。",
    ),
    "blurred": _kind(
        "Blurred", "模糊",
        "Even its sharpest part has no edges (variance of the Laplacian). Used unless you drop "
        "it.",
        "最清晰的部分也没有边缘（拉普拉斯方差）。除非您剔除，否则照常使用。",
    ),
    "flat": _kind(
        "Flat", "画面平坦",
        "Almost all of it is evenly coloured: a placeholder, a logo or an empty frame. Used unless "
        "you drop it.",
        "几乎全是均匀颜色：占位图、徽标或空白画面。除非您剔除，否则照常使用。",
    ),
    "ribbon": _kind(
        "Odd proportions", "长宽比异常",
        "More than three times as long as wide: the network sees only the middle. Used unless you "
        "drop it.",
        "长边超过短边三倍：网络只能看到中间部分。除非您剔除，否则照常使用。",
    ),
    "class_names": _kind(
        "Class names that may mean the same", "可能同义的类名",
        "Names that differ only in case, spelling or language. They stay separate classes unless "
        "you merge them, here or with `--aliases minerals`.",
        "类名只在大小写、拼写或语言上不同。除非您在此合并或用 `--aliases minerals`，否则仍作为"
        "不同类别。",
    ),
    "class_text": _kind(
        "Class name is not readable text", "类名不是可读的文字",
        "`prepare` refuses such a class: rename it.",
        "`prepare` 不接受这样的类别：请改名。",
    ),
    "link": _kind(
        "A link that is not followed", "未跟随的链接",
        "A link to a folder elsewhere, or to a parent folder. The linked folder is not checked.",
        "指向别处或指回上级的文件夹链接，其内容未检查。",
    ),
    "no_class": _kind(
        "Not in a class folder", "不在任何类别文件夹里",
        "These photos are next to the class folders. `prepare` ignores them.",
        "这些照片与类别文件夹并列。`prepare` 会忽略它们。",
    ),
}  # fmt: skip
