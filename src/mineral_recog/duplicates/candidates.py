"""Which photos may be copies: an index of the signs of low frequencies.

Each photo is looked up as 36 crops of it, and without its plain border. In the index it stands
whole and without its border, under the 8 turns. All are 63 signs of a cosine transform (as the
perceptual hash of Zauner, "Implementation and benchmarking of perceptual image hash functions",
2010). Each of 8 tables holds a key of some of the 36 lowest (locality-sensitive hashing: Indyk and
Motwani, "Approximate nearest neighbors", 1998), and is asked as well with the signs changed that
are least sure (Lv et al., "Multi-probe LSH", 2007).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mineral_recog.duplicates.crops import FREQUENCIES, TURNS, spectra
from mineral_recog.duplicates.fingerprints import Array

TABLES, UNSURE = 8, 3
LOW = 36  # signs that keys are made of
KEY_BITS = 14, 22  # signs in a key: fewest and most; as many as leave most keys without entries
FAR = 10  # signs that differ, of 63; one more finds a few more crops in a third more time
CHUNK = 256  # pictures whose signs are found at a time
MOST_IN_BUCKET = 128  # of the entries with one key; the first stand for all
MOST_PARTNERS = 64  # of a photo, the nearest

_down, _across = np.mgrid[:FREQUENCIES, :FREQUENCIES]
# Low first; last the mean, whose sign is always the same.
_ORDER = np.roll(np.argsort((_down + _across).ravel(), kind="stable"), -1)
_ONES = np.array([number.bit_count() for number in range(2**16)], np.uint8)
_NOWHERE = 2**40  # beyond any key
Integers = NDArray[np.int64]
Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class Candidates:
    """Pairs of pictures that may show the same, and how: integers of one length.

    Attributes:
        first: number of the picture that is looked up.
        crop: the part of it that may be the second, a number into CROPS.
        second: number of the picture it may be.
        turn: of the second, a number into TURNS.
    """

    first: Integers
    crop: Integers
    second: Integers
    turn: Integers

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, some: slice | Integers) -> Candidates:
        return Candidates(self.first[some], self.crop[some], self.second[some], self.turn[some])


class CandidateIndex:
    """Pictures under the 8 turns, by parts of their signs; may be asked from several threads.

    Args:
        pictures: grey, with structure, [M, 32, 32], M > 0.
        photos: which photo each shows, [M], ascending; a second one of a photo is without its
            border.
    """

    def __init__(self, pictures: NDArray[np.uint8], photos: Integers) -> None:
        self.pictures, self.photos = pictures, photos
        self.inner = np.diff(photos, prepend=-1) == 0
        chunks = (pictures[k : k + CHUNK] for k in range(0, len(pictures), CHUNK))
        parts = [_under_turns(spectra(chunk, cropped=False)[:, :, 0]) for chunk in chunks]
        self.hashes = np.concatenate(parts, axis=1).ravel()
        bits = np.clip(1 + math.ceil(math.log2(len(self.hashes))), *KEY_BITS)
        choose = np.random.default_rng(0)  # which signs make a key; any choice does
        self.keys = [_Key(np.sort(choose.permutation(LOW)[:bits])) for _ in range(TABLES)]
        dozens = _dozens(self.hashes)
        self.tables = [_Table(key.of(dozens), 2**bits) for key in self.keys]

    def look_up(self, start: int, end: int) -> Candidates:
        """What may show the same as the pictures from `start` on and before `end`."""
        inner = start + np.flatnonzero(self.inner[start:end])
        whole = start + np.flatnonzero(~self.inner[start:end])
        met = [self._met(whole, cropped=True), self._met(inner, cropped=False)]
        first, crop, entry, apart = (np.concatenate(column) for column in zip(*met, strict=True))
        turn, second = np.divmod(entry, len(self.pictures))
        best = _best(self.photos[first], self.photos[second], apart)
        return Candidates(first[best], crop[best], second[best], turn[best])

    def _met(
        self, numbers: Integers, cropped: bool
    ) -> tuple[Integers, Integers, Integers, Integers]:
        """Entries near pictures: numbers and crops of these, the entries, the signs that differ."""
        views = spectra(self.pictures[numbers], cropped)
        views = views.reshape(FREQUENCIES**2, views[0, 0].size)[_ORDER]
        hashes, unsure = _packed(views > 0), _least_sure(views[:LOW])
        dozens, found = _dozens(hashes), []
        for key, table in zip(self.keys, self.tables, strict=True):
            query, entry = table.entries(_probes(key.of(dozens), key.changes.take(unsure)))
            apart = _differing(hashes[query], self.hashes[entry])
            near = np.flatnonzero(apart <= FAR)
            found.append(np.stack([query[near], entry[near], apart[near]]))
        query, entry, apart = np.concatenate(found, axis=1)
        crop, place = np.divmod(query, max(1, len(numbers)))
        return numbers[place], crop, entry, apart


class _Key:
    """A number made of some of the signs in a hash.

    Args:
        chosen: places of these signs, ascending.

    Attributes:
        changes: what another sign adds to the number, [2 * LOW]: of signs that are not set, then
            of signs that are; `_NOWHERE` for those that are not in it.
    """

    def __init__(self, chosen: Integers) -> None:
        value = np.zeros(LOW, np.int64)
        value[chosen] = 1 << np.arange(len(chosen))
        self.changes = np.concatenate([value, -value])
        self.changes[self.changes == 0] = _NOWHERE
        set_signs = np.arange(2**12)[:, None] >> np.arange(12) & 1
        self._of_dozen = value.reshape(-1, 12) @ set_signs.T

    def of(self, dozens: list[Integers]) -> Integers:
        """The numbers for hashes, given as by `_dozens`."""
        parts = [part.take(dozen) for part, dozen in zip(self._of_dozen, dozens, strict=True)]
        number: Integers = np.bitwise_or.reduce(parts)
        return number


class _Table:
    """Entries by their keys.

    Args:
        keys: of the entries, [E].
        many: keys that there are.
    """

    def __init__(self, keys: Integers, many: int) -> None:
        count = np.bincount(keys, minlength=many + 1)
        self.taken = count > 0  # a byte a key: most keys asked for are not, and this is cached
        self.begins = (np.cumsum(count) - count).astype(np.int32)
        # Numbers are sorted several times as fast as their places.
        self.order = (np.sort(keys << 32 | np.arange(len(keys))) & 0x7FFFFFFF).astype(np.int32)

    def entries(self, asked: Integers) -> tuple[Integers, NDArray[np.int32]]:
        """Entries with the keys asked for.

        Args:
            asked: keys of queries, [P, Q]; those beyond the last key have no entries.

        Returns:
            Numbers of queries, below Q, and an entry each.
        """
        place = np.flatnonzero(self.taken.take(asked, mode="clip"))
        key = asked.ravel()[place]
        begin = self.begins[key]
        count = np.minimum(self.begins[key + 1] - begin, MOST_IN_BUCKET)
        ends = np.cumsum(count)
        within = np.arange(count.sum()) - np.repeat(ends - count - begin, count)
        query = place - place // max(1, asked.shape[1]) * asked.shape[1]  # half the time of %
        return np.repeat(query, count), self.order[within]


def _dozens(hashes: Hashes) -> list[Integers]:
    """The low signs of hashes by twelve, as numbers to look up with."""
    return [(hashes >> np.uint64(at) & np.uint64(0xFFF)).astype(np.int64) for at in (0, 12, 24)]


def _packed(signs: NDArray[np.bool_]) -> Hashes:
    """Signs [64, N] as the bits of one number each, the first the lowest."""
    octets = np.packbits(signs, axis=0, bitorder="little").T
    return np.ascontiguousarray(octets).view("<u8")[:, 0]


def _under_turns(whole: Array) -> Hashes:
    """Hashes of spectra [8, 8, N] under each turn, [8, N]; mirrors change signs of odd waves."""
    odd, signs = np.arange(FREQUENCIES) % 2 > 0, whole > 0
    hashes = []
    for transposed, upside_down, left_right in TURNS:
        turned = signs.swapaxes(0, 1) if transposed else signs
        changed = (odd[:, None] & upside_down) ^ (odd & left_right)
        turned = (turned ^ changed[:, :, None]).reshape(FREQUENCIES**2, -1)
        hashes.append(_packed(turned[_ORDER]))
    return np.stack(hashes)


def _differing(some: Hashes, others: Hashes) -> NDArray[np.uint8]:
    """How many bits of each two numbers differ."""
    ones: NDArray[np.uint8]
    if hasattr(np, "bitwise_count"):  # from numpy 2.0 on
        ones = np.bitwise_count(some ^ others)
    else:
        words = (some ^ others).view(np.uint16).reshape(-1, 4)
        ones = np.sum([_ONES[words[:, k]] for k in range(4)], axis=0, dtype=np.uint8)
    return ones


def _least_sure(views: Array) -> Integers:
    """Which signs come from the smallest numbers.

    Args:
        views: spectra, [LOW, N].

    Returns:
        Places into the changes of a `_Key`, [UNSURE, N].
    """
    # Sizes as the bits that they are, which sort as they do; the lowest six tell the sign's place.
    # So a minimum finds it, ten times as fast as a partition of each column.
    size = views.view(np.int32) & 0x7FFFFFC0 | np.arange(LOW, dtype=np.int32)[:, None]
    column = np.arange(views.shape[1])
    unsure = []
    for _ in range(UNSURE):
        place = size.min(0) & 0x3F
        unsure.append(place + LOW * (views[place, column] > 0))
        size[place, column] = 0x7FFFFFFF
    return np.stack(unsure)


def _probes(keys: Integers, changes: Integers) -> Integers:
    """The keys to ask for: of each query its own, and with unsure signs changed.

    Args:
        keys: of the queries, [Q].
        changes: what each unsure sign adds when it is another, [U, Q].

    Returns:
        [2 ** U, Q].
    """
    asked = np.empty((2 ** len(changes), len(keys)), np.int64)
    asked[0] = keys
    for k, change in enumerate(changes):
        np.add(asked[: 2**k], change, out=asked[2**k : 2 ** (k + 1)])
    return asked


def _best(photo: Integers, other: Integers, apart: Integers) -> Integers:
    """Of each pair the way in which it is nearest, of each photo the nearest others."""
    order = np.lexsort((apart, other, photo))
    order = order[photo[order] != other[order]]
    photo, other, apart = photo[order], other[order], apart[order]
    new = np.ones(len(order), bool)
    new[1:] = (photo[1:] != photo[:-1]) | (other[1:] != other[:-1])
    order, photo, other, apart = order[new], photo[new], other[new], apart[new]
    ranked = np.lexsort((np.abs(other - photo), apart, photo))
    photo = photo[ranked]
    first = np.searchsorted(photo, photo)
    kept: Integers = order[ranked[np.arange(len(ranked)) - first < MOST_PARTNERS]]
    return kept
