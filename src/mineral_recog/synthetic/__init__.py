"""Draw a long-tailed dataset of 36 mineral species, to try everything without a download."""

from mineral_recog.synthetic.drawn_set import class_counts, draw_set
from mineral_recog.synthetic.photo import draw_photo
from mineral_recog.synthetic.sheet import contact_sheet
from mineral_recog.synthetic.species import species_names

__all__ = ["class_counts", "contact_sheet", "draw_photo", "draw_set", "species_names"]
