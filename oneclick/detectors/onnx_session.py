"""Sessions of onnxruntime: threads that fit, providers by device, faults in one line."""

from __future__ import annotations

import mmap
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneclick.core.errors import BadInput, DetectorUnavailable, UsageError
from oneclick.storage import bounded_files

MAX_BYTES = 2048 * bounded_files.MEBIBYTE
"""Of a model: what a protobuf can have."""
MOST_THREADS = 4
"""More threads make a picture of a small network no faster."""
THREADS = "OMP_NUM_THREADS"
"""Variable of the environment that sets the threads, as for torch."""
CUDA = "CUDAExecutionProvider"
MPS = "mps"
"""Apple's GPUs as torch calls them."""
_MEANINGS = {
    "Protobuf parsing failed": "it is no ONNX file, or only a part of one: copy it again",
    "No graph was found": "it is no ONNX file, or only a part of one: copy it again",
    "ValidateOpsetForDomain": "its opset is newer than this onnxruntime: update onnxruntime, or "
    "export it with a lower opset",
    "Unsupported model IR version": "it is newer than this onnxruntime: update onnxruntime",
    "No Op registered": "it uses operators that onnxruntime does not have: export it without "
    "custom operators",
    "NOT_IMPLEMENTED": "onnxruntime lacks one of its operators here: export it in float32",
}
"""What a fault of onnxruntime means, by a part of its message."""


