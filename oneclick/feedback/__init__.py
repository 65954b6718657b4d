"""Learning from reviews: calibration of triggers and skills of labellers."""
