"""A few minerals with the facts that the tests need."""

from dataclasses import replace

from mineral_recog.minerals.facts import Mineral

Range = tuple[float, float]


def mineral(
    name: str,
    chinese: str,
    hardness: Range | None = None,
    density: Range | None = None,
    streak: tuple[str, ...] = (),
    lustre: tuple[str, ...] = (),
    magnetism: str | None = None,
    acid: str | None = None,
    colours: tuple[str, ...] = (),
    cleavage: str | None = None,
    hazard: tuple[str, ...] = (),
    group: str | None = None,
) -> Mineral:
    return Mineral(
        name=name, chinese=chinese, synonyms=(), formula=None, group=group, system=None,
        rank=None, parent=None, strunz=None,
        hardness=hardness, density=density, streak=streak, lustre=lustre, transparency=(),
        cleavage=cleavage, colours=colours, magnetism=magnetism, acid=acid, hazard=hazard,
        source=None,
    )  # fmt: skip


PYRITE = mineral(
    "Pyrite", "黄铁矿", (6, 6.5), (4.95, 5.1), ("black",), ("metallic",), "none", "none"
)
CHALCOPYRITE = mineral(
    "Chalcopyrite", "黄铜矿", (3.5, 4), (4.1, 4.3), ("green", "black"), ("metallic",), "none",
    "none",
)  # fmt: skip
QUARTZ = mineral("Quartz", "石英", (7, 7), (2.65, 2.65), ("white",), ("vitreous",), "none", "none")
CALCITE = mineral(
    "Calcite", "方解石", (3, 3), (2.71, 2.71), ("white",), ("vitreous",), "none", "fizzes"
)
DOLOMITE = mineral(
    "Dolomite", "白云石", (3.5, 4), (2.85, 2.85), ("white",), ("vitreous",), "none",
    "fizzes when powdered",
)  # fmt: skip
MAGNETITE = mineral(
    "Magnetite", "磁铁矿", (5.5, 6.5), (5.2, 5.2), ("black",), ("metallic",), "strong", "none"
)
ALL = (PYRITE, CHALCOPYRITE, QUARTZ, CALCITE, DOLOMITE, MAGNETITE)
# Two minerals with all facts, which every test separates.
COMPLETE_QUARTZ = replace(
    QUARTZ, colours=("colourless",), transparency=("transparent",), habit=("prismatic",),
    cleavage="none", cleavage_directions=0, fracture=("conchoidal",), tenacity=("brittle",),
    fluorescence_long=("none",), fluorescence_short=("none",),
)  # fmt: skip
UNLIKE_QUARTZ = replace(
    mineral("Soft", "软", (2, 2), (8, 8), ("red",), ("earthy",), "strong", "fizzes"),
    colours=("red",), transparency=("opaque",), habit=("earthy",), cleavage="perfect",
    cleavage_directions=3, fracture=("hackly",), tenacity=("flexible",),
    fluorescence_long=("red",), fluorescence_short=("green",),
)  # fmt: skip
