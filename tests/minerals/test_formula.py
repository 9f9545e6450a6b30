"""Formulas of the table are read; masses and numbers of atoms are those computed by hand."""

from __future__ import annotations

import pytest

from mineral_recog.minerals.formula import read_formula


@pytest.mark.parametrize(
    ("formula", "mass", "atoms", "elements"),
    [
        ("SiO₂", 60.083, 3, {"Si", "O"}),
        ("SiO2", 60.083, 3, {"Si", "O"}),
        ("(Mg,Fe)₂SiO₄", 24.305 + 55.845 + 28.085 + 4 * 15.999, 7, {"Mg", "Fe", "Si", "O"}),
        ("CaSO₄·2H₂O", 172.164, 12, {"Ca", "S", "O", "H"}),
        ("MnO₂·nH₂O", 86.936 + 18.015, 6, {"Mn", "O", "H"}),
        ("Fe₁₋ₓS", 55.845 + 32.06, 2, {"Fe", "S"}),
        ("Cu₀.₅S", 31.773 + 32.06, 1.5, {"Cu", "S"}),
        ("Ca(OH,F)", 40.078 + (15.999 + 1.008 + 18.998) / 2, 2.5, {"Ca", "O", "H", "F"}),
        ("Ba[SO₄]", 137.33 + 32.06 + 4 * 15.999, 6, {"Ba", "S", "O"}),
        ("□Na1-2", 1.5 * 22.99, 1.5, {"Na"}),
    ],
)
def test_composition(formula: str, mass: float, atoms: float, elements: set[str]) -> None:
    composition = read_formula(formula)
    assert composition is not None
    assert composition.mass == pytest.approx(mass, abs=0.01)
    assert composition.atoms == pytest.approx(atoms)
    assert composition.elements == elements


@pytest.mark.parametrize(
    "formula", ["", "Qq", "quartz", "(SiO₂", "SiO₂)", "·", "n", "Si+O", "二氧化硅"]
)
def test_what_is_no_formula(formula: str) -> None:
    assert read_formula(formula) is None
