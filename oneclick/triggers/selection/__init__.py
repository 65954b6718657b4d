"""Selection of the spans that are worth a reviewer's time, under a budget."""
