"""Text: made safe to show or write, parsed as JSON, and formatted."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterable
from typing import Any

from mineral_recog.i18n import tr

MAX_LINE = 160  # characters of a foreign reason inside a message


def printable(text: str) -> str:
    """Replace control characters and all other invisible ones by their Python escapes.

    Names of files and classes may contain line breaks and terminal control sequences.
    """
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def encodable(path: str) -> str:
    """Return a path that can be encoded as UTF-8, for files and pages.

    Bytes that are not UTF-8 become the escapes \\udc80 to \\udcff.
    """
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


def natural_order(names: Iterable[str]) -> list[str]:
    """Return names in order, with digits by their value: 2 before 10.

    Names without digits are in the order that `sorted` gives.
    """

    def key(name: str) -> tuple[list[tuple[str, int, str]], str]:
        parts = []
        for number, character in re.findall(r"([0-9]+)|([^0-9])", name):
            digits = number.lstrip("0")
            # Of two numbers the longer one is larger. No `int`, which refuses very long ones.
            parts.append((character or "0", len(digits), digits))
        return parts, name

    return sorted(names, key=key)


def one_line(text: str) -> str:
    """Return a text on one line; one of more than 160 characters is cut, if possible at a space."""
    line = " ".join(text.split())
    if len(line) <= MAX_LINE:
        return line
    cut = line[: MAX_LINE - 2]
    words = cut.rpartition(" ")[0]
    # Chinese and paths have no spaces to cut at.
    return f"{words if len(words) > MAX_LINE // 2 else cut} …"


def command_line(*words: object) -> str:
    """Return a command line that the shell of this system splits into these words again."""
    texts = list(map(str, words))
    return subprocess.list2cmdline(texts) if os.name == "nt" else shlex.join(texts)


def parse_json(text: str | bytes) -> Any:
    """Parse JSON text.

    Raises:
        ValueError: The text is not JSON, or is nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(tr("nested too deeply", "嵌套过深")) from None


def format_duration(seconds: float) -> str:
    """Format a duration as 4:05 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
