"""Identify minerals from photos when some minerals have thousands of photos and others a dozen."""

__version__ = "0.1.0"
