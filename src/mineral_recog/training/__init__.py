"""Training: turn a prepared folder and a recipe into a run folder with a bundle."""
