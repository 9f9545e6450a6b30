"""The 36 minerals: what species.yaml says of their looks."""

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np
import yaml


@dataclass(frozen=True)
class Variety:
    """One look of a mineral, drawn with the share `weight` of its pictures.

    `habit` is how crystals grow together and `form` what each looks like; `count` is how many
    there are and `length` how long for their width, each a range. Colours are hexadecimal sRGB,
    a drawing's lies between two neighbours; `tips` are those of the crystals' tips. `spread` is
    how far directions part (0 parallel, 1 all over), `striation` how deep the lines of faces are,
    `matrix` the share on a rock, of the colours `rock`. `pattern` names a drawing within.
    """

    name: str
    weight: float
    habit: str
    colours: tuple[str, ...]
    lustre: str
    transparency: str
    form: str = "chunk"
    count: tuple[int, int] = (1, 1)
    length: tuple[float, float] = (1.0, 1.0)
    tips: tuple[str, ...] = ()
    spread: float = 0.5
    striation: float = 0.0
    matrix: float = 0.0
    rock: tuple[str, ...] = ("#8d8983", "#5f5a52", "#b9b3a6", "#6e5a45")
    pattern: str = ""


@dataclass(frozen=True)
class Species:
    """A mineral and its varieties, the most frequent first."""

    name: str
    varieties: tuple[Variety, ...]

    def drawn_variety(self, rng: np.random.Generator) -> Variety:
        """A variety at random, by weight."""
        weights = np.array([variety.weight for variety in self.varieties])
        return self.varieties[int(rng.choice(len(weights), p=weights / weights.sum()))]


@lru_cache(maxsize=1)
def all_species() -> dict[str, Species]:
    """Every species by name, from common to rare as photographed."""
    text = resources.files(__package__).joinpath("species.yaml").read_text(encoding="utf-8")
    return {entry["name"]: _species(entry) for entry in yaml.safe_load(text)}


def _species(entry: dict[str, Any]) -> Species:
    shared = {key: entry[key] for key in ("lustre", "transparency")}
    varieties = []
    for own in entry["varieties"]:
        fields: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in {**shared, **own}.items()
        }
        varieties.append(Variety(**fields))
    return Species(entry["name"], tuple(varieties))


def species_names() -> tuple[str, ...]:
    """The names of the 36 minerals, from common to rare."""
    return tuple(all_species())
