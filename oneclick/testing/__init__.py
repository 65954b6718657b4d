"""Contract tests for plug-ins, to be run by their authors with pytest.

    from oneclick.testing import TriggerContract
    from acme.border import Border

    class TestBorder(TriggerContract):
        trigger = Border

Each contract is a class of tests; subclass it in a file of your own tests and say what to test. Our
own triggers, detectors, review platforms and formats pass the same ones.
"""

from oneclick.testing.detectors import DetectorContract
from oneclick.testing.formats import FormatContract
from oneclick.testing.panels import PanelContract
from oneclick.testing.platforms import PlatformContract
from oneclick.testing.triggers import TriggerContract

__all__ = [
    "DetectorContract",
    "FormatContract",
    "PanelContract",
    "PlatformContract",
    "TriggerContract",
]
