"""The steps of the pipeline, one a file: load one thing, think, save one thing."""
