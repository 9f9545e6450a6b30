"""Programs that some tests need and some machines lack."""

from __future__ import annotations

import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NODE = shutil.which("node")
NEEDS_CHROMIUM = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
NEEDS_NODE = pytest.mark.skipif(NODE is None, reason="node is not installed")
