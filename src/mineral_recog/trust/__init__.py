"""What makes a classifier's answers believable: probabilities, sets of minerals, none of these."""
