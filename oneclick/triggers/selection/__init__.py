"""Selection of the moments that are worth a human's time, under a budget."""
