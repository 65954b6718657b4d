"""Every number a user sees, each computed in one place; reads only.

The command line, the terminal UI, the web pages and Prefect's artifacts show these values.
"""

from oneclick.report.history import Week, history
from oneclick.report.hit_list import Moment, moments
from oneclick.report.labelling import (
    CostRow,
    Labelling,
    SkillRow,
    cost_columns,
    labelling,
    skill_columns,
)
from oneclick.report.lineage import Lineage, Use, lineage, use
from oneclick.report.listings import ClipDetail, ClipRow, VideoRow, clip, clips, videos
from oneclick.report.numbers import (
    Effort,
    FunnelRow,
    HitRow,
    Kept,
    effort,
    funnel,
    hits,
    kept,
    origins,
)
from oneclick.report.questions import QuestionRow, Questions, questions
from oneclick.report.scores import (
    DatasetRow,
    ModelRow,
    Training,
    champion,
    datasets,
    model_card,
    models,
    training,
)
from oneclick.report.search import Found, search
from oneclick.report.summary import Lap, lap
from oneclick.report.timeline import Timeline, timeline
from oneclick.report.trigger_performance import Ledger, TriggerRow, columns, ledger, sentences
from oneclick.report.trigger_replay import Rehearsal, rehearse

__all__ = [
    "ClipDetail",
    "ClipRow",
    "CostRow",
    "DatasetRow",
    "Effort",
    "Found",
    "FunnelRow",
    "HitRow",
    "Kept",
    "Labelling",
    "Lap",
    "Ledger",
    "Lineage",
    "ModelRow",
    "Moment",
    "QuestionRow",
    "Questions",
    "Rehearsal",
    "SkillRow",
    "Timeline",
    "Training",
    "TriggerRow",
    "Use",
    "VideoRow",
    "Week",
    "champion",
    "clip",
    "clips",
    "columns",
    "cost_columns",
    "datasets",
    "effort",
    "funnel",
    "history",
    "hits",
    "kept",
    "labelling",
    "lap",
    "ledger",
    "lineage",
    "model_card",
    "models",
    "moments",
    "origins",
    "questions",
    "rehearse",
    "search",
    "sentences",
    "skill_columns",
    "timeline",
    "training",
    "use",
    "videos",
]
