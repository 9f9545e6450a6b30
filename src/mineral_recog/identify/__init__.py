"""Identification of a specimen from photos and physical tests."""
