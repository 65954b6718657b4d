"""What reviews teach: how far triggers and labellers can be believed, from verdicts."""
