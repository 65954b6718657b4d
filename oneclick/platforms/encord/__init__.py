"""Review on Encord: upload and pre-labelling of clips, and import of verdicts."""
