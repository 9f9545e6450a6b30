"""A folder of photos looked over before training: which photos are copies of each other."""
