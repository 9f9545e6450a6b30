"""The kinds of findings, in the order in which they are told, in both languages."""

from __future__ import annotations

from typing import NamedTuple

Text = dict[str, str]  # by language, en and zh


class Kind(NamedTuple):
    """What a kind is called, and what it means for the photos at hand."""

    label: Text
    why: Text


def _kind(english: str, chinese: str, why: str, why_chinese: str) -> Kind:
    return Kind({"en": english, "zh": chinese}, {"en": why, "zh": why_chinese})


KINDS = {
    "two_classes": _kind(
        "Copies under two classes", "同一图片属于两个类别",
        "The same picture bears two names; at most one is right. `prepare` sets aside all that "
        "you do not decide on.",
        "同一张图片有两个类名，至多一个正确。未作决定的，`prepare` 会全部搁置。",
    ),
    "doubted": _kind(
        "The model says otherwise", "模型有异议",
        "To the model given they hardly belong to their class; most doubtful first. It is wrong "
        "too at times, and does not doubt photos that it was trained on. Used as they are unless "
        "you drop or move them.",
        "所给的模型认为它们几乎不可能属于所在类别，最可疑的在前。模型有时也会出错，"
        "而且不会质疑训练时用过的照片。除非您剔除或移动，否则照常使用。",
    ),
    "far": _kind(
        "Unlike every class", "与所有类别都不像",
        "Strange to the model given: no mineral, one that it was not shown, or an odd photo; "
        "strangest first. Used unless you drop them.",
        "对所给的模型而言很陌生：不是矿物、模型没见过的矿物或不寻常的照片，最陌生的在前。"
        "除非您剔除，否则照常使用。",
    ),
    "exact": _kind(
        "Exact copies", "完全相同的文件",
        "The same bytes more than once. `prepare` lets them be in one split alone.",
        "文件内容完全相同。`prepare` 只让它们处于同一划分。",
    ),
    "near": _kind(
        "Near-copies", "近似重复",
        "The same picture, resized, compressed, cropped, mirrored or turned. `prepare` lets them "
        "be in one split alone.",
        "同一图片经缩放、压缩、裁剪、镜像或旋转。`prepare` 只让它们处于同一划分。",
    ),
    "unreadable": _kind(
        "Cannot be read", "无法读取",
        "Damaged, gone, out of reach or no photo. `prepare` skips them.",
        "文件损坏、已消失、无权限或不是照片。`prepare` 会跳过。",
    ),
    "cut_short": _kind(
        "Cut short", "文件不完整",
        "The file ends before the picture does, as after a broken download. `prepare` skips them.",
        "文件在图像结束前就断了，多因下载中断。`prepare` 会跳过。",
    ),
    "too_large": _kind(
        "Too many pixels", "像素过多",
        "More than is decoded without your leave. `prepare` skips them.",
        "像素数超过默认允许的上限。`prepare` 会跳过。",
    ),
    "other_content": _kind(
        "Something else inside", "内容不是可读的照片",
        "Not a photo of a format that can be read here; convert it to JPEG or remove it. "
        "`prepare` skips them.",
        "不是此处可读的照片格式；请转换为 JPEG 或移走。`prepare` 会跳过。",
    ),
    "misnamed": _kind(
        "Not what the name says", "与扩展名不符",
        "The file is of another format than its name says. It can be read and is used.",
        "文件格式与扩展名不同，但可以读取，照常使用。",
    ),
    "small": _kind(
        "Too small", "尺寸过小",
        "A side is less than half of what the network is shown. Used unless you drop it.",
        "有一边不到网络输入的一半。除非您剔除，否则照常使用。",
    ),
    "dark": _kind(
        "Too dark", "过暗",
        "Hardly a pixel is brighter than a sixth of white. Used unless you drop it.",
        "几乎没有像素亮于白色的六分之一。除非您剔除，否则照常使用。",
    ),
    "blurred": _kind(
        "Blurred", "模糊",
        "Not even its sharpest part has an edge (variance of the Laplacian). Used unless you drop "
        "it.",
        "最清晰的部分也没有边缘（拉普拉斯方差）。除非您剔除，否则照常使用。",
    ),
    "flat": _kind(
        "Flat", "画面平坦",
        "Nearly all of it is even colour: a placeholder, a logo or an empty frame. Used unless you "
        "drop it.",
        "几乎全是均匀颜色：占位图、徽标或空白画面。除非您剔除，否则照常使用。",
    ),
    "ribbon": _kind(
        "Odd proportions", "长宽比异常",
        "More than three times as long as wide: the network sees the middle alone. Used unless you "
        "drop it.",
        "长边超过短边三倍：网络只能看到中间部分。除非您剔除，否则照常使用。",
    ),
    "class_names": _kind(
        "Class names that may mean the same", "可能同义的类名",
        "Names that differ by case, spelling or language alone. They stay apart unless you merge "
        "them, here or with `--aliases minerals`.",
        "类名只在大小写、拼写或语言上不同。除非您在此合并或用 `--aliases minerals`，否则仍作为"
        "不同类别。",
    ),
    "class_text": _kind(
        "A class name that is no readable text", "类名不是可读的文字",
        "`prepare` refuses such a class: rename it.",
        "`prepare` 不接受这样的类别：请改名。",
    ),
    "link": _kind(
        "A link that is not followed", "未跟随的链接",
        "A folder that links elsewhere, or back to where it lies. What is behind it is not looked "
        "at.",
        "指向别处或指回上级的文件夹链接，其内容未检查。",
    ),
    "no_class": _kind(
        "In no class folder", "不在任何类别文件夹里",
        "These lie beside the class folders. `prepare` does not see them.",
        "这些照片与类别文件夹并列。`prepare` 看不到它们。",
    ),
}  # fmt: skip