def threads() -> int:
    """Return the threads of a session: as OMP_NUM_THREADS says, else half of the cores.

    Two processes then share a machine, or one network and the decoding of its video.
    """
    text = os.environ.get(THREADS, "")
    if text.isdecimal() and int(text) > 0:
        return int(text)
    return max(1, min(MOST_THREADS, len(os.sched_getaffinity(0)) // 2))


def providers(device: str) -> list[str | tuple[str, dict[str, str]]]:
    """Return the execution providers of a device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.

    For `mps` it is the CPU: see `replacement_note`.

    Raises:
        UsageError: if there is no such device, or onnxruntime was built without it.
    """
    import onnxruntime

    kind, _, number = device.partition(":")
    if kind not in ("auto", "cpu", "cuda", MPS) or (number and not number.isdecimal()):
        raise UsageError(f"device {device!r} is not there; use auto, cpu, cuda or mps")
    has_cuda = CUDA in onnxruntime.get_available_providers()
    if kind == "cuda" and not has_cuda:
        raise UsageError(
            f"device {device!r}: onnxruntime has no CUDA here; install onnxruntime-gpu in its "
            "place, or set detect.device to cpu"
        )
    if kind in ("cpu", MPS) or not has_cuda:
        return ["CPUExecutionProvider"]
    return [(CUDA, {"device_id": number or "0"}), "CPUExecutionProvider"]


def replacement_note(device: str) -> str:
    """Return the line that tells where graphs run on a device of torch's alone; "" on others."""
    if device.partition(":")[0] != MPS:
        return ""
    return f"onnx: graphs run on the CPU: onnxruntime does not know detect.device = {device!r}"


class GraphSession:
    """A graph that onnxruntime runs; its threads sleep while they wait."""

    def __init__(self, path: Path, device: str = "auto", content: bytes = b"") -> None:
        """Load a graph from its file, or from `content`, which is called `path` then.

        Raises:
            DetectorUnavailable: in one line, if the file is missing or cannot be run.
            UsageError: if `device` is not there.
        """
        import onnxruntime

        self.path = path
        if not content:
            check_file(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads()
        options.inter_op_num_threads = 1
        # Waiting by spinning takes the core that decodes: twice the CPU time, and slower.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4
        wanted = providers(device)
        try:
            self._session = onnxruntime.InferenceSession(
                content or str(path), options, providers=wanted
            )
        except Exception as error:  # those of onnxruntime have no class in common
            raise unusable(path, error) from None
        if device.startswith("cuda") and CUDA not in self._session.get_providers():
            raise UsageError(
                f"device {device!r}: onnxruntime cannot start CUDA; see that its CUDA and cuDNN "
                "are those of this machine, or set detect.device to cpu"
            )
        self.inputs = self._session.get_inputs()
        self.outputs = self._session.get_outputs()
        self.metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map

    def run(self, feeds: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return the outputs that are numbers, by name.

        Raises:
            DetectorUnavailable: in one line, if the graph fails on these inputs.
        """
        try:
            values = self._session.run(None, feeds)
        except Exception as error:  # as above
            raise unusable(self.path, error) from None
        names = (output.name for output in self.outputs)
        # Texts and lists of tensors are nothing that a detector found.
        return {
            name: value
            for name, value in zip(names, values, strict=True)
            if isinstance(value, np.ndarray) and value.dtype.kind in "fiub"
        }


def check_file(path: Path) -> None:
    """Check that a graph is a regular file, and that the files its weights lie in are there.

    Raises:
        DetectorUnavailable: naming the file that is missing, or why it cannot be read.
    """
    try:
        if not path.exists():
            raise BadInput(f"there is no file {path}")
        status = bounded_files.check_regular(path, MAX_BYTES)
        if status.st_size == 0:
            raise BadInput(f"{path} is empty: copy it again")
        sizes = {name: (path.parent / name, size) for name, size in external_files(path).items()}
        missing = [name for name, (file, _) in sizes.items() if not file.is_file()]
        short = [n for n, (f, size) in sizes.items() if f.is_file() and f.stat().st_size < size]
    except (BadInput, OSError) as error:
        raise DetectorUnavailable(f"detector onnx:{str(path)[:200]}: {str(error)[:300]}") from None
    if missing:
        raise DetectorUnavailable(
            f"detector onnx:{path}: its weights lie in {', '.join(missing)}, which is missing: "
            "copy it beside the graph"
        )
    if short:
        raise DetectorUnavailable(
            f"detector onnx:{path}: only a part of its weights lies in {', '.join(short)}: copy it "
            "again"
        )


def external_files(path: Path) -> dict[str, int]:
    """Return the files in which a graph keeps weights beside its own, by name, sorted.

    Each with the bytes that it must have at least.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content[:1] == b"\0" or content.find(b"location") < 0:
            return {}
    import onnx
    from google.protobuf.message import DecodeError
    from onnx import external_data_helper

    try:
        # By its name alone onnx would read another format than onnxruntime.
        model = onnx.load(str(path), format="protobuf", load_external_data=False)
    except DecodeError:
        return {}  # onnxruntime says what is wrong with it
    ends: dict[str, int] = {}
    for tensor in model.graph.initializer:
        if external_data_helper.uses_external_data(tensor):
            entries = {entry.key: entry.value for entry in tensor.external_data}
            end = sum(int(entries.get(k) or 0) for k in ("offset", "length"))
            place = entries.get("location", "")
            ends[place] = max(ends.get(place, 0), end)
    return dict(sorted(ends.items()))


def digest(path: Path) -> str:
    """Return eight hexadecimal digits of the sha256 of a graph and of all files of its weights."""
    total = sha256()
    for name in [path.name, *external_files(path)]:
        with (path.parent / name).open("rb") as file:
            while block := file.read(bounded_files.MEBIBYTE):
                total.update(block)
    return total.hexdigest()[:8]


def unusable(path: Path, error: Exception) -> DetectorUnavailable:
    """Return the error of a graph that onnxruntime refuses, in one line with the remedy."""
    text = " ".join(str(error).split())
    for part, meaning in _MEANINGS.items():
        if part in text:
            return DetectorUnavailable(f"detector onnx:{path}: {meaning}")
    reason = text.rpartition(" failed:")[2].replace("[ONNXRuntimeError] : ", "")
    return DetectorUnavailable(
        f"detector onnx:{path}: onnxruntime cannot run it ({reason[:160]}); export it again"
    )
