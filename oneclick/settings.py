"""All settings, read once at the start of a command; everything works with nothing set.

Order: arguments, environment (`ONECLICK_HOME`, `ONECLICK_TRIGGERS__BUDGET`, …), `oneclick.toml` in
the current folder, defaults.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, from_json
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from oneclick.core import class_names, training_defaults
from oneclick.core.errors import UnknownName, UsageError
from oneclick.core.plugins import PluginFailure
from oneclick.platforms import GROUP, PlatformOptions, registry
from oneclick.services import settings_file
from oneclick.services.alert_settings import AlertSettings
from oneclick.services.detect_settings import DetectSettings
from oneclick.services.insight_settings import InsightSettings
from oneclick.services.intake_settings import IntakeSettings
from oneclick.services.live_settings import LiveSettings
from oneclick.services.settings_file import TomlSource
from oneclick.services.source_settings import SourceSettings

if TYPE_CHECKING:
    from oneclick.stages.train import TrainOptions

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]
CONFIG_FILE = "oneclick.toml"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TriggerSettings(_Section):
    """Triggers, and how many clips are selected from their hits."""

    enabled: tuple[str, ...] = ()
    """Registry names; empty means all."""
    params: dict[str, dict[str, float]] = {}
    """Parameters by trigger: {"flicker": {"hole": 0.5}}."""
    budget: Share = 0.001
    """Share of raw video seconds to select."""
    per_day: int = Field(0, ge=0)
    """Clips of each day to select, in place of `budget` and `min_clips`; 0 turns this off."""
    min_clips: int = Field(16, ge=0)
    """Least number of clips per lap, so that one short video still yields training data."""
    control: Share = 0.1
    """Share of the selected clips drawn at random, to measure what the triggers miss."""
    novelty: Share = 0.1
    """Share of the clips reserved for images that look new to the models, if any do."""
    max_camera: Share = 1.0
    """Largest share of the clips that one camera may get."""
    max_day: Share = 1.0
    """Largest share of the clips that one day may get."""
    alike: float = Field(0.8, ge=0.5)
    """Hits with at least this IoU are in the same place, and only one of them is selected; above 1
    turns this off."""
    clip_seconds: float = Field(3.0, gt=0)
    """Length of a selected span, before merging."""
    gap: Seconds = 1.0
    """Least time between two clips of one video."""
    test_share: Share = 0.25
    """Share of camera-days (or of a lone camera-day's time) kept for testing."""
    seed: int = 0
    """Seed of the random clips."""
    per: Literal["frame", "box"] = "frame"
    """Unit of annotation cost; per box prefers scenes with few objects to crowds."""


class ReviewSettings(_Section):
    """Review platform and review policy; `review.<name>` is the section of a platform."""

    model_config = ConfigDict(extra="allow")

    platform: str = "local"
    """local is the built-in queue; other platforms have a section of their own."""
    accept_auto: bool = False
    """Accept automatic labels unseen; recorded as policy:accept-auto."""
    goal: tuple[int, int] = (6000, 8000)
    """Images that all annotators together review in a day: lower and upper target."""
    places: int = Field(3, ge=0)
    """Most questions in one clip about places where somebody may be and no label is; 0 is none."""

    @model_validator(mode="after")
    def _check_goal(self) -> ReviewSettings:
        if not 0 < self.goal[0] <= self.goal[1]:
            raise ValueError(f"goal is {self.goal}: two numbers above 0, the lower one first")
        return self

    @model_validator(mode="after")
    def _check_accept_auto(self) -> ReviewSettings:
        if self.accept_auto and self.platform != "local":
            raise ValueError(
                f"accept_auto accepts unseen what {self.platform} is to look at: set platform to "
                "local, or accept_auto to false"
            )
        return self

    @field_validator("platform")
    @classmethod
    def _check_platform(cls, name: str) -> str:
        try:
            return GROUP.plugin(name).name
        except UnknownName as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="before")
    @classmethod
    def _read_sections(cls, values: Any) -> Any:
        """Read the section of each platform; what is neither that nor a setting is refused."""
        if not isinstance(values, dict):
            return values
        selected = values.get("platform", cls.model_fields["platform"].default)
        sections = {name: value for name, value in values.items() if name not in cls.model_fields}
        return values | {
            name: _platform_section(name, section, name == selected)
            for name, section in sections.items()
        }


