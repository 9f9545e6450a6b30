"""Self-contained HTML pages in English and Chinese."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from mineral_recog.files import atomic_file
from mineral_recog.i18n import is_chinese

_SPLIT_NAMES = {
    "test": ("test", "测试集"),
    "test_balanced": ("attribute-balanced test", "按属性均衡的测试集"),
    "val": ("validation", "验证集"),
    "train": ("training", "训练集"),
}


def write_page(path: Path, template: str, context: dict[str, Any]) -> None:
    """Render a template and write the page atomically; all text is escaped.

    Args:
        path: File to write.
        template: Package and file name of the template, such as `evaluation/report.html`.
        context: Values that the template shows.

    Raises:
        OSError: `path` cannot be written.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, loader=PackageLoader("mineral_recog", "")
    )
    defaults = {"language": "zh" if is_chinese() else "en", "split_names": _SPLIT_NAMES}
    text = environment.get_template(template).render(defaults | context)
    with atomic_file(path) as partial:
        # A file name that is not UTF-8 has surrogates in Python, which UTF-8 cannot encode.
        partial.write_bytes(text.encode("utf-8", "backslashreplace"))
