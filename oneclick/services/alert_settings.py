"""The settings of alerts: what is worth a message, and who gets it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from oneclick.services.mail import MailSettings


class AlertSettings(BaseModel):
    """Messages about cameras and models that need a person; a limit of 0 is off."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    camera_minutes: Annotated[float, Field(ge=0)] = 10.0
    """Minutes for which a live camera sends no pictures, frozen or dark ones, or is not
    recorded."""
    edge_hours: Annotated[float, Field(ge=0)] = 24.0
    """Hours for which an edge camera has sent nothing."""
    drift: Annotated[float, Field(ge=0)] = 0.25
    """Population stability index of the confidences against the week before; its whole interval
    must lie above."""
    flickers_per_minute: Annotated[float, Field(ge=0)] = 0.0
    """How often a box comes or goes for less than a second, over a week."""
    unseen_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of a week's frames with signs of somebody and without a box."""
    ignore: tuple[str, ...] = ()
    """Cameras that no alert is about, such as retired ones."""
    webhook: str = ""
    """URL that receives a JSON message when something begins, and when it is over; empty is
    none."""
    blocks: tuple[str, ...] = ()
    """Notification blocks of the Prefect server that receive it too, for chats:
    slack-webhook/ward."""
    mail: MailSettings = MailSettings()

    @field_validator("blocks")
    @classmethod
    def _check_blocks(cls, blocks: tuple[str, ...]) -> tuple[str, ...]:
        for name in blocks:
            kind, slash, block = name.partition("/")
            if not (kind and slash and block):
                raise ValueError(f"{name!r} is no block: write type/name, as `prefect block ls`")
        return blocks
