"""Proposes a pattern for `--group-by` where file names or folders seem to name specimens."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from mineral_recog.curation.findings import class_of
from mineral_recog.curation.specimens import FIELD, SpecimenPattern
from mineral_recog.data.readers.source import Source

# The first pattern wins where several are equally good. `.rf.` is in names from Roboflow, where
# several changed versions of one photo have names of their own.
PATTERNS = tuple(
    SpecimenPattern(FIELD + rest)
    for rest in ("/*", ".rf.*", "-*", "_*", " (*", " *", ".*.*", "[a-z].*")
)
HAVE_NEW_VIEWS = (f"{FIELD}/*", f"{FIELD}.rf.*")  # what follows the specimen need not recur
MIN_SPECIMENS = 4  # with several photos, in a class that supports a pattern
MIN_CLASS_SHARE = 0.5  # of the classes that must support it
MIN_PHOTO_SHARE = 0.5  # of the photos of a class that must have others of their specimen
MAX_SPECIMEN_SHARE = 0.3  # of the photos of a class, for its largest specimen
MAX_PHOTOS = 24  # median for a specimen: more are series, such as varieties or days
MAX_NEW_VIEWS = 0.5  # distinct views per photo: more are serial numbers, as cameras give them
_DATE = re.compile(r"(19|20)\d\d[-_.]?[01]\d[-_.]?[0-3]\d")


@dataclass(frozen=True)
class Proposal:
    """A pattern that may name the specimens of photos.

    Attributes:
        pattern: The pattern, for `--group-by`.
        photos: Number of photos that it puts together with others.
        specimens: Number of specimens that they would show.
        example: Photos of one of the specimens.
    """

    pattern: str
    photos: int
    specimens: int
    example: tuple[str, ...]


def propose_pattern(source: Source) -> Proposal | None:
    """Return the pattern that puts most photos together in a way that looks like specimens.

    Numbers that a camera gives, dates, and names that are the same for a whole class are no
    specimens. None is returned if no pattern suits most classes, or the source lists specimens.
    """
    if source.specimens:
        return None
    by_class = [list(paths) for _, paths in groupby(source.paths, class_of)]
    proposals = [_try_pattern(source, pattern, by_class) for pattern in PATTERNS]
    return max(filter(None, proposals), key=lambda one: one.photos, default=None)


def _try_pattern(
    source: Source, pattern: SpecimenPattern, by_class: Sequence[Sequence[str]]
) -> Proposal | None:
    """Return a pattern as a proposal if enough classes support it."""
    supported = []
    for paths in by_class:
        specimens = _specimens(source, pattern, paths)
        if specimens and _look_like_specimens(source, pattern, specimens, len(paths)):
            supported.append(specimens)
    if len(supported) < max(1, MIN_CLASS_SHARE * len(by_class)):
        return None
    several = [photos for specimens in supported for photos in specimens.values()]
    return Proposal(pattern.pattern, sum(map(len, several)), len(several), tuple(several[0]))


def _specimens(
    source: Source, pattern: SpecimenPattern, paths: Sequence[str]
) -> dict[str, list[str]]:
    """Return the photos of each specimen that has several in a class."""
    photos_of: dict[str, list[str]] = {}
    for path in paths:
        if specimen := pattern.specimen(source.path_in_class(path)):
            photos_of.setdefault(specimen, []).append(path)
    return {specimen: photos for specimen, photos in photos_of.items() if len(photos) > 1}


def _look_like_specimens(
    source: Source,
    pattern: SpecimenPattern,
    specimens: dict[str, list[str]],
    class_size: int,
) -> bool:
    """Return whether the groups of a class are small, many, and views of the same kinds."""
    sizes = [len(photos) for photos in specimens.values()]
    dates = sum(bool(_DATE.search(specimen)) for specimen in specimens)
    if (
        len(sizes) < MIN_SPECIMENS
        or sum(sizes) < MIN_PHOTO_SHARE * class_size
        or max(sizes) > MAX_SPECIMEN_SHARE * class_size
        or median(sizes) > MAX_PHOTOS
        or dates > len(sizes) / 2
    ):
        return False
    if pattern.pattern in HAVE_NEW_VIEWS:
        return True
    views = Counter(
        pattern.text_of(source.path_in_class(path)).rpartition(".")[0].removeprefix(specimen)
        for specimen, photos in specimens.items()
        for path in photos
    )
    return len(views) <= MAX_NEW_VIEWS * sum(sizes)
