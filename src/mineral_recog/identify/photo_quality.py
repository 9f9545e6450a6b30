"""Warnings about photos that are too small, dark, blurred or blank to be identified well.

The limits are those of `audit`, see `photo_checks`. A photo that uses few of its bits has a warning
too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mineral_recog.data.bit_depth import FILE_BITS
from mineral_recog.data.images import Photo
from mineral_recog.duplicates.photo_checks import check_photo, is_blank
from mineral_recog.identify.fact_text import Text

# By the kind of a remark: what is wrong, and what to do about it.
PROBLEMS: dict[str, tuple[Text, Text]] = {
    "small": (
        {"en": "is too small ({detail} px)", "zh": "太小（{detail} 像素）"},
        {"en": "send a larger one", "zh": "请换一张更大的照片"},
    ),
    "dark": (
        {"en": "is too dark", "zh": "太暗"},
        {"en": "take another one in more light", "zh": "请在更亮的光线下重拍"},
    ),
    "blurred": (
        {"en": "is blurred", "zh": "模糊"},
        {"en": "take a sharp one", "zh": "请重拍一张清晰的照片"},
    ),
    "flat": (
        {"en": "is evenly coloured almost everywhere", "zh": "几乎没有细节"},
        {
            "en": "take a sharp one that the specimen fills",
            "zh": "请让标本占满画面，重拍清晰的照片",
        },
    ),
    "blank": (
        {"en": "is blank", "zh": "是空白的"},
        {"en": "take another one", "zh": "请重拍"},
    ),
}


def find_problems(photo: Photo, image_size: int) -> dict[str, str]:
    """Return the kinds of problems of an opened photo, each with its figure.

    Args:
        photo: The photo.
        image_size: Side of the model's input in pixels; photos of half of it are large enough.
    """
    remarks = check_photo(photo.image, photo.header)
    problems = {remark.kind: remark.detail for remark in remarks if remark.kind in PROBLEMS}
    if 2 * min(photo.header.width, photo.header.height) >= image_size:
        problems.pop("small", None)
    if is_blank(photo.image):
        problems = {kind: problems[kind] for kind in problems if kind == "small"} | {"blank": ""}
    return problems


def quality_warnings(photos: Sequence[Mapping[str, str]]) -> list[Text]:
    """Return a warning for each problem of each photo.

    Args:
        photos: Problems of each photo of a specimen, see `find_problems`.
    """
    warnings = []
    for number, problems in enumerate(photos, 1):
        which = f" {number}" if len(photos) > 1 else ""
        for kind, detail in problems.items():
            problem, advice = PROBLEMS[kind]
            warnings.append(
                {
                    "en": f"{'Photo' if which else 'The photo'}{which} "
                    f"{problem['en'].format(detail=detail)}: {advice['en']}.",
                    "zh": f"{'第' + which + ' 张照片' if which else '照片'}"
                    f"{problem['zh'].format(detail=detail)}：{advice['zh']}。",
                }
            )
    return warnings


def depth_warnings(used_bits: Iterable[int]) -> list[Text]:
    """Return a warning for each number of bits that is lower than that of the file."""
    return [
        {
            "en": f"A photo uses {bits} of {FILE_BITS} bits; its brightness was multiplied by "
            f"{2 ** (FILE_BITS - bits)} for the model.",
            "zh": f"有照片只用了 {FILE_BITS} 位中的 {bits} 位；送入模型前，亮度已乘以 "
            f"{2 ** (FILE_BITS - bits)}。",
        }
        for bits in sorted({bits for bits in used_bits if bits < FILE_BITS})
    ]
