"""All settings, read once at the door; everything works with nothing set.

Order: arguments, environment (`ONECLICK_HOME`, `ONECLICK_TRIGGERS__BUDGET`, …), `oneclick.toml` in
the current folder, defaults.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from oneclick.core.errors import UsageError
from oneclick.platforms.options import Choice, EncordOptions, Name

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]
CONFIG_FILE = "oneclick.toml"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Detect(_Section):
    """Which models look at video."""

    predictor: str = "auto"
    """Deployed model; `auto` is the champion, or opencv:hog before there is one."""
    rival: str = "auto"
    """Second opinion for the conflict triggers: `auto` is opencv:motion beside any other predictor,
    empty is none."""
    labellers: tuple[str, ...] = ()
    """Models that label clips, best first; empty means trained labellers, predictor and rival."""
    closer: bool = True
    """Labellers that look at shrunken frames look again, at windows around the first labels."""
    device: str = "auto"

    @model_validator(mode="after")
    def _rival_differs(self) -> Detect:
        if self.rival not in ("", "auto") and self.rival == self.predictor:
            raise ValueError(
                f"rival and predictor are both {self.rival!r}: a model never disagrees with itself"
            )
        return self


class Triggers(_Section):
    """What counts as trouble, and how much of it is worth a human's time."""

    enabled: tuple[str, ...] = ()
    """Registry names; empty means all."""
    params: dict[str, dict[str, float]] = {}
    """Parameters by trigger: {"flicker": {"hole": 0.5}}."""
    budget: Share = 0.001
    """Share of raw video seconds to select."""
    per_day: int = Field(0, ge=0)
    """Clips of each day to select, in place of `budget` and `min_clips`; 0 is no such number."""
    min_clips: int = Field(16, ge=0)
    """Floor per lap, so that one short video still gives something to learn from."""
    control: Share = 0.1
    """Share of the selected clips drawn at random, to measure what the triggers miss."""
    novelty: Share = 0.1
    """Share of the clips for pictures that look new, if anything does."""
    max_camera: Share = 1.0
    """Largest share of the clips that one camera may get."""
    max_day: Share = 1.0
    """Largest share of the clips that one day may get."""
    alike: float = Field(0.8, ge=0.5)
    """IoU from which on trouble is in the same place and not selected again; above 1 is off."""
    clip_seconds: float = Field(3.0, gt=0)
    """Length of a selected span, before merging."""
    gap: Seconds = 1.0
    """Least time between two clips of one video."""
    test_share: Share = 0.25
    """Share of camera-days (or of a lone camera-day's time) kept for testing."""
    seed: int = 0
    per: Literal["frame", "box"] = "frame"
    """What annotators' time goes into; per box prefers small failing scenes to crowds."""


class Review(_Section):
    """Who decides, and where."""

    platform: Name = "local"
    """local is our own queue; encord needs the section review.encord."""
    encord: EncordOptions = EncordOptions()
    accept_auto: bool = False
    """Accept automatic labels unseen; recorded as policy:accept-auto."""
    goal: tuple[int, int] = (6000, 8000)
    """Images that all annotators together review in a day: enough, and more than enough."""

    @model_validator(mode="after")
    def _goal_rises(self) -> Review:
        if not 0 < self.goal[0] <= self.goal[1]:
            raise ValueError(f"goal is {self.goal}: two numbers above 0, the lower one first")
        return self

    @model_validator(mode="after")
    def _policy_is_local(self) -> Review:
        if self.accept_auto and self.platform != "local":
            raise ValueError(
                f"accept_auto accepts unseen what {self.platform} is to look at: set platform to "
                "local, or accept_auto to false"
            )
        return self

    @model_validator(mode="after")
    def _encord_is_whole(self) -> Review:
        found = self.encord
        if found.uploads < 1:
            raise ValueError(f"encord.uploads is {found.uploads}: at least 1")
        if self.platform == "encord" and found.upload == "bucket":
            for name in ("bucket", "integration"):
                if not getattr(found, name):
                    raise ValueError(f"encord.upload is bucket: encord.{name} is missing")
        return self


