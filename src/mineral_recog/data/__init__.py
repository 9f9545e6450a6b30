"""Photos on their way to the network: datasets, splits, transforms, samplers and loaders."""
