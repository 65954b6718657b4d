"""Corrections of the labels of one clip: what a reviewer does, as operations on tracks.

Pure: operations and labels in, labels out. The review page mirrors `apply` in the browser, and both
run the cases of `tests/editing/cases.json`.
"""
