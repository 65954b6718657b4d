"""Families of networks that training builds, one module a family; `detectors.networks` asks them.

A family has three functions. `plan` says what a network of that name looks like, and may read its
configuration from elsewhere. `build` makes it of the plan alone, with random weights and without a
download. `published` loads weights that it may start from.
"""
