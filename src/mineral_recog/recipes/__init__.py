"""Recipes: training runs as typed data, and the shipped recipes."""
