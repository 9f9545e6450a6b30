"""Errors that a user can correct: what is wrong, where, and what to do next."""

import errno
import json
import re

from mineral_recog.i18n import is_chinese, tr
from mineral_recog.text import printable

_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an error means that memory ran out.

    torch's own errors are recognised by their texts, so that torch need not be imported.
    """
    return isinstance(error, MemoryError) or any(text in str(error) for text in _OUT_OF_MEMORY)


class UserError(Exception):
    """Something that the user must change, reported in one line without a traceback.

    The message says what is wrong, where, and what to do. The command line prints it and exits
    with status 2. Any other exception that reaches the command line is a bug of this program.
    """

    def __init__(self, message: str) -> None:
        lines = filter(None, map(str.strip, message.split("\n")))
        super().__init__(printable(" ".join(lines)))


class DataError(UserError):
    """Photos, folders, lists or splits cannot be used."""


class RecipeError(UserError):
    """A recipe or one of its settings is wrong."""


class BundleError(UserError):
    """A trained model is missing, is damaged, or does not match."""


class OutputExistsError(UserError):
    """An output exists, or its location is not allowed."""


class MissingPackageError(UserError):
    """A package that only the extra `train` installs is missing."""


# Why a file cannot be read or written: by the number of the system, or by the English text of
# Python, Pillow or safetensors, in which a group is a figure.
_CHINESE_SYSTEM_REASONS = {
    errno.ENOENT: "文件或文件夹不存在",
    errno.EACCES: "没有权限",
    errno.EPERM: "没有权限",
    errno.EROFS: "文件系统为只读",
    errno.EISDIR: "是文件夹，不是文件",
    errno.ENOTDIR: "路径的上级不是文件夹",
    errno.EEXIST: "已存在",
    errno.ENOSPC: "磁盘已满",
    errno.EIO: "读写出错",
    errno.ENAMETOOLONG: "名称过长",
    errno.EMFILE: "打开的文件过多",
    errno.ELOOP: "符号链接循环",
    errno.EADDRINUSE: "端口已被占用",
    errno.EADDRNOTAVAIL: "本机没有此地址",
}
_CHINESE_REASONS = (
    (r"image file is truncated \((\d+) bytes not processed\)", "数据提前结束，{} 字节未解码"),
    (r"image file is truncated|Truncated File Read|[Tt]runcated .*", "数据提前结束"),
    (r"cannot identify image file.*", "不是可识别的图片"),
    (r"(broken|unrecognized) data stream.*", "图像数据已损坏"),
    (r"could not create decoder object", "图像数据无法解码"),
    (r"No such file or directory.*", "文件或文件夹不存在"),
    (r"Permission denied.*", "没有权限"),
    (r"Is a directory.*", "是文件夹，不是文件"),
    (r"Expecting value", "缺少值"),
    (r"Expecting property name enclosed in double quotes", "键须用双引号括起"),
    (r"Expecting '?(.)'? delimiter", "缺少 {}"),
    (r"Extra data", "末尾有多余内容"),
    (r"Unterminated string starting at", "字符串没有结束"),
    (r"Invalid control character at", "含有控制字符"),
    (r"Invalid \\.*escape.*", "转义无效"),
    (r"Unexpected UTF-8 BOM.*", "不是 UTF-8 文本"),
    (r"'utf-8' codec can't decode .*", "不是 UTF-8 文本"),
    (r"Error while deserializing header.*", "文件头已损坏"),
)


def reason_of(error: BaseException) -> str:
    """Return on one line why a file cannot be read or written, in the user's language."""
    if is_chinese() and isinstance(error, OSError) and error.errno in _CHINESE_SYSTEM_REASONS:
        return _CHINESE_SYSTEM_REASONS[error.errno]
    if is_chinese() and isinstance(error, json.JSONDecodeError):
        return f"{translate_reason(error.msg)}：第 {error.lineno} 行第 {error.colno} 列"
    if isinstance(error, MemoryError):
        return tr("out of memory", "内存不足")
    text = re.sub(r" <[^<>]* object at \w+>", "", str(error))  # Pillow's words for BytesIO
    return translate_reason(" ".join(text.split())) or type(error).__name__


def translate_reason(english: str) -> str:
    """Return a reason of Python or a library in the user's language; a rare one stays English."""
    if is_chinese():
        for pattern, chinese in _CHINESE_REASONS:
            if match := re.fullmatch(pattern, english):
                return chinese.format(*match.groups())
    return english
