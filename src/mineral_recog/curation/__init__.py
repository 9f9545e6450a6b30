"""Photos before training: audit, decisions, likely label errors, and the split into DATA."""
