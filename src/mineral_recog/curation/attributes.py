"""Finds the attributes of photos, such as varieties, that a list gives."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from mineral_recog.data.readers.source import Source
from mineral_recog.data.splits import SplitPaths


@dataclass(frozen=True)
class AttributeReport:
    """How many attributes the used photos have.

    Attributes:
        attributes: Number of pairs of a class and an attribute.
        photos: Number of used photos with an attribute.
        others: Number of used photos without one.
    """

    attributes: int
    photos: int
    others: int


def find_attributes(source: Source, splits_of: Mapping[str, SplitPaths]) -> dict[str, str]:
    """Return the attribute of each used photo that has one, written in one way."""
    return {
        path: " ".join(unicodedata.normalize("NFC", source.attributes[path]).split())
        for splits in splits_of.values()
        for paths in splits.values()
        for path in paths
        if path in source.attributes
    }


def report_attributes(
    splits_of: Mapping[str, SplitPaths], attribute_of: Mapping[str, str]
) -> AttributeReport | None:
    """Count attributes and photos; None if no photo has an attribute.

    Args:
        splits_of: Photos of each split, by class.
        attribute_of: The result of `find_attributes`.
    """
    if not attribute_of:
        return None
    used = [
        (name, path)
        for name, splits in splits_of.items()
        for paths in splits.values()
        for path in paths
    ]
    pairs = {(name, attribute_of[path]) for name, path in used if path in attribute_of}
    return AttributeReport(len(pairs), len(attribute_of), len(used) - len(attribute_of))
