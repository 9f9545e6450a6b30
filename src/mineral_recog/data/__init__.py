"""Photos as training data: datasets, splits, caches, transforms, samplers and loaders."""
