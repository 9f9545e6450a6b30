"""From a photo's probabilities and what the hand finds to the mineral, and what to test next."""
