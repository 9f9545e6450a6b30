"""Chemical formulas as the table writes them: their elements, mass and number of atoms."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Standard atomic weights (IUPAC, abridged), g/mol.
_WEIGHTS = """
H:1.008 Li:6.94 Be:9.012 B:10.81 C:12.011 N:14.007 O:15.999 F:18.998 Na:22.990 Mg:24.305 Al:26.982
Si:28.085 P:30.974 S:32.06 Cl:35.45 K:39.098 Ca:40.078 Sc:44.956 Ti:47.867 V:50.942 Cr:51.996
Mn:54.938 Fe:55.845 Co:58.933 Ni:58.693 Cu:63.546 Zn:65.38 Ga:69.723 Ge:72.630 As:74.922 Se:78.971
Br:79.904 Rb:85.468 Sr:87.62 Y:88.906 Zr:91.224 Nb:92.906 Mo:95.95 Ru:101.07 Rh:102.91 Pd:106.42
Ag:107.87 Cd:112.41 In:114.82 Sn:118.71 Sb:121.76 Te:127.60 I:126.90 Cs:132.91 Ba:137.33 La:138.91
Ce:140.12 Pr:140.91 Nd:144.24 Sm:150.36 Eu:151.96 Gd:157.25 Tb:158.93 Dy:162.50 Ho:164.93
Er:167.26 Tm:168.93 Yb:173.05 Lu:174.97 Hf:178.49 Ta:180.95 W:183.84 Re:186.21 Os:190.23 Ir:192.22
Pt:195.08 Au:196.97 Hg:200.59 Tl:204.38 Pb:207.2 Bi:208.98 Th:232.04 U:238.03
"""
_MASSES = {symbol: float(mass) for symbol, mass in re.findall(r"(\w+):(\S+)", _WEIGHTS)}
_PLAIN = str.maketrans("₀₁₂₃₄₅₆₇₈₉₋₊ₓ[]−–", "0123456789-+x()--")
_COUNT = r"(?:\d+(?:\.\d+)?(?:-(?:\d+(?:\.\d+)?|x))?|n|x)"
_TOKEN = re.compile(rf"([A-Z][a-z]?|[(),□])({_COUNT}?)")


@dataclass(frozen=True)
class Composition:
    """What a formula unit consists of.

    Attributes:
        elements: Symbols of its elements.
        mass: Mass, g/mol.
        atoms: Number of atoms.
    """

    elements: frozenset[str]
    mass: float
    atoms: float

    def __add__(self, other: Composition) -> Composition:
        return Composition(
            self.elements | other.elements, self.mass + other.mass, self.atoms + other.atoms
        )

    def __mul__(self, count: float) -> Composition:
        return Composition(self.elements, self.mass * count, self.atoms * count)


_NOTHING = Composition(frozenset(), 0.0, 0.0)


def read_formula(formula: str) -> Composition | None:
    """Return what a formula such as (Mg,Fe)₂SiO₄ or CaSO₄·2H₂O consists of.

    Elements that replace each other, (Mg,Fe), count in equal parts; an unknown number, n or x,
    counts as one, and 1-x too; a range, 0.5-1, counts as its mean.

    Args:
        formula: The formula, with digits or Unicode subscripts.

    Returns:
        Its composition, or None if it is not understood.
    """
    whole = _NOTHING
    for part in formula.translate(_PLAIN).replace(" ", "").split("·"):
        start = re.match(_COUNT, part)
        unit = _read_unit(part[start.end() :] if start else part)
        if unit is None:
            return None
        whole += unit * _number(start.group() if start else "")
    return whole if whole.atoms else None


def _read_unit(text: str) -> Composition | None:
    """Return the composition of a part without a centred dot; None if it is not understood."""
    open_groups: list[list[Composition]] = [[_NOTHING]]  # of each, what replaces each other
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            return None
        position = token.end()
        symbol, count = token.group(1), token.group(2)
        if symbol == "(":
            open_groups.append([_NOTHING])
        elif symbol == ",":
            open_groups[-1].append(_NOTHING)
        elif symbol == ")":
            if len(open_groups) == 1:
                return None
            group = _mean(open_groups.pop()) * _number(count)
            open_groups[-1][-1] += group
        elif symbol in _MASSES:
            element = Composition(frozenset({symbol}), _MASSES[symbol], 1.0)
            open_groups[-1][-1] += element * _number(count)
        elif symbol != "□":  # a vacancy
            return None
    return _mean(open_groups[0]) if len(open_groups) == 1 else None


def _mean(parts: list[Composition]) -> Composition:
    return sum(parts, _NOTHING) * (1 / len(parts))


def _number(count: str) -> float:
    if count in ("", "n", "x"):
        return 1.0
    ends = [float(end) for end in count.removesuffix("-x").split("-")]
    return sum(ends) / len(ends)
