"""Facts about minerals and their names."""
