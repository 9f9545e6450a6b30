"""How good a run is: metrics, significance, calibration, plots and the report."""
