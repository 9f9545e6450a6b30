"""Recipes: what a training run does, as typed data, and the recipes that are shipped."""
