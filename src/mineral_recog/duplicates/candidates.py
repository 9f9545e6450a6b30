"""Find candidate duplicates with an index of the signs of low frequencies.

The index holds each photo complete, without its plain border, and its subject if the ground is
plain, each under the 8 turns. A search looks for 36 crops of the complete photo, and for the other
views. Every view is described by 63 signs of a cosine transform (the perceptual hash of Zauner,
"Implementation and benchmarking of perceptual image hash functions", 2010). Each of 8 hash tables
has a key made of some of the 36 lowest signs (locality-sensitive hashing: Indyk and Motwani,
"Approximate nearest neighbors", 1998). The tables are also searched with the least certain signs
flipped (Lv et al., "Multi-probe LSH", 2007).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mineral_recog.duplicates.crops import FREQUENCIES, TURNS, spectra
from mineral_recog.duplicates.fingerprints import Array

TABLES, UNSURE_SIGNS = 8, 3
LOW_SIGNS = 36  # signs that keys are made of
KEY_BITS = 14, 22  # fewest and most signs in a key; chosen so that most keys have no entries
MAX_DIFFERING = 10  # signs of 63; one more finds slightly more crops and takes a third more time
CHUNK_SIZE = 256  # thumbnails that are hashed at a time
MAX_BUCKET = 128  # entries used per key; the first represent all entries of the key
MAX_PARTNERS = 64  # candidates per photo, the nearest ones

_vertical, _horizontal = np.mgrid[:FREQUENCIES, :FREQUENCIES]
# Low frequencies first; the mean is last, because its sign is always the same.
_ORDER = np.roll(np.argsort((_vertical + _horizontal).ravel(), kind="stable"), -1)
_BIT_COUNTS = np.array([number.bit_count() for number in range(2**16)], np.uint8)
_NO_KEY = 2**40  # larger than any key
Integers = NDArray[np.int64]
Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class Candidates:
    """Pairs of thumbnails that may show the same picture: integer arrays of equal length.

    Attributes:
        first: Index of the thumbnail that is searched for.
        crop: Part of the first thumbnail that may be the second, an index into CROPS.
        second: Index of the thumbnail that may match.
        turn: Turn of the second thumbnail, an index into TURNS.
    """

    first: Integers
    crop: Integers
    second: Integers
    turn: Integers

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, rows: slice | Integers) -> Candidates:
        return Candidates(self.first[rows], self.crop[rows], self.second[rows], self.turn[rows])


class CandidateIndex:
    """Index of thumbnails under the 8 turns by parts of their hashes; safe to search from threads.

    Args:
        thumbnails: Grey levels, [M, 32, 32], M > 0; none is flat.
        photo_indices: Photo that each thumbnail shows, [M], ascending; the first thumbnail of a
            photo is searched for with its crops.
    """

    def __init__(self, thumbnails: NDArray[np.uint8], photo_indices: Integers) -> None:
        self.thumbnails, self.photo_indices = thumbnails, photo_indices
        self.uncropped = np.diff(photo_indices, prepend=-1) == 0
        chunks = (thumbnails[k : k + CHUNK_SIZE] for k in range(0, len(thumbnails), CHUNK_SIZE))
        parts = [_turned_hashes(spectra(chunk, cropped=False)[:, :, 0]) for chunk in chunks]
        self.hashes = np.concatenate(parts, axis=1).ravel()
        bits = np.clip(1 + math.ceil(math.log2(len(self.hashes))), *KEY_BITS)
        rng = np.random.default_rng(0)  # chooses the signs of each key; any choice works
        parts_of_12 = _twelve_bit_parts(self.hashes)
        self.tables = [
            _Table(np.sort(rng.permutation(LOW_SIGNS)[:bits]), parts_of_12) for _ in range(TABLES)
        ]

    def search(self, start: int, end: int) -> Candidates:
        """Return candidates for the thumbnails from `start` up to, not including, `end`."""
        uncropped = start + np.flatnonzero(self.uncropped[start:end])
        complete = start + np.flatnonzero(~self.uncropped[start:end])
        matches = [
            self._near_entries(complete, cropped=True),
            self._near_entries(uncropped, cropped=False),
        ]
        first, crop, entry, distance = (
            np.concatenate(column) for column in zip(*matches, strict=True)
        )
        turn, second = np.divmod(entry, len(self.thumbnails))
        best = _best(self.photo_indices[first], self.photo_indices[second], distance)
        return Candidates(first[best], crop[best], second[best], turn[best])

    def _near_entries(
        self, indices: Integers, cropped: bool
    ) -> tuple[Integers, Integers, Integers, Integers]:
        """Return thumbnail indices, their crops, the entries near them and the differing signs."""
        views = spectra(self.thumbnails[indices], cropped)
        views = views.reshape(FREQUENCIES**2, views[0, 0].size)[_ORDER]
        hashes, unsure = _packed(views > 0), _least_certain(views[:LOW_SIGNS])
        parts_of_12, matches = _twelve_bit_parts(hashes), []
        for table in self.tables:
            query, entry = table.entries(parts_of_12, unsure)
            distance = _differing(hashes[query], self.hashes[entry])
            near = np.flatnonzero(distance <= MAX_DIFFERING)
            matches.append(np.stack([query[near], entry[near], distance[near]]))
        query, entry, distance = np.concatenate(matches, axis=1)
        crop, position = np.divmod(query, max(1, len(indices)))
        return indices[position], crop, entry, distance


class _Table:
    """Hash table: entries sorted by a key that is made of some of the signs in their hashes.

    Args:
        chosen: Positions of these signs, ascending.
        parts_of_12: Hashes of the entries, as by `_twelve_bit_parts`.

    Attributes:
        changes: What flipping a sign adds to the key, [2 * LOW_SIGNS]: first for signs that are
            not set, then for signs that are set; `_NO_KEY` for signs that the key does not use.
        taken: Whether a key has entries, one more than there are keys.
        begins: Position in `order` of the first entry of each key.
        order: Entries by ascending key.
    """

    def __init__(self, chosen: Integers, parts_of_12: list[Integers]) -> None:
        value = np.zeros(LOW_SIGNS, np.int64)
        value[chosen] = 1 << np.arange(len(chosen))
        self.changes = np.concatenate([value, -value])
        self.changes[self.changes == 0] = _NO_KEY
        set_signs = np.arange(2**12)[:, None] >> np.arange(12) & 1
        self._lookup = value.reshape(-1, 12) @ set_signs.T
        keys = self._keys(parts_of_12)
        count = np.bincount(keys, minlength=2 ** len(chosen) + 1)
        self.taken = count > 0  # one byte per key stays in the cache; most searched keys are free
        self.begins = (np.cumsum(count) - count).astype(np.int32)
        # Sorting values is several times as fast as argsort, so each value carries its position.
        self.order = (np.sort(keys << 32 | np.arange(len(keys))) & 0x7FFFFFFF).astype(np.int32)

    def _keys(self, parts_of_12: list[Integers]) -> Integers:
        parts = [row.take(part) for row, part in zip(self._lookup, parts_of_12, strict=True)]
        keys: Integers = np.bitwise_or.reduce(parts)
        return keys

    def entries(
        self, parts_of_12: list[Integers], unsure: Integers
    ) -> tuple[Integers, NDArray[np.int32]]:
        """Return the entries that have the key of a query, or its key with unsure signs flipped.

        Args:
            parts_of_12: Hashes of the queries, as by `_twelve_bit_parts`, Q.
            unsure: Their least certain signs, as by `_least_certain`, [UNSURE_SIGNS, Q].

        Returns:
            Query indices, below Q, and one entry for each.
        """
        probes = _probes(self._keys(parts_of_12), self.changes.take(unsure))
        # Keys beyond the last one have no entries.
        position = np.flatnonzero(self.taken.take(probes, mode="clip"))
        key = probes.ravel()[position]
        begin = self.begins[key]
        count = np.minimum(self.begins[key + 1] - begin, MAX_BUCKET)
        ends = np.cumsum(count)
        within = np.arange(count.sum()) - np.repeat(ends - count - begin, count)
        # position % Q in half the time
        query = position - position // max(1, probes.shape[1]) * probes.shape[1]
        return np.repeat(query, count), self.order[within]


def _twelve_bit_parts(hashes: Hashes) -> list[Integers]:
    """Split the low 36 signs of hashes into three 12-bit integers, used as table indices."""
    return [(hashes >> np.uint64(at) & np.uint64(0xFFF)).astype(np.int64) for at in (0, 12, 24)]


def _packed(signs: NDArray[np.bool_]) -> Hashes:
    """Pack signs [64, N] into one integer each; the first sign is the lowest bit."""
    octets = np.packbits(signs, axis=0, bitorder="little").T
    return np.ascontiguousarray(octets).view("<u8")[:, 0]


def _turned_hashes(spectrum: Array) -> Hashes:
    """Return the hashes of spectra [8, 8, N] under each turn, [8, N].

    A mirror changes the signs of odd frequencies.
    """
    odd, signs = np.arange(FREQUENCIES) % 2 > 0, spectrum > 0
    hashes = []
    for transposed, upside_down, left_right in TURNS:
        turned = signs.swapaxes(0, 1) if transposed else signs
        changed = (odd[:, None] & upside_down) ^ (odd & left_right)
        turned = (turned ^ changed[:, :, None]).reshape(FREQUENCIES**2, -1)
        hashes.append(_packed(turned[_ORDER]))
    return np.stack(hashes)


def _differing(hashes: Hashes, others: Hashes) -> NDArray[np.uint8]:
    """Return the number of bits that differ in each pair of hashes."""
    differing: NDArray[np.uint8]
    if hasattr(np, "bitwise_count"):  # numpy 2.0 and later
        differing = np.bitwise_count(hashes ^ others)
    else:
        words = (hashes ^ others).view(np.uint16).reshape(-1, 4)
        differing = np.sum([_BIT_COUNTS[words[:, k]] for k in range(4)], axis=0, dtype=np.uint8)
    return differing


def _least_certain(views: Array) -> Integers:
    """Return the signs that come from the smallest magnitudes.

    Args:
        views: Spectra, [LOW_SIGNS, N].

    Returns:
        Indices into the `changes` of a `_Table`, [UNSURE_SIGNS, N].
    """
    # The bits of positive floats sort like the floats. The lowest six bits are replaced by the
    # position of the sign, so a minimum finds it, ten times as fast as a partition per column.
    magnitude = views.view(np.int32) & 0x7FFFFFC0 | np.arange(LOW_SIGNS, dtype=np.int32)[:, None]
    column = np.arange(views.shape[1])
    unsure = []
    for _ in range(UNSURE_SIGNS):
        position = magnitude.min(0) & 0x3F
        unsure.append(position + LOW_SIGNS * (views[position, column] > 0))
        magnitude[position, column] = 0x7FFFFFFF
    return np.stack(unsure)


def _probes(keys: Integers, changes: Integers) -> Integers:
    """Return the keys to search for: each query's key, and the key with unsure signs flipped.

    Args:
        keys: Keys of the queries, [Q].
        changes: What flipping each unsure sign adds to a key, [U, Q].

    Returns:
        The keys, [2 ** U, Q].
    """
    probes = np.empty((2 ** len(changes), len(keys)), np.int64)
    probes[0] = keys
    for k, change in enumerate(changes):
        np.add(probes[: 2**k], change, out=probes[2**k : 2 ** (k + 1)])
    return probes


def _best(photo: Integers, other: Integers, distance: Integers) -> Integers:
    """Return the rows of the nearest match per pair, limited to the nearest partners per photo."""
    order = np.lexsort((distance, other, photo))
    order = order[photo[order] != other[order]]
    photo, other, distance = photo[order], other[order], distance[order]
    new = np.ones(len(order), bool)
    new[1:] = (photo[1:] != photo[:-1]) | (other[1:] != other[:-1])
    order, photo, other, distance = order[new], photo[new], other[new], distance[new]
    ranked = np.lexsort((np.abs(other - photo), distance, photo))
    photo = photo[ranked]
    first = np.searchsorted(photo, photo)
    kept: Integers = order[ranked[np.arange(len(ranked)) - first < MAX_PARTNERS]]
    return kept
