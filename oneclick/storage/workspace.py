"""Layout of the workspace folder: the path of every file in it."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path

from oneclick.core.clips import Video
from oneclick.core.errors import Unavailable
from oneclick.storage import files

BEFORE_RESTORE = ".before-restore-"
"""What follows the name of a workspace that a restore moved aside; then comes the time."""


@dataclass(frozen=True)
class Workspace:
    """One workspace folder; asking for a path creates nothing."""

    home: Path

    @property
    def catalog_file(self) -> Path:
        """Return the SQLite file of the catalog."""
        return self.home / "catalog.sqlite"

    @property
    def generation_file(self) -> Path:
        """Return the JSON file that tells whether the catalog is behind the other files."""
        return self.home / "generation.json"

    @property
    def logs_dir(self) -> Path:
        """Return the folder of tracebacks of failed items."""
        return self.home / "logs"

    @property
    def locks_dir(self) -> Path:
        """Return the folder of the lock files, one for each kind of write."""
        return self.home / "locks"

    @property
    def cameras_file(self) -> Path:
        """Return the JSON file of the readable names of cameras; no other file holds them."""
        return self.home / "cameras.json"

    def create(self) -> None:
        """Make the folder where there is none, for its owner alone: it holds video of people.

        One that is there keeps its mode: it may be shared on purpose.

        Raises:
            NoSpace, Unavailable: it cannot be made, or was moved aside by a restore that was
                interrupted.
        """
        self.check_restored()
        with files.guard(self.home):
            self.home.parent.mkdir(parents=True, exist_ok=True)
            self.home.mkdir(mode=0o700, exist_ok=True)

    def check_restored(self) -> None:
        """Raise Unavailable where a restore moved the workspace aside and put none in its place."""
        if self.home.exists() or not self.home.name:
            return
        pattern = f"{glob.escape(self.home.name)}{BEFORE_RESTORE}*"
        if earlier := sorted(self.home.parent.glob(pattern)):
            raise Unavailable(
                f"there is no workspace at {self.home}, a restore was interrupted: run it again, "
                f"or rename {earlier[-1]} to {self.home.name}"
            )

    @property
    def retention_file(self) -> Path:
        """Return the JSON file of the time by which raw recordings are deleted."""
        return self.home / "retention.json"

    def video_file(self, video: Video) -> Path:
        """Return the path of the raw recording."""
        return self.home / "videos" / video.camera / f"{video.id}{video.suffix}"

    def video_card(self, camera: str, video_id: str) -> Path:
        """Return the JSON card of a recording, from which the catalog can be rebuilt."""
        return self.home / "videos" / camera / f"{video_id}.json"

    def predictions(self, video_id: str, model_id: str) -> Path:
        """Return the predictions of a model on a whole video, as Parquet."""
        return self.home / "predictions" / video_id / f"{model_id}.parquet"

    def signals(self, video_id: str, name: str) -> Path:
        """Return one Signal of a video, as Parquet."""
        return self.signals_dir(video_id) / f"{name}.parquet"

    def signals_dir(self, video_id: str) -> Path:
        """Return the folder of the Signals of a video."""
        return self.home / "signals" / video_id

    def hits(self, video_id: str) -> Path:
        """Return the JSON file of the Hits and selected spans of one video."""
        return self.home / "hits" / f"{video_id}.json"

    def picked_selection(self, clip_id: str) -> Path:
        """Return the JSON file of a span that a person chose to be cut."""
        return self.home / "selections" / f"{clip_id}.json"

    @property
    def mutes_dir(self) -> Path:
        """Return the folder of triggers that are muted on a camera for a while."""
        return self.home / "mutes"

    def mute_file(self, mute: str) -> Path:
        """Return the JSON file of one mute."""
        return self.mutes_dir / f"{mute}.json"

    @property
    def incidents_dir(self) -> Path:
        """Return the folder of spans of video that are kept from retention."""
        return self.home / "incidents"

    def incident_file(self, incident: str) -> Path:
        """Return the JSON file of one incident."""
        return self.incidents_dir / f"{incident}.json"

    @property
    def shadow_dir(self) -> Path:
        """Return the folder of what candidates did beside the champion, a folder for each."""
        return self.home / "shadow"

    @property
    def searches_dir(self) -> Path:
        """Return the folder of searches that the pages run, and of what they found."""
        return self.home / "searches"

    @property
    def intake_dir(self) -> Path:
        """Return the folder of what edge cameras send, a folder for each camera."""
        return self.home / "intake"

    @property
    def calibration(self) -> Path:
        """Return the JSON file of the triggers' calibration."""
        return self.home / "learned" / "calibration.json"

    @property
    def hit_evaluations(self) -> Path:
        """Return the JSON file of the evaluations of reviewed clips; can be computed again."""
        return self.home / "learned" / "testimonies.json"

    @property
    def labeller_skills(self) -> Path:
        """Return the JSON file of the labellers' skills."""
        return self.home / "learned" / "labellers.json"

    def clip_predictions(self, clip_id: str, model_id: str) -> Path:
        """Return the predictions of a model that was run on the clip alone."""
        return self.clip_dir(clip_id) / "predictions" / f"{model_id}.parquet"

    def novelty_model(self, camera: str, kind: str) -> Path:
        """Return the novelty model of a camera, trained on its ordinary images."""
        return self.home / "novelty" / camera / f"{kind}.pt"

    @property
    def clips_dir(self) -> Path:
        """Return the folder of all clips, a folder for each camera."""
        return self.home / "clips"

    def clip_dir(self, clip_id: str) -> Path:
        """Return `clips/<camera>/<clip_id>`; the camera is the id up to its first dash."""
        return self.home / "clips" / clip_id.split("-", 1)[0] / clip_id

    def clip_file(self, clip_id: str) -> Path:
        """Return the video file of a clip."""
        return self.clip_dir(clip_id) / "clip.mp4"

    def clip_card(self, clip_id: str) -> Path:
        """Return the JSON card of a clip, from which the catalog can be rebuilt."""
        return self.clip_dir(clip_id) / "clip.json"

    def clip_pictures(self, clip_id: str) -> Path:
        """Return the file of the digests of an imported clip's pictures."""
        return self.clip_dir(clip_id) / "pictures.txt"

    def frames_dir(self, clip_id: str) -> Path:
        """Return the folder of the extracted frames of a clip."""
        return self.clip_dir(clip_id) / "frames"

    def frame_file(self, clip_id: str, frame: int) -> Path:
        """Return the JPEG file of one frame of a clip, 0-based."""
        return self.frames_dir(clip_id) / f"{frame:06d}.jpg"

    def labels_dir(self, clip_id: str) -> Path:
        """Return the folder of the label revisions of a clip."""
        return self.clip_dir(clip_id) / "labels"

    def quarantine_card(self, clip_id: str) -> Path:
        """Return the JSON card with the reason why a clip is QUARANTINED."""
        return self.clip_dir(clip_id) / "quarantine.json"

    def review_dir(self) -> Path:
        """Return the folder of the local review platform's queue."""
        return self.home / "review"

    @property
    def users_file(self) -> Path:
        """Return the JSON file of the users of the review pages, readable by its owner alone."""
        return self.home / "review" / "users.json"

    @property
    def audit_dir(self) -> Path:
        """Return the folder of the audit log of the review pages, a file per month."""
        return self.home / "review" / "audit"

    @property
    def keys_dir(self) -> Path:
        """Return the folder of the audit log's key, and of what tells where the log ends."""
        return self.home / "review" / "keys"

    @property
    def pages_dir(self) -> Path:
        """Return the folder of what is true only while the review pages are served here."""
        return self.home / ".review"

    @property
    def second_looks_dir(self) -> Path:
        """Return the folder of clips that are reviewed a second time, blind."""
        return self.home / "review" / "second"

    def questions_file(self, clip_id: str) -> Path:
        """Return the JSON file of the questions about a clip's labels; can be computed again."""
        return self.home / "review" / "questions" / f"{clip_id}.json"

    @property
    def late_verdicts_dir(self) -> Path:
        """Return the folder of verdicts that came after another one, and changed nothing."""
        return self.home / "review" / "late"

    def receipts_dir(self) -> Path:
        """Return the folder of receipts, a JSON file per erasure on a review platform."""
        return self.home / "review" / "receipts"

    @property
    def inventories_dir(self) -> Path:
        """Return the folder of lists of files, by which a lost one is noticed."""
        return self.home / "inventories"

    @property
    def previews_dir(self) -> Path:
        """Return the folder of pictures that the last import drew to look at."""
        return self.home / "imports"

    @property
    def alerts_file(self) -> Path:
        """Return the JSON file of what needs a person about cameras and models."""
        return self.home / "alerts.json"

    @property
    def review_trouble(self) -> Path:
        """Return the JSON file of the last connection error; absent while the platform works."""
        return self.home / "review" / "trouble.json"

    def dataset_dir(self, version: str) -> Path:
        """Return the folder of a dataset version."""
        return self.home / "datasets" / version

    def exclusion_file(self, clip_id: str) -> Path:
        """Return the JSON file that excludes a published clip from datasets and trainings."""
        return self.home / "datasets" / "excluded" / f"{clip_id}.json"

    def model_dir(self, model_id: str) -> Path:
        """Return the folder of a trained model."""
        return self.home / "models" / model_id

    @property
    def champion_file(self) -> Path:
        """Return the JSON file of the model in service and its predecessors."""
        return self.home / "models" / "champion.json"