def _platform_section(name: str, section: Any, selected: bool) -> Any:
    """Return the section of a platform as its Options, or as it is where its package is broken.

    A broken package must not end every command: opening the platform tells what is wrong.
    """
    try:
        GROUP.plugin(name)
    except UnknownName as error:
        if isinstance(section, dict):
            raise ValueError(f"section review.{name}: {error}; install it or correct it") from None
        problem: InitErrorDetails = {"type": "extra_forbidden", "loc": (name,), "input": section}
        raise ValidationError.from_exception_data("review", [problem]) from None
    if isinstance(section, str):  # an environment variable for the whole section
        try:
            section = from_json(section)
        except ValueError as error:
            raise ValueError(f"section review.{name} is not JSON: {error}") from None
    try:
        return registry.read_section(name, section, selected)
    except PluginFailure:
        return section


class CameraSettings(_Section):
    """How cameras are named in ids."""

    codes: Literal["always", "auto", "never"] = "auto"
    """Cameras that get a code, which stands for their name in all ids: all, none, or (auto) those
    whose name looks like a person's."""


class TrainSettings(_Section):
    """Training, training server, and the gate."""

    server: str = ""
    """fsspec URL of the training server; empty means `training-server` in the workspace."""
    model: str = training_defaults.ARCHITECTURE
    """Architecture of the model: fcos-tiny, the name of a detector of torchvision, or
    transformers:NAME; NAME is a repository of Hugging Face, a folder, or a family like d_fine."""
    labellers: tuple[str, ...] = ()
    """Larger networks that the weekly training trains too; they only label clips."""
    novelty: tuple[Literal["novelty-autoencoder", "novelty-gan"], ...] = ()
    """Novelty models that the weekly training retrains for each camera."""
    effort: float = Field(1.0, gt=0, le=1000)
    """Factor on the number of training steps, where `steps` is 0."""
    steps: int = Field(0, ge=0)
    """Training steps; 0 computes them from the number of images and the effort."""
    batch: int = Field(0, ge=0)
    """Images per step, over all processes together; 0 is 4 for fcos-tiny, 8 for others."""
    at_once: int = Field(training_defaults.AT_ONCE, gt=0)
    """Images per forward pass of a process, at most; a larger batch accumulates gradients."""
    processes: int = Field(0, ge=0)
    """Training processes; 0 is one for each GPU, or one."""
    workers: int | None = Field(None, ge=0)
    """Data loader processes of each training process; chosen automatically if unset."""
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Number format of the forward pass; `auto` is bfloat16 where the GPU has it, else float32."""
    pretrained: bool = True
    """Networks of torchvision and transformers start from published weights, downloaded once."""
    backbone: Share | None = None
    """Factor on the learning rate of a backbone with published weights, 0 freezes it; unset it is
    0.1 for networks of transformers, else 1."""
    stride: int = Field(training_defaults.STRIDE, gt=0, le=1_000_000)
    """Train on every n-th frame of a clip."""
    origins: dict[Literal["d", "u", "i", "r", "h"], Share] = {}
    """Weight of boxes by their origin, by default 1: {i = 0.5, r = 0.5} halves the weight of boxes
    that hindsight filled in; weight 0 greys them out in the image."""
    draw: dict[str, Annotated[float, Field(gt=0, le=1_000_000)]] = {}
    """Sampling weight of clips, by the trigger that led to them (or control, novelty, floor) and by
    the origin of their boxes, by default 1: {flicker = 2, h = 1.5}."""
    turned: Share = training_defaults.TURNED
    """Share of the augmented images that are turned by 90°, for people who lie."""
    laid: Share = training_defaults.LAID
    """Share of the augmented images in which somebody who stands is copied, lying."""
    max_broken: Share = training_defaults.MAX_BROKEN
    """Largest share of a dataset's pictures that may be broken, and is left out and named; with
    more the training ends. Above 0, one picture always may be."""
    seed: int = Field(0, ge=0, lt=2**31)
    """Seed of the first weights and of the order of images."""
    margin: Share = training_defaults.MARGIN
    """mAP by which a candidate must exceed the champion."""
    min_test_images: int = Field(training_defaults.MIN_TEST_IMAGES, ge=0)
    """With fewer test images the gate promotes no candidate."""
    shadow: Literal["off", "report", "demand"] = "off"
    """Candidate and champion look at the newest stored video before the candidate serves: never,
    for information, or because the gate demands that the candidate is no worse there."""
    shadow_hours: float = Field(training_defaults.SHADOW_HOURS, gt=0)
    """Hours that both must have looked at, over all cameras, before the gate judges."""
    shadow_margin: Share = training_defaults.SHADOW_MARGIN
    """Share of the champion's rates (flickers, gaps, …) by which a candidate may be worse there."""

    @field_validator("server")
    @classmethod
    def _check_server(cls, server: str) -> str:
        return settings_file.check_server(server)

    webhook: str = ""
    """URL that receives a JSON message when a candidate is not promoted; empty is none."""


