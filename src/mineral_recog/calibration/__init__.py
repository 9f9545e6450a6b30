"""Calibrated probabilities, prediction sets and OOD detection ("none of these"), in numpy only."""
