"""Addresses of training servers that lead nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from oneclick.core.errors import OneclickError
from oneclick.services.training_server import RemoteFolder

ADDRESSES = (
    "zip://",
    "tar://",
    "nothing://x",
    "://",
    "::",
    "reference://",
    "simplecache::zip://",
    "zip://x::file:///dev/null",
    "libarchive://x",
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_odd_address_gets_one_line(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OneclickError) as error:
        read_and_refuse(address)
    assert address in str(error.value)
    assert "\n" not in str(error.value)


def read_and_refuse(address: str) -> None:
    """Read a file that is not there; an address that fsspec takes for a folder is one."""
    if RemoteFolder(address).read("clips/a/complete.json") is None:
        raise OneclickError(f"{address} holds no file")
