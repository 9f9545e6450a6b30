"""What is installed: the base answers, serves and audits; the extra `train` does the rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mineral_recog.errors import MissingPackageError
from mineral_recog.i18n import tr
from mineral_recog.text import command_line

# Modules of the packages that only the extra `train` in pyproject.toml installs.
TRAINING_MODULES = frozenset(
    ["filelock", "matplotlib", "onnx", "onnxscript", "sklearn", "timm", "torch", "torchvision"]
)


@contextmanager
def training_packages() -> Iterator[None]:
    """Report a package that only the extra `train` installs in one line, if it is missing.

    Raises:
        MissingPackageError: A package of the extra is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        if name not in TRAINING_MODULES:
            raise
        command = command_line("pip", "install", "mineral-recog[train]")
        raise MissingPackageError(
            tr(
                f"This needs {name}, which is not installed: run {command}",
                f"此功能需要 {name}，尚未安装：请运行 {command}",
            )
        ) from None
