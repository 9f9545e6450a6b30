"""Find exact and near duplicates among photos; each photo is read and checked once."""
