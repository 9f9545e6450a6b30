"""The method: losses, the network, and the probabilities that samplers draw by."""