class Settings(BaseSettings):
    """All settings: oneclick.toml, then ONECLICK_ variables, then arguments."""

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
    """Classes of objects that are detected, labelled and trained."""
    attributes: dict[str, tuple[str, ...]] = {}
    """Attributes that reviewers set for each object over time: {posture = ["lying", "sitting"]}."""
    max_source_gb: float = Field(100.0, gt=0)
    """Most GB (10⁹ bytes) of one recording that is fetched from a URL: a stream without an end is
    refused there."""
    batch: int = Field(100, ge=1)
    """Clips per task."""
    lease_seconds: float = Field(1800, gt=0)
    """Lease of a clip: after this time another worker may claim it."""
    retain_raw_days: int = Field(30, ge=0)
    """Days that a raw video is kept after its clips were cut; 0 keeps it for ever."""
    runner: Literal["thread", "process", "dask", "ray"] = "thread"
    """Prefect's task runner; dask and ray need the extras of these names."""
    sources: SourceSettings = SourceSettings()
    cameras: CameraSettings = CameraSettings()
    detect: DetectSettings = DetectSettings()
    live: LiveSettings = LiveSettings()
    intake: IntakeSettings = IntakeSettings()
    insight: InsightSettings = InsightSettings()
    alerts: AlertSettings = AlertSettings()
    triggers: TriggerSettings = TriggerSettings()
    review: ReviewSettings = ReviewSettings()
    train: TrainSettings = TrainSettings()

    @field_validator("classes")
    @classmethod
    def _check_classes(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        class_names.check(classes)
        return classes

    @field_validator("home", mode="before")
    @classmethod
    def _check_home(cls, home: Any) -> Any:
        if isinstance(home, str) and not home.strip():
            raise ValueError("is empty: name a folder (. is the current one)")
        return home

    def review_platform(self, name: str | None = None) -> PlatformOptions:
        """Return the options of the review platform, with classes and attributes.

        Args:
            name: of another platform than that of the settings.
        """
        name, sections = name or self.review.platform, self.review.model_extra or {}
        return PlatformOptions(
            name, self.classes, self.attributes, sections.get(name), self.review.places
        )

    def train_options(
        self,
        *,
        model: str | None = None,
        steps: int | None = None,
        seed: int | None = None,
        effort: float | None = None,
        labeller: bool = False,
    ) -> TrainOptions:
        """Return the options of one training.

        Args:
            model: architecture in place of `train.model`.
            steps: in place of `train.steps`.
            seed: in place of `train.seed`.
            effort: in place of `train.effort`.
            labeller: the model labels and serves no camera.

        Raises:
            UsageError: one of these is none that the setting may have.
        """
        from oneclick.stages.train import TrainOptions

        given = {"model": model, "steps": steps, "effort": effort, "seed": seed}
        changes = {name: value for name, value in given.items() if value is not None}
        try:
            train = TrainSettings.model_validate(self.train.model_dump() | changes)
        except ValidationError as error:
            raise settings_file.refusal(error, ("train",)) from None
        options = train.model_dump(exclude={"labellers", "novelty", "webhook"}) | {
            "origins": {str(origin): weight for origin, weight in train.origins.items()},
        }
        return TrainOptions(
            **options, device=self.detect.device, classes=self.classes, labeller=labeller
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources in order of precedence: arguments, environment, TOML file."""
        return init_settings, env_settings, TomlSource(settings_cls)


def load(**overrides: object) -> Settings:
    """Read the settings; `overrides` whose value is None are ignored.

    Raises:
        UsageError: names the setting that is wrong, and why.
    """
    try:
        return Settings(**{k: v for k, v in overrides.items() if v is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        raise settings_file.refusal(error) from None
    except UsageError as error:  # of oneclick.toml
        raise UsageError(f"settings: {error}") from None


def keep_params(trigger: str, params: dict[str, float], folder: Path | None = None) -> Path:
    """Write parameters of a trigger into `oneclick.toml`; the rest of the file stays as it is.

    Returns:
        The path of the file.

    Raises:
        UsageError: the file is not TOML, or a parameter is not valid.
        UnknownName: there is no such trigger, or it has no such parameter.
    """
    from oneclick import triggers

    triggers.create(trigger, params)
    path = (folder or Path.cwd()) / CONFIG_FILE
    settings_file.set_values(path, ("triggers", "params", trigger), params)
    return path
