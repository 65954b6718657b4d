"""The JSON API of the review pages: the queue, clips and their edits, numbers."""
