"""URLs as they may be shown."""

from __future__ import annotations

import pytest

from oneclick.core import urls

LABELS = {
    "ftp://nurse:hidden@nas/ward/a.mp4": "ftp://nas/ward/a.mp4",
    "smb://hidden@nas:445/ward": "smb://nas:445/ward",
    "ftp://nurse:hid/den@nas/ward": "ftp://nas/ward",
    "ftp://nurse:hid#d@en@nas/ward": "ftp://nas/ward",
    "https://nvr:8443/clip?sig=hidden": "https://nvr:8443/clip",
    "https://nvr?sig=hidden": "https://nvr",
    "https://nvr/clip#hidden": "https://nvr/clip",
    "zip://a.mp4::https://me:hidden@nvr/b.zip?hidden": "zip://a.mp4::https://nvr/b.zip",
    "simplecache::ftp://me:hidden@nas/a": "simplecache::ftp://nas/a",
    "http://[fe80::1]:80/a?hidden": "http://[fe80::1]:80/a",
    "s3://bucket/@eaDir/a #1.mp4": "s3://bucket/@eaDir/a #1.mp4",
    "http://nas:80/@eaDir/a.mp4": "http://nas:80/@eaDir/a.mp4",
    "/video/a?b#c@d": "/video/a?b#c@d",
    "": "",
}


@pytest.mark.parametrize(("url", "label"), LABELS.items(), ids=LABELS)
def test_a_label_holds_no_name_password_or_token(url: str, label: str) -> None:
    assert urls.label(url) == label
    assert urls.label(label) == label


def test_a_host_label_holds_no_path_either() -> None:
    shown = [urls.host_label(url) for url in ("https://me@chat:1/T0/hidden", "hidden", "a://")]
    assert shown == ["https://chat:1", "", "a://"]


def test_urls_in_a_text_are_masked() -> None:
    text = "404, url='https://me:x@nvr/a?sig=1' of ftp://b:c@nas"
    assert urls.masked(text) == "404, url='https://nvr/a' of ftp://nas"
