"""Photos on their way to the network: index, split, views, samplers, and drawn minerals."""
