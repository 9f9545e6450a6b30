"""From photos of a specimen and physical tests to an answer."""
