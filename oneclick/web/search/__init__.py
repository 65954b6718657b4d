"""Search of stored video in a region, from a page: jobs beside the server, and what they found."""
