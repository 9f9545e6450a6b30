"""Why pydantic refuses a value, in the user's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mineral_recog.i18n import tr

# By pydantic's type of the error; a text in braces is a value of the error's context.
CHINESE_REASONS = {
    "missing": "缺少此项",
    "extra_forbidden": "未知的键",
    "int_type": "须为整数",
    "int_parsing": "须为整数",
    "int_parsing_size": "整数过大",
    "int_from_float": "须为整数",
    "float_type": "须为数",
    "float_parsing": "须为数",
    "finite_number": "须为有限的数",
    "bool_type": "须为 true 或 false",
    "bool_parsing": "须为 true 或 false",
    "string_type": "须为文字",
    "string_too_long": "最多 {max_length} 个字符",
    "string_too_short": "至少 {min_length} 个字符",
    "string_unicode": "须为有效的 Unicode 文字",
    "literal_error": "须为 {expected}",
    "enum": "须为 {expected}",
    "greater_than": "须大于 {gt}",
    "greater_than_equal": "须不小于 {ge}",
    "less_than": "须小于 {lt}",
    "less_than_equal": "须不大于 {le}",
    "list_type": "须为列表",
    "tuple_type": "须为列表",
    "dict_type": "须为键值对",
    "model_type": "须为键值对",
    "model_attributes_type": "须为键值对",
    "too_short": "至少 {min_length} 项",
    "too_long": "最多 {max_length} 项",
    "json_invalid": "不是有效的 JSON",
    "json_type": "须为 JSON",
}


def reason(error: Mapping[str, Any]) -> str:
    """Return why a value is refused.

    Args:
        error: An entry of `errors()` of a pydantic `ValidationError`.
    """
    english = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] not in CHINESE_REASONS:
        return english  # of a validator of our own, which writes in the user's language
    expected = (
        str(error.get("ctx", {}).get("expected", "")).replace(" or ", ", ").replace(", ", "、")
    )
    chinese = CHINESE_REASONS[error["type"]]
    return tr(english, chinese.format_map({**error.get("ctx", {}), "expected": expected}))


def reason_with_place(error: Mapping[str, Any]) -> str:
    """Return the path of a refused value, such as `classes.2`, and why it is refused."""
    return ": ".join(filter(None, (".".join(map(str, error["loc"])), reason(error))))
