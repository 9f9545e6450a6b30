"""Exports: models that answer without torch."""
