"""Our own triggers and formats pass the contracts that plug-ins of others are tested with."""

from __future__ import annotations

from typing import Any

import pytest

from oneclick import formats, triggers
from oneclick.testing import FormatContract, TriggerContract


def contracts() -> dict[str, type[Any]]:
    """Return a test class for each of our triggers and formats."""
    kinds = {
        f"Test_{name}": type(f"Test_{name}", (TriggerContract,), {"trigger": kind})
        for name, kind in triggers.registry().items()
    }
    for name in formats.names():
        kinds[f"Test_{name}"] = type(
            f"Test_{name}", (FormatContract,), {"format": formats.get(name)}
        )
    return kinds


globals().update(contracts())


@pytest.mark.parametrize("name", [*triggers.names(), *formats.names()])
def test_there_is_a_contract_for_each(name: str) -> None:
    assert f"Test_{name}" in globals()
