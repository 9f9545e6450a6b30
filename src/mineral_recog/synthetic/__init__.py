"""Draws a long-tailed dataset of 36 mineral species, to try everything without a download."""
