"""Training: from a prepared folder and a recipe to a run folder with a bundle."""
