"""Review platforms: our own queue, and services behind adapters."""

from __future__ import annotations

from oneclick.platforms.base import (
    ErasureReport,
    Offer,
    Platform,
    PlatformAdapter,
    PlatformOptions,
    SendResult,
    UntrustedWebhook,
    Webhook,
)
from oneclick.platforms.registry import GROUP

__all__ = [
    "GROUP",
    "ErasureReport",
    "Offer",
    "Platform",
    "PlatformAdapter",
    "PlatformOptions",
    "SendResult",
    "UntrustedWebhook",
    "Webhook",
]
