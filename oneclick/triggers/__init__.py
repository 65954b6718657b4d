"""Rules that look for trouble in predictions. Pure: arrays in, Hits out.

A trigger is a frozen dataclass whose float fields are its parameters, with `name`, `summary` and
`find(scene)`. Other packages add theirs through the entry point group `oneclick.triggers`.
"""

from oneclick.triggers.base import Trigger, novel, parameters
from oneclick.triggers.ruleset import GROUP, RuleSet, create, make, names, registry, scan

__all__ = [
    "GROUP",
    "RuleSet",
    "Trigger",
    "create",
    "make",
    "names",
    "novel",
    "parameters",
    "registry",
    "scan",
]