class Train(_Section):
    """What is trained, where the clips go, and what makes a model better."""

    server: str = ""
    """fsspec URL of the training server; empty means `training-server` in the workspace."""
    model: str = "fcos-tiny"
    labellers: tuple[str, ...] = ()
    """Bigger networks that the weekly training trains too; they label clips and serve no camera."""
    novelty: tuple[Literal["novelty-autoencoder", "novelty-gan"], ...] = ()
    """Models of novelty that the weekly training renews for each camera."""
    effort: float = Field(1.0, gt=0)
    """Quality against time: twice the effort is twice the steps."""
    steps: int = Field(0, ge=0)
    """Training steps; 0 follows from the number of images and the effort."""
    batch: int = Field(8, gt=0)
    """Images a step, over all processes together."""
    at_once: int = Field(8, gt=0)
    """Most images that a process takes at once; a larger batch is gathered over several passes."""
    processes: int = Field(0, ge=0)
    """Training processes; 0 is one for each GPU, or one."""
    workers: int | None = Field(None, ge=0)
    """Loader processes of each training process; unset chooses."""
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    pretrained: bool = True
    """Networks of torchvision start from COCO weights, downloaded once."""
    stride: int = Field(2, gt=0)
    """Train on every n-th frame of a clip."""
    origins: dict[Literal["d", "u", "i", "r", "h"], Share] = {}
    """How much boxes count by their origin, 1 where it is silent: {i = 0.5, r = 0.5} believes boxes
    that hindsight filled in by half; 0 greys them out."""
    draw: dict[str, Annotated[float, Field(gt=0)]] = {}
    """How often clips are drawn, by the trigger that led to them (or control, novelty, floor) and
    by the origin of their boxes: {flicker = 2, h = 1.5}; 1 where it is silent."""
    seed: int = 0
    margin: Share = 0.0
    """mAP by which a candidate must beat the champion."""
    min_test_images: int = Field(20, ge=0)
    """Fewer test images are not enough evidence to promote."""
    webhook: str = ""
    """URL that gets a JSON message when a candidate is not promoted; empty is none."""


class Settings(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(
        env_prefix="ONECLICK_",
        env_nested_delimiter="__",
        toml_file=CONFIG_FILE,
        extra="forbid",
        frozen=True,
    )

    home: Path = Path("workspace")
    """The workspace folder."""
    classes: tuple[str, ...] = ("person",)
    attributes: dict[str, tuple[str, ...]] = {}
    """What reviewers say of each object over time: {posture = ["lying", "sitting"]}."""
    sources: tuple[str, ...] = ()
    """Folders, files or URLs that `collect` fetches from on schedule."""
    batch: int = Field(100, ge=1)
    """Clips a task carries."""
    lease_seconds: float = Field(1800, gt=0)
    """How long a worker may hold a clip before another takes it."""
    retain_raw_days: int = Field(30, ge=0)
    """Days a raw video is kept once its clips are cut; 0 keeps it for ever."""
    runner: Literal["thread", "process", "dask", "ray"] = "thread"
    detect: Detect = Detect()
    triggers: Triggers = Triggers()
    review: Review = Review()
    train: Train = Train()

    def reviewers(self) -> Choice:
        """The review platform, with what may be drawn there."""
        return Choice(self.review.platform, self.classes, self.attributes, self.review.encord)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load(**overrides: object) -> Settings:
    """Read the settings; `overrides` with the value None are left out.

    Raises:
        UsageError: naming the setting that is wrong and why.
    """
    try:
        return Settings(**{k: v for k, v in overrides.items() if v is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        raise UsageError(f"settings: {_problems(error)}") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"settings: {CONFIG_FILE} is not TOML: {error}") from None


def _problems(error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        where = ".".join(map(str, problem["loc"])) or "settings"
        lines.append(f"{where}: {problem['msg'].removeprefix('Value error, ')}")
    return "; ".join(lines)


def keep_params(trigger: str, params: dict[str, float], folder: Path | None = None) -> Path:
    """Write parameters of a trigger into `oneclick.toml`, the rest of which stays as it is.

    Raises:
        UsageError: the file is no TOML, or the parameters are none of the trigger's.
        UnknownName: there is no such trigger, or it has no such parameter.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    from oneclick import triggers
    from oneclick.storage import files

    triggers.make((trigger,), {trigger: params})
    path = (folder or Path.cwd()) / CONFIG_FILE
    try:
        document = tomlkit.parse(path.read_text("utf-8") if path.exists() else "")
        section: Any = document
        for name in ("triggers", "params", trigger):
            section = section.setdefault(name, tomlkit.table())
        section.update(params)
    except (TOMLKitError, AttributeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be changed: {error}") from None
    files.write_atomic(path, tomlkit.dumps(document))
    return path
