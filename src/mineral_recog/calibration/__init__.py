"""Calibrated probabilities, sets of minerals and "none of these", in numpy alone."""
