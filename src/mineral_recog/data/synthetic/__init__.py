"""A long-tailed set of 36 minerals, drawn: to try the method with nothing to download."""

from mineral_recog.data.synthetic.dataset import class_counts, draw_set
from mineral_recog.data.synthetic.photo import draw_photo
from mineral_recog.data.synthetic.sheet import contact_sheet
from mineral_recog.data.synthetic.species import species_names

__all__ = ["class_counts", "contact_sheet", "draw_photo", "draw_set", "species_names"]
