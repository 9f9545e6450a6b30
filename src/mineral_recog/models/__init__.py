"""Networks, their predictions, and the bundle that training writes."""
