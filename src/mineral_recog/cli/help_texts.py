"""Help and usage errors of the commands in the user's language; typer's own texts are English."""

from __future__ import annotations

import re
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from mineral_recog.i18n import is_chinese, tr
from mineral_recog.validation import reason

# By the name of the constant in typer's module that formats help.
_CHINESE_HELP = {
    "ARGUMENTS_PANEL_TITLE": "参数",
    "OPTIONS_PANEL_TITLE": "选项",
    "COMMANDS_PANEL_TITLE": "命令",
    "REQUIRED_LONG_STRING": "[必填]",
    "DEFAULT_STRING": "[默认：{}]",
    "ENVVAR_STRING": "[环境变量：{}]",
}
# Usage errors by the English text that typer gives them, which holds what no attribute does.
_CHINESE_ERRORS = (
    (r"No such command (.+?)\.(?: Did you mean (.+)\?)?", ("没有命令 {0}", "（是否指 {0}？）")),
    (r"Option (.+) requires an argument\.", ("选项 {0} 需要一个值",)),
    (r"Option (.+) does not take a value\.", ("选项 {0} 不接受值",)),
    (r"Got unexpected extra arguments?(?:\(s\))? \((.+)\)", ("多余的参数：{0}",)),
)


class Command(TyperCommand):
    """A command with its help in the user's language."""

    def get_usage(self, ctx: Any) -> str:
        """Return the line that shows how to call the command."""
        return _translate_usage(super().get_usage(ctx))

    def get_help_option(self, ctx: Any) -> Any:
        """Return the option --help."""
        return _translate_option(super().get_help_option(ctx))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help."""
        _translate_help()
        super().format_help(ctx, formatter)


class Group(TyperGroup):
    """All commands, with their help in the user's language."""

    def get_usage(self, ctx: Any) -> str:
        """Return the line that shows how to call a command."""
        return _translate_usage(super().get_usage(ctx))

    def get_help_option(self, ctx: Any) -> Any:
        """Return the option --help."""
        return _translate_option(super().get_help_option(ctx))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help."""
        _translate_help()
        super().format_help(ctx, formatter)


def _translate_usage(usage: str) -> str:
    return usage.replace("Usage:", tr("Usage:", "用法："), 1)


def _translate_option(option: Any) -> Any:
    if option is not None and is_chinese():
        option.help = "显示此帮助并退出。"
    return option


def _translate_help() -> None:
    """Translate the fixed texts of the module that formats help."""
    if is_chinese():
        from typer import rich_utils  # takes a tenth of a second

        for name, text in _CHINESE_HELP.items():
            setattr(rich_utils, name, text)


def describe_usage_error(error: typer.TyperException) -> str:
    """Return what is wrong with a command line."""
    text = error.format_message().replace("Value error, ", "")  # of pydantic
    if not is_chinese():
        return f"{text.removesuffix('.')}. See --help."
    return f"{_in_chinese(error, text)}。请看 --help。"


def _in_chinese(error: typer.TyperException, english: str) -> str:
    parameter = getattr(error, "param", None)
    if parameter is not None:
        hint = parameter.get_error_hint().strip("'")
        if type(error).__name__ == "MissingParameter":
            return f"缺少 {hint}"
        return f"{hint} 的值无效：{_reason_of_value(error)}"
    if option := getattr(error, "option_name", None):
        similar = "、".join(sorted(getattr(error, "possibilities", None) or ()))
        if english.startswith("No such option"):
            return f"没有选项 {option}" + (f"（是否指 {similar}？）" if similar else "")
    for pattern, parts in _CHINESE_ERRORS:
        if match := re.fullmatch(pattern, english):
            found = [group for group in match.groups() if group]
            return "".join(part.format(text) for part, text in zip(parts, found, strict=False))
    return english


def _reason_of_value(error: typer.TyperException) -> str:
    """Return why a value is refused; pydantic checks most of them."""
    if choice := re.fullmatch(r"(?:Value error, )?.+ is not one of (.+)\.", str(error)):
        return f"须为 {choice[1].replace(', ', '、')} 之一"
    errors = getattr(error.__cause__, "errors", None)
    return reason(errors()[0]) if errors is not None else str(error)
