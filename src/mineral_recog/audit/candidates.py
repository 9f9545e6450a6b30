"""Which photos may be copies: an index of the signs of low frequencies.

Each photo is looked up as 36 crops of it, and without its plain border. In the index it stands
whole and without its border, under the 8 turns. All are 63 signs of a cosine transform (as the
perceptual hash of Zauner, "Implementation and benchmarking of perceptual image hash functions",
2010). Each of 12 tables holds 22 of the 35 lowest (locality-sensitive hashing: Indyk and Motwani,
"Approximate nearest neighbors", 1998), and is asked as well with the signs changed that are least
sure (Lv et al., "Multi-probe LSH", 2007).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mineral_recog.audit.fingerprint import Array
from mineral_recog.audit.views import CROPS, FREQUENCIES, TURNS, spectrum, turned_spectrum

TABLES, KEY_BITS, UNSURE = 12, 22, 4
LOW = 35  # signs that keys are made of
FAR = 11  # signs that differ, of 63
CHUNK = 256  # pictures looked up at a time
MOST_IN_BUCKET = 128  # of the entries with one key; the first stand for all
MOST_PARTNERS = 64  # of a photo, the nearest

_down, _across = np.mgrid[:FREQUENCIES, :FREQUENCIES]
_ORDER = np.argsort((_down + _across).ravel(), kind="stable")[1:]  # low first, without the mean
_ONES = np.array([number.bit_count() for number in range(2**16)], np.uint8)
Integers = NDArray[np.int64]


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


class Index:
    """Pictures under the 8 turns, by parts of their signs.

    Args:
        pictures: grey, with structure, [M, 32, 32].
        photos: which photo each shows, [M], ascending; a second one of a photo is without its
            border.
    """

    def __init__(self, pictures: NDArray[np.uint8], photos: Integers) -> None:
        self.pictures, self.photos = pictures, photos
        self.inner = np.diff(photos, prepend=-1) == 0
        spectra = np.concatenate(
            [
                spectrum(pictures[k : k + CHUNK].astype(np.float32), CROPS[0])
                for k in range(0, len(pictures), CHUNK)
            ]
        )
        signs = np.concatenate([_signs(turned_spectrum(spectra, t)) for t in range(len(TURNS))])
        self.hashes = _packed(signs)
        choose = np.random.default_rng(0)  # which signs make a key; any choice does
        self.chosen = [np.sort(choose.permutation(LOW)[:KEY_BITS]) for _ in range(TABLES)]
        self.tables = [_table(_packed(signs[:, bits])) for bits in self.chosen]

    def candidates(self) -> Iterator[tuple[int, Candidates]]:
        """What may show the same, for photos in turn.

        Yields:
            The number of pictures looked up so far, and what was found for the latest of them.
        """
        for start in range(0, len(self.pictures), CHUNK):
            end = min(start + CHUNK, len(self.pictures))
            yield end, self._look_up(np.arange(start, end))

    def _look_up(self, numbers: Integers) -> Candidates:
        spectra, first, crop = self._queries(numbers)
        signs, unsure = _signs(spectra), _least_sure(spectra)
        hashes = _packed(signs)
        found = []
        for bits, (begins, order) in zip(self.chosen, self.tables, strict=True):
            query, key = _probes(_packed(signs[:, bits]), unsure, bits)
            count = np.minimum(begins[key + 1] - begins[key], MOST_IN_BUCKET)
            query = np.repeat(query, count)
            within = np.arange(len(query)) - np.repeat(np.cumsum(count) - count, count)
            entry = order[np.repeat(begins[key], count) + within]
            apart = _differing(hashes[query], self.hashes[entry])
            near = np.flatnonzero(apart <= FAR)
            found.append((query[near], entry[near], apart[near]))
        query, entry, apart = (np.concatenate(column) for column in zip(*found, strict=True))
        turn, second = np.divmod(entry.astype(np.int64), len(self.pictures))
        best = _best(self.photos[first[query]], self.photos[second], apart)
        return Candidates(first[query[best]], crop[query[best]], second[best], turn[best])

    def _queries(self, numbers: Integers) -> tuple[Array, Integers, Integers]:
        """Spectra of the crops of whole photos and of what is inside borders; which they are."""
        pictures = self.pictures[numbers].astype(np.float32)
        whole = ~self.inner[numbers]
        shown = [np.ones_like(whole)] + [whole] * (len(CROPS) - 1)
        spectra = [spectrum(pictures[k], crop) for k, crop in zip(shown, CROPS, strict=True)]
        crops = np.repeat(np.arange(len(CROPS)), [len(some) for some in spectra])
        return np.concatenate(spectra), np.concatenate([numbers[k] for k in shown]), crops


def _signs(spectra: Array) -> NDArray[np.bool_]:
    return spectra.reshape(len(spectra), -1)[:, _ORDER] > 0


def _packed(signs: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Signs [N, up to 64] as the bits of one number each."""
    raw = np.zeros((len(signs), 8), np.uint8)
    packed = np.packbits(signs, axis=1, bitorder="little")
    raw[:, : packed.shape[1]] = packed
    return raw.view("<u8")[:, 0]


def _differing(some: NDArray[np.uint64], others: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """How many bits of each two numbers differ; numpy counts bits only from 2.0 on."""
    words = (some ^ others).view(np.uint16).reshape(-1, 4)
    ones: NDArray[np.uint8] = sum(_ONES[words[:, k]] for k in range(4))  # type: ignore[assignment]
    return ones


def _least_sure(spectra: Array) -> Integers:
    """Which of the low signs come from the smallest numbers, [N, UNSURE]."""
    size = np.abs(spectra.reshape(len(spectra), -1)[:, _ORDER[:LOW]])
    return np.argpartition(size, UNSURE, axis=1)[:, :UNSURE]


def _table(keys: NDArray[np.uint64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Where the entries of each key begin, and the entries in the order of their keys."""
    begins = np.zeros(2**KEY_BITS + 1, np.int32)
    begins[1:] = np.cumsum(np.bincount(keys.astype(np.int64), minlength=2**KEY_BITS))
    return begins, np.argsort(keys, kind="stable").astype(np.int32)


def _probes(
    keys: NDArray[np.uint64], unsure: Integers, bits: Integers
) -> tuple[Integers, NDArray[np.int32]]:
    """Numbers of views, and the keys to ask for each: its own, and with unsure signs changed."""
    place = np.zeros(LOW, np.int32)
    place[bits] = 1 << np.arange(len(bits))
    masks = place[unsure.T]
    own = keys.astype(np.int32)
    queries, asked = [np.arange(len(keys))], [own]
    for count in range(1, UNSURE + 1):
        for chosen in combinations(range(UNSURE), count):
            can = np.flatnonzero(np.logical_and.reduce(masks[list(chosen)]))
            queries.append(can)
            asked.append((own ^ np.bitwise_or.reduce(masks[list(chosen)]))[can])
    return np.concatenate(queries), np.concatenate(asked)


def _best(photo: Integers, other: Integers, apart: NDArray[np.uint8]) -> Integers:
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
