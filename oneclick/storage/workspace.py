"""Where everything lies: the one place that knows the layout of the workspace folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from oneclick.core.clips import Video


@dataclass(frozen=True)
class Workspace:
    """One workspace folder; nothing is created by naming a path."""

    home: Path

    @property
    def catalog_file(self) -> Path:
        return self.home / "catalog.sqlite"

    def video_file(self, video: Video) -> Path:
        """The raw recording."""
        return self.home / "videos" / video.camera / f"{video.id}{video.suffix}"

    def video_card(self, camera: str, video_id: str) -> Path:
        """Identity of the recording as JSON, so that the catalog can be rebuilt."""
        return self.home / "videos" / camera / f"{video_id}.json"

    def predictions(self, video_id: str, model_id: str) -> Path:
        return self.home / "predictions" / video_id / f"{model_id}.parquet"

    def signals(self, video_id: str, name: str) -> Path:
        return self.signals_dir(video_id) / f"{name}.parquet"

    def signals_dir(self, video_id: str) -> Path:
        return self.home / "signals" / video_id

    def hits(self, video_id: str) -> Path:
        """Hits and selected spans of one video, as JSON."""
        return self.home / "hits" / f"{video_id}.json"

    @property
    def calibration(self) -> Path:
        """What reviews have taught about triggers, as JSON."""
        return self.home / "learned" / "calibration.json"

    @property
    def testimonies(self) -> Path:
        """What each reviewed clip says about triggers, as JSON; can be computed again."""
        return self.home / "learned" / "testimonies.json"

    @property
    def labellers(self) -> Path:
        """What reviews have taught about labellers, as JSON."""
        return self.home / "learned" / "labellers.json"

    def clip_predictions(self, clip_id: str, model_id: str) -> Path:
        """What a model said that has seen only the clip."""
        return self.clip_dir(clip_id) / "predictions" / f"{model_id}.parquet"

    def novelty_model(self, camera: str, kind: str) -> Path:
        """What a camera's ordinary pictures look like, learned by a model of novelty."""
        return self.home / "novelty" / camera / f"{kind}.pt"

    def clip_dir(self, clip_id: str) -> Path:
        """`clips/<camera>/<clip_id>`; the camera is the id up to its first dash."""
        return self.home / "clips" / clip_id.split("-", 1)[0] / clip_id

    def clip_file(self, clip_id: str) -> Path:
        return self.clip_dir(clip_id) / "clip.mp4"

    def clip_card(self, clip_id: str) -> Path:
        return self.clip_dir(clip_id) / "clip.json"

    def frames_dir(self, clip_id: str) -> Path:
        return self.clip_dir(clip_id) / "frames"

    def frame_file(self, clip_id: str, frame: int) -> Path:
        return self.frames_dir(clip_id) / f"{frame:06d}.jpg"

    def labels_dir(self, clip_id: str) -> Path:
        return self.clip_dir(clip_id) / "labels"

    def quarantine_card(self, clip_id: str) -> Path:
        return self.clip_dir(clip_id) / "quarantine.json"

    def review_dir(self) -> Path:
        """The local review platform's queue."""
        return self.home / "review"

    def receipts_dir(self) -> Path:
        """What was erased on review platforms, a JSON file each."""
        return self.home / "review" / "receipts"

    @property
    def review_lock(self) -> Path:
        """Held while verdicts are taken in, or clips erased."""
        return self.home / "review" / ".lock"

    @property
    def review_trouble(self) -> Path:
        """Why a review platform could not be reached the last time, as JSON; gone when it is."""
        return self.home / "review" / "trouble.json"

    def dataset_dir(self, version: str) -> Path:
        return self.home / "datasets" / version

    def model_dir(self, model_id: str) -> Path:
        return self.home / "models" / model_id

    @property
    def champion_file(self) -> Path:
        return self.home / "models" / "champion.json"
