"""Style and output of all plots: fonts for any script, names drawn literally, PNG and SVG."""

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font

from mineral_recog.files import atomic_file
from mineral_recog.i18n import tr

INK = "#222B33"
_LATIN = ("Arial", "Helvetica", "Liberation Sans", "DejaVu Sans")
_CJK = (
    *(f"{maker} {region}" for region in ("SC", "JP", "TC", "HK", "KR") for maker in
      ("Noto Sans CJK", "Source Han Sans")),
    *("Source Han Sans CN", "Microsoft YaHei", "PingFang SC", "Hiragino Sans GB", "Heiti SC"),
    *("SimHei", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Arial Unicode MS"),
    *("Noto Sans SC", "Source Han Sans", "DengXian", "SimSun", "Songti SC", "STHeiti"),
    *("Noto Serif CJK SC", "Noto Serif CJK JP", "Droid Sans Fallback", "AR PL UMing CN"),
)  # fmt: skip
_CJK_SCRIPTS = ("CJK ", "HIRAGANA", "KATAKANA", "HANGUL")  # in Unicode names of characters
_MAX_NAME_LENGTH = 30


def save(figure: Figure, path: Path) -> None:
    """Write the figure to `path` atomically, as a PNG of 160 dots per inch."""
    with atomic_file(path) as partial, style():
        figure.savefig(partial, format="png", dpi=160, metadata={"Software": None})


def as_svg(figure: Figure) -> str:
    """Return the figure as an <svg> element, deterministic; the browser draws its text.

    Names are literal even if the installed fonts cannot draw them: those of the reader may.
    """
    target = StringIO()
    no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with style():
        figure.savefig(target, format="svg", dpi=150, metadata=no_metadata)  # dpi of raster parts
    svg = target.getvalue()
    return re.sub(r"\\u([0-9a-f]{4})|\\U([0-9a-f]{8})", _unescaped, svg[svg.index("<svg") :])


@contextmanager
def style() -> Iterator[None]:
    """Set the style of all plots; saving needs it too, since matplotlib reads parts of it late."""
    settings: dict[Any, Any] = {
        "font.family": list(_fonts()), "font.size": 9, "text.parse_math": False,
        "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": "#8A949C",
        "xtick.color": INK, "ytick.color": INK, "axes.titlesize": 10, "axes.titleweight": "bold",
        "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True,
        "axes.unicode_minus": False, "legend.frameon": False, "legend.fontsize": 8.5,
        "hatch.linewidth": 0.5, "svg.fonttype": "none", "svg.hashsalt": "mineral-recog",
    }  # fmt: skip
    with matplotlib.rc_context(settings):
        yield


@cache
def _fonts() -> tuple[str, ...]:
    """Return the installed sans-serif fonts: all Latin ones, then one CJK font.

    matplotlib keeps a list of fonts from its first run. If that has no CJK font, fonts installed
    since are added to it.
    """
    installed = {font.name for font in font_manager.fontManager.ttflist}
    if installed.isdisjoint(_CJK):
        _add_new_fonts()
        installed = {font.name for font in font_manager.fontManager.ttflist}
    latin = [name for name in _LATIN if name in installed]
    return *latin, *[name for name in _CJK if name in installed][:1]


def _add_new_fonts() -> None:
    """Add the fonts of the system that matplotlib does not know, for this process."""
    known = {font.fname for font in font_manager.fontManager.ttflist}
    for file in sorted(set(font_manager.findSystemFonts()) - known):
        with suppress(OSError, RuntimeError, ValueError):  # not every font file can be read
            font_manager.fontManager.addfont(file)


def font_notice(names: Iterable[str]) -> str | None:
    """Return what to install if a name has CJK characters that no font can draw, else None."""
    for char in "".join(names):
        if ord(char) not in _glyphs() and unicodedata.name(char, "").startswith(_CJK_SCRIPTS):
            code = ascii(char)[1:-1]
            return tr(
                f"No installed font can draw {char}, so that PNG plots show codes such as {code}: "
                "install a font, such as the package fonts-noto-cjk of Debian and Ubuntu, and run "
                "the command again. The pages are not affected.",
                f"已安装的字体都没有“{char}”等字，PNG 图片中会显示 {code} 之类的代码："
                "请安装中文字体（Debian 与 Ubuntu 的软件包为 fonts-noto-cjk），再重新运行。"
                "网页不受影响。",
            )
    return None


@cache
def _glyphs() -> frozenset[int]:
    """Return the code points that these fonts can draw."""
    files = (font_manager.findfont(name) for name in _fonts())
    return frozenset(code for file in files for code in FT2Font(file).get_charmap())


def drawable(name: str) -> str:
    """Return a name cut to fit, in which undrawable characters are Python escapes."""
    if len(name) > _MAX_NAME_LENGTH:
        name = name[: _MAX_NAME_LENGTH - 1] + "…"
    name = re.sub(r"\\(?=[uU])", r"\\u005c", name)  # then only escapes look like escapes
    return "".join(
        char if ord(char) in _glyphs() and char.isprintable() else ascii(char)[1:-1]
        for char in name
    )


def _unescaped(match: re.Match[str]) -> str:
    """Return the character of an escape where XML allows it; XML has no lone surrogates."""
    char = chr(int(match[1] or match[2], 16))
    return html.escape(char) if char.isprintable() else match[0]
