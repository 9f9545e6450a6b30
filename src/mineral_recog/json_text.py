"""JSON that was written elsewhere."""

from __future__ import annotations

import json
from typing import Any

from mineral_recog.language import tr


def parse_json(text: str | bytes) -> Any:
    """What a JSON text holds.

    Raises:
        ValueError: it is none, or is nested deeper than can be read.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(tr("nested too deeply", "嵌套过深")) from None
