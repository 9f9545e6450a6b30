"""Comparisons of recipes: planning and making runs, tables, plots and a page."""
