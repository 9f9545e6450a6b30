"""From a bundle and a split to figures, plots and a report."""
