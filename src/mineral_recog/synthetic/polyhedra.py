"""Define crystal forms as convex polyhedra, bounded by planes n.x <= d, with axis c along z."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from mineral_recog.synthetic.textures import Array

UP = np.array([0.0, 0.0, 1.0])
Face = tuple[Array, float]  # normal, of any length, and offset


@dataclass(frozen=True)
class Polyhedron:
    """A convex body around the origin, with a half width of about 1.

    `normals` (K, 3) and `offsets` (K,) define its faces; `across` (K, 3) is the direction across
    the striations of a face, zero for a smooth face; `corners` (V, 3) are its vertices.
    """

    normals: Array
    offsets: Array
    across: Array
    corners: Array


BALL = Polyhedron(
    np.zeros((2, 3)), np.zeros(2), np.zeros((2, 3)), np.concatenate((np.eye(3), -np.eye(3)))
)  # drawn as a ball of radius 1, not by its faces


@cache
def _index_triples(count: int) -> Array:
    return np.ascontiguousarray(np.array(list(itertools.combinations(range(count), 3))).T)


def _cross(a: Array, b: Array) -> Array:
    """Return cross products along the last axis; several times as fast as np.cross."""
    ax, ay, az = (a[..., c] for c in range(3))
    bx, by, bz = (b[..., c] for c in range(3))
    return np.stack((ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx), -1)


def _corners(normals: Array, offsets: Array) -> Array:
    """Return the vertices (V, 3), where three planes meet inside all the others."""
    a, b, c = _index_triples(len(normals))
    crosses = _cross(normals[:, None], normals[None])
    determinant = np.einsum("ijk,lk->ijl", crosses, normals)[b, c, a]
    proper = np.abs(determinant) > 1e-6
    a, b, c = a[proper], b[proper], c[proper]
    points = (
        offsets[a, None] * crosses[b, c]
        + offsets[b, None] * crosses[c, a]
        + offsets[c, None] * crosses[a, b]
    ) / determinant[proper, None]
    corners: Array = points[(points @ normals.T <= offsets + 1e-6).all(1)]
    return corners


def polyhedron(faces: Iterable[Face], unevenness: float, rng: np.random.Generator) -> Polyhedron:
    """Return the polyhedron of faces, each offset varied by up to the share `unevenness`.

    Striations run along c; faces near the ends of the crystal have none.
    """
    directions, distances = zip(*faces, strict=True)
    normals, offsets = np.array(directions, float), np.array(distances)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    offsets *= rng.uniform(1 - unevenness, 1 + unevenness, len(offsets))
    across = np.where(np.abs(normals[:, 2:]) < 0.6, _cross(normals, UP), 0.0)
    return Polyhedron(normals, offsets, across, _corners(normals, offsets))


@cache
def _signed_permutations(*values: float) -> tuple[Array, ...]:
    """Return each distinct permutation of three values with every combination of signs."""
    signs = itertools.product((1, -1), repeat=3)
    mixed = itertools.product(itertools.permutations(values), signs)
    unique = {tuple(v * s or 0.0 for v, s in zip(p, q, strict=True)) for p, q in mixed}
    return tuple(np.array(normal) for normal in sorted(unique))


def _ring(sides: int, tilt: float, turn: float = 0.0, end: int = 1) -> list[Array]:
    """Return `sides` normals around c at `tilt` degrees from it, the first at `turn` degrees."""
    angle = np.radians(turn) + 2 * np.pi * np.arange(sides) / sides
    slope = np.radians(tilt)
    flat = np.sin(slope)
    return [np.array([np.cos(t) * flat, np.sin(t) * flat, end * np.cos(slope)]) for t in angle]


def _prism(sides: int, turn: float = 0.0, offset: float = 1.0) -> list[Face]:
    return [(normal, offset) for normal in _ring(sides, 90, turn)]


def _pyramid(
    sides: int, tilt: float, apex: float, turn: float = 0.0, double_ended: bool = True
) -> list[Face]:
    """Return faces through the apexes (0, 0, ±apex), or through the upper one and flat below."""
    offset = apex * float(np.cos(np.radians(tilt)))
    upper = [(normal, offset) for normal in _ring(sides, tilt, turn)]
    if double_ended:
        return upper + [(normal, offset) for normal in _ring(sides, tilt, turn, -1)]
    return [*upper, (-UP, apex * 0.8)]


def _pinacoid(length: float) -> list[Face]:
    return [(UP, length), (-UP, length)]


def cube(rng: np.random.Generator, length: float) -> Polyhedron:
    """Build a cube, sometimes with cut corners; striated like pyrite, in three directions."""
    faces = [(normal, 1.0) for normal in _signed_permutations(1, 0, 0)]
    if rng.random() < 0.3:
        faces += [(normal, rng.uniform(1.45, 1.65)) for normal in _signed_permutations(1, 1, 1)]
    body = polyhedron(faces, 0.5 * (length - 1) + 0.03, rng)
    across = np.where(
        np.abs(body.normals).max(1, keepdims=True) > 0.9, np.roll(body.normals, 1, 1), 0
    )
    return replace(body, across=across)


def octahedron(rng: np.random.Generator, length: float) -> Polyhedron:
    """Build an octahedron, sometimes with corners cut by cube faces."""
    faces = [(normal, 0.75) for normal in _signed_permutations(1, 1, 1)]
    if rng.random() < 0.3:
        faces += [(normal, rng.uniform(0.9, 1.25)) for normal in _signed_permutations(1, 0, 0)]
    return polyhedron(faces, 0.4 * (length - 1) + 0.05, rng)


def cuboctahedron(rng: np.random.Generator, length: float) -> Polyhedron:
    """Build a combination of cube and octahedron, in any proportion."""
    faces = [(normal, 1.0) for normal in _signed_permutations(1, 0, 0)]
    cut = rng.uniform(1.05, 1.4)
    faces += [(normal, cut) for normal in _signed_permutations(1, 1, 1)]
    return polyhedron(faces, 0.4 * (length - 1) + 0.04, rng)


def dodecahedron(rng: np.random.Generator, length: float) -> Polyhedron:
    """Build a garnet: a rhombic dodecahedron, sometimes bevelled by a trapezohedron."""
    faces = [(normal, 0.95) for normal in _signed_permutations(1, 1, 0)]
    if rng.random() < 0.4:
        faces += [(normal, rng.uniform(0.99, 1.07)) for normal in _signed_permutations(2, 1, 1)]
    return polyhedron(faces, 0.3 * (length - 1) + 0.03, rng)


def trapezohedron(rng: np.random.Generator, length: float) -> Polyhedron:
    """Build a garnet with 24 kite-shaped faces."""
    return polyhedron(
        [(normal, 1.0) for normal in _signed_permutations(2, 1, 1)], 0.2 * (length - 1) + 0.02, rng
    )


def pyritohedron(rng: np.random.Generator, length: float) -> Polyhedron:
    """Build a pyrite crystal: twelve pentagons, sometimes with cube faces."""
    faces = [
        (np.roll(np.array([0.0, a, 2 * b]), k), 0.92)
        for k in range(3)
        for a in (1, -1)
        for b in (1, -1)
    ]
    if rng.random() < 0.5:
        faces += [(normal, rng.uniform(0.88, 1.0)) for normal in _signed_permutations(1, 0, 0)]
    return polyhedron(faces, 0.3 * (length - 1) + 0.03, rng)


def tetrahedron(rng: np.random.Generator, length: float) -> Polyhedron:
    """Build a tetrahedron (sphenoid) whose corners are cut by the opposite tetrahedron."""
    cut = rng.uniform(0.85, 1.5)
    faces = [
        (normal, 0.55 if normal.prod() > 0 else cut) for normal in _signed_permutations(1, 1, 1)
    ]
    if rng.random() < 0.4:
        faces += [(normal, rng.uniform(0.8, 0.95)) for normal in _signed_permutations(1, 0, 0)]
    return polyhedron(faces, 0.3 * (length - 1) + 0.06, rng)


def hexagonal_prism(rng: np.random.Generator, length: float) -> Polyhedron:
    """Build quartz: six sides and a pyramid; striations run around the sides, not along."""
    faces = _prism(6) + _pyramid(6, 51.8, length + 0.6, double_ended=bool(rng.random() < 0.35))
    body = polyhedron(faces, 0.12, rng)
    sides = np.abs(body.normals[:, 2:]) < 0.1
    return replace(body, across=np.where(sides, UP, 0.0))


def hexagonal_flat(rng: np.random.Generator, length: float) -> Polyhedron:
    """Build beryl: six sides and flat ends, sometimes with small bevels."""
    faces = _prism(6) + _pinacoid(length)
    if rng.random() < 0.4:
        faces += _pyramid(6, 45, length + rng.uniform(0.75, 0.95))
    return polyhedron(faces, 0.06, rng)


def hexagonal_bipyramid(rng: np.random.Generator, length: float) -> Polyhedron:
    """Build sapphire: a steep double pyramid with small flat ends."""
    tilt = float(np.degrees(np.arctan(length + 0.6)))
    return polyhedron([*_pyramid(6, tilt, length + 0.8), *_pinacoid(length)], 0.05, rng)


def barrel(rng: np.random.Generator, length: float) -> Polyhedron:
    """Build corundum: a short bulging barrel whose flat ends are cut by rhombohedron faces."""
    faces = _prism(6) + _pyramid(6, 78, 4.75 + 0.25 * length) + _pinacoid(length)
    faces += [(normal, 0.72 * length + 0.42) for normal in _ring(3, 57) + _ring(3, 57, 60, -1)]
    return polyhedron(faces, 0.04, rng)


def hexagonal_plate(rng: np.random.Generator, length: float) -> Polyhedron:
    """Build a thin six-sided plate of half thickness 1 / length."""
    return polyhedron(_pyramid(6, 75, 3.73 + 0.3 / length) + _pinacoid(1 / length), 0.06, rng)


def trigonal_prism(rng: np.random.Generator, length: float) -> Polyhedron:
    """Build tourmaline: a rounded triangular prism with a low three-sided tip."""
    faces = _prism(3, 0, 0.8) + _prism(6, 30, 1.0) + _prism(3, 60, 1.05)
    faces += [(normal, length * 0.89) for normal in _ring(3, 27)] + [(-UP, length)]
    if rng.random() < 0.4:
        faces += [(UP, length * rng.uniform(0.9, 0.98))]
    return polyhedron(faces, 0.05, rng)


def rhombohedron(rng: np.random.Generator, length: float) -> Polyhedron:
    """Build six rhombs: rhodochrosite or, steeper with a greater `length`, cinnabar."""
    tilt = float(np.clip(44.6 * length, 35, 70))
    return polyhedron([(n, 0.9) for n in _ring(3, tilt) + _ring(3, tilt, 60, -1)], 0.06, rng)


def square_plate(rng: np.random.Generator, length: float) -> Polyhedron:
    """Build wulfenite or torbernite: a thin square plate with bevels, half thickness 1 / length."""
    thick = 1 / length
    faces = _prism(4) + _pinacoid(thick) + _pyramid(4, 50, thick + rng.uniform(1.0, 1.17))
    if rng.random() < 0.4:
        faces += _prism(4, 45, rng.uniform(1.1, 1.35))
    return polyhedron(faces, 0.05, rng)


def tetragonal_bipyramid(rng: np.random.Generator, length: float) -> Polyhedron:
    """Build cassiterite: a double pyramid over a square, its edge cut by a short prism."""
    faces = _pyramid(4, 46, length + 0.35) + _prism(4) + _prism(4, 45, 1.12)
    faces += _pyramid(4, 35, length + 0.3, 45)
    return polyhedron(faces, 0.06, rng)


def rhombic_bipyramid(rng: np.random.Generator, length: float) -> Polyhedron:
    """Build sulphur or anglesite: a double pyramid over a rhomb, ends cut by flats and domes."""
    steep = [
        np.array([sx * 1.0, sy * 0.85, sz / length])
        for sx in (1, -1)
        for sy in (1, -1)
        for sz in (1, -1)
    ]
    faces = [(normal, 0.72) for normal in steep] + _pinacoid(length * rng.uniform(0.5, 0.85))
    faces += [(np.array([0.0, s * 1.0, t * 0.55]), 0.86) for s in (1, -1) for t in (1, -1)]
    faces += [
        (np.array([s * 0.45, s * 0.35, t * 0.9 / length]), 0.7) for s in (1, -1) for t in (1, -1)
    ]
    return polyhedron(faces, 0.07, rng)


def rhombic_prism(rng: np.random.Generator, length: float) -> Polyhedron:
    """Build topaz: a rhombic prism with more sides, domes and a small flat end."""
    sides = [np.array([sx * 1.0, sy * 1.9, 0.0]) for sx in (1, -1) for sy in (1, -1)]
    flatter = [np.array([sx * 1.0, sy * 0.95, 0.0]) for sx in (1, -1) for sy in (1, -1)]
    faces = [(normal, 0.85) for normal in sides] + [(normal, 1.0) for normal in flatter]
    dome = np.radians(44)
    faces += [
        (np.array([0.0, s * np.sin(dome), np.cos(dome)]), 0.72 * length + 0.22) for s in (1, -1)
    ]
    faces += [(normal, 0.62 * length + 0.42) for normal in _ring(4, 52, 45)]
    return polyhedron([*faces, (UP, length * 1.02), (-UP, length)], 0.05, rng)


def stubby_prism(rng: np.random.Generator, length: float) -> Polyhedron:
    """Build diopside: a nearly square prism, eight-sided, with a slanting roof."""
    faces = _prism(4) + _prism(4, 45, 1.15)
    faces += [(np.array([0.35, s * 0.45, 0.85]), length * 0.85 + 0.1) for s in (1, -1)]
    faces += [(np.array([-0.3, 0.0, 0.95]), length * 0.95), (-UP, length)]
    return polyhedron(faces, 0.07, rng)


def blade(rng: np.random.Generator, length: float) -> Polyhedron:
    """Build azurite, epidote or albite: a lath with bevelled long edges and a slanting end."""
    thick = rng.uniform(0.22, 0.38)
    faces = [(np.array([s, 0.0, 0.0]), 1.0) for s in (1.0, -1.0)]
    faces += [(np.array([0.0, s, 0.0]), thick) for s in (1.0, -1.0)]
    faces += [
        (np.array([s * 0.6, t * 0.8, 0.0]), 0.6 * 0.93 + 0.8 * thick * 0.8)
        for s in (1, -1)
        for t in (1, -1)
    ]
    slant = rng.uniform(0.2, 0.6)
    faces += [(np.array([slant, 0.2, 0.85]), length * 0.9), (np.array([-0.55, -0.2, 0.8]), length)]
    return polyhedron([*faces, (-UP, length)], 0.06, rng)


def spear(rng: np.random.Generator, length: float) -> Polyhedron:
    """Build marcasite: a flat blade with a spearhead tip, like its twins."""
    thick = rng.uniform(0.2, 0.34)
    faces = [(np.array([s * 0.9, t * 0.35, 0.0]), 0.9) for s in (1, -1) for t in (1, -1)]
    faces += [(np.array([0.0, s, 0.12]), thick) for s in (1.0, -1.0)]
    point = rng.uniform(0.75, 1.0)
    faces += [
        (np.array([s * point, t * 0.3, 0.65]), length * 0.58) for s in (1, -1) for t in (1, -1)
    ]
    return polyhedron([*faces, (-UP, length)], 0.07, rng)


def needle(rng: np.random.Generator, length: float) -> Polyhedron:
    """Build a thin four-sided prism that ends in a point."""
    faces = _prism(4, 20) + _pyramid(4, 72, 1.05 * length, 65, double_ended=False)
    return polyhedron(faces, 0.15, rng)


def chunk(rng: np.random.Generator, length: float) -> Polyhedron:
    """Build a broken lump: random planes around an ellipsoid `length` times as wide as high."""
    normals = rng.standard_normal((15, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    reach = np.linalg.norm(normals * np.array([1.0, rng.uniform(0.65, 1.0), 1 / length]), axis=1)
    faces = [(n, float(r)) for n, r in zip(normals, reach, strict=True)]
    box = [(normal, 1.25) for normal in _signed_permutations(1, 0, 0)]
    return polyhedron(faces + box, 0.12, rng)


FORMS: dict[str, Callable[[np.random.Generator, float], Polyhedron]] = {
    form.__name__: form
    for form in (
        *(cube, octahedron, cuboctahedron, dodecahedron, trapezohedron, pyritohedron, tetrahedron),
        *(hexagonal_prism, hexagonal_flat, hexagonal_bipyramid, barrel, hexagonal_plate),
        *(trigonal_prism, rhombohedron, square_plate, tetragonal_bipyramid, rhombic_bipyramid),
        *(rhombic_prism, stubby_prism, blade, spear, needle, chunk),
    )
}
