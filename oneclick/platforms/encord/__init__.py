"""Encord: the labels of a clip there and back, and the ontology they need."""
