"""From photos of a specimen, and what the hand can tell, to an answer."""
