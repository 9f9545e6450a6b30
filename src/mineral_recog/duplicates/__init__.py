"""Search for copies and near-copies of photos, with reading and checking each photo once."""
