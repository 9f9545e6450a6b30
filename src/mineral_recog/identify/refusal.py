"""Why an answer is "none of these": the photo shows no mineral, or one that is unknown."""

from __future__ import annotations

from typing import Literal

from mineral_recog.identify.fact_text import Text

Reason = Literal["no_mineral", "unknown_mineral"]


def refusal_text(reason: Reason, class_count: int) -> Text:
    """Return a sentence that says why none of the classes of a model is the answer."""
    if reason == "no_mineral":
        return {
            "en": "This does not look like a photo of a mineral.",
            "zh": "这看起来不像矿物照片。",
        }
    return {
        "en": f"Probably none of the {class_count} minerals that this model knows.",
        "zh": f"很可能不是本模型认识的 {class_count} 种矿物。",
    }
