"""The classes that a model knows, with their facts, and the words for evidence, as JSON values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from mineral_recog.identify.evidence import Evidence
from mineral_recog.identify.taxon import Taxon, class_names
from mineral_recog.minerals.facts import Mineral
from mineral_recog.minerals.vocabularies import VOCABULARIES


def known_minerals(
    model: str,
    classes: Sequence[str],
    taxa: Sequence[Taxon | None],
    minerals: Sequence[Mineral | None],
) -> dict[str, Any]:
    """Return the classes with their facts, and the words for evidence in both languages.

    Args:
        model: Fingerprint of the model.
        classes: Names of the C classes.
        taxa: Mineral or group that each class is named after, [C]; None if it is none.
        minerals: Mineral of each class, [C]; None if the table of minerals lacks it.
    """
    described = [
        {
            "class": name,
            "names": class_names(name, taxon),
            "mineral": None if mineral is None else mineral.facts(),
        }
        for name, taxon, mineral in zip(classes, taxa, minerals, strict=True)
    ]
    words = {
        test.name: [
            {"en": english, "zh": chinese} for english, chinese in VOCABULARIES[test.name].items()
        ]
        for test in fields(Evidence)
        if test.name in VOCABULARIES and test.name != "acid"  # its outcome is yes or no
    }
    return {"model": model, "classes": described, "words": words}
