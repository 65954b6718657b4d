"""Every number that a user sees, each computed in one place; read-only.

The command line, the terminal UI, the web pages and Prefect's artifacts show these values.
"""

from oneclick.report.cameras import CameraFigures, InsightReader, camera_figures
from oneclick.report.edge import EdgeCameraRow, edge_cameras
from oneclick.report.history import WeekRow, weekly_history
from oneclick.report.hit_list import HitRow, hits
from oneclick.report.insight import (
    Insight,
    InsightRow,
    ModelAgreement,
    insight_columns,
    measure_insight,
)
from oneclick.report.labelling import (
    CostRow,
    LabellingReport,
    SkillRow,
    cost_columns,
    labelling_report,
    skill_columns,
)
from oneclick.report.lineage import ClipUse, ModelLineage, clip_use, model_lineage
from oneclick.report.listings import (
    ClipDetail,
    ClipRow,
    StretchRow,
    VideoDetail,
    VideoRow,
    clip,
    clips,
    video,
    videos,
)
from oneclick.report.numbers import (
    FunnelRow,
    KeptVideo,
    ReviewEffort,
    TriggerHits,
    funnel,
    kept_video,
    origins,
    review_effort,
    trigger_hits,
)
from oneclick.report.people import PersonThroughput, Throughput, review_throughput
from oneclick.report.quality import CatchRate, ReviewQuality, review_quality_report
from oneclick.report.questions import QuestionRow, ReviewQuestions, review_questions
from oneclick.report.scores import (
    DatasetRow,
    ModelRow,
    TrainingReport,
    champion,
    datasets,
    model_card,
    models,
    training_report,
)
from oneclick.report.search import SearchPage, search_clips
from oneclick.report.summary import LapSummary, lap_summary
from oneclick.report.timeline import Timeline, hit_timeline
from oneclick.report.trigger_performance import (
    TriggerPerformance,
    TriggerRow,
    control_summary,
    measure_triggers,
    trigger_columns,
)
from oneclick.report.trigger_replay import TriggerReplay, replay_trigger

__all__ = [
    "CameraFigures",
    "CatchRate",
    "ClipDetail",
    "ClipRow",
    "ClipUse",
    "CostRow",
    "DatasetRow",
    "EdgeCameraRow",
    "FunnelRow",
    "HitRow",
    "Insight",
    "InsightReader",
    "InsightRow",
    "KeptVideo",
    "LabellingReport",
    "LapSummary",
    "ModelAgreement",
    "ModelLineage",
    "ModelRow",
    "PersonThroughput",
    "QuestionRow",
    "ReviewEffort",
    "ReviewQuality",
    "ReviewQuestions",
    "SearchPage",
    "SkillRow",
    "StretchRow",
    "Throughput",
    "Timeline",
    "TrainingReport",
    "TriggerHits",
    "TriggerPerformance",
    "TriggerReplay",
    "TriggerRow",
    "VideoDetail",
    "VideoRow",
    "WeekRow",
    "camera_figures",
    "champion",
    "clip",
    "clip_use",
    "clips",
    "control_summary",
    "cost_columns",
    "datasets",
    "edge_cameras",
    "funnel",
    "hit_timeline",
    "hits",
    "insight_columns",
    "kept_video",
    "labelling_report",
    "lap_summary",
    "measure_insight",
    "measure_triggers",
    "model_card",
    "model_lineage",
    "models",
    "origins",
    "replay_trigger",
    "review_effort",
    "review_quality_report",
    "review_questions",
    "review_throughput",
    "search_clips",
    "skill_columns",
    "training_report",
    "trigger_columns",
    "trigger_hits",
    "video",
    "videos",
    "weekly_history",
]
