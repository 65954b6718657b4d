"""A YOLOX-shaped ONNX file of a few kilobytes whose answer can be worked out by hand.

For each stride a convolution as large as its cell: objectness = mean brightness, every class
score = 1, the box = the cell itself. So a bright cell is a box, and its brightness the score.
"""

from pathlib import Path

import numpy as np

STRIDES = (8, 16, 32)


def write(path: Path, size: int = 64, classes: int = 1, strides: tuple[int, ...] = STRIDES) -> Path:
    """Write the model for `size` × `size` px to `path`."""
    nodes, weights = [], [tensor("flat", np.array([1, 5 + classes, -1], np.int64))]
    for s in strides:
        weights += [tensor(f"w{s}", kernel(s, classes)), tensor(f"b{s}", bias(classes))]
        sides = [attribute(name, [s, s]) for name in ("kernel_shape", "strides")]
        nodes.append(node("Conv", ["in", f"w{s}", f"b{s}"], f"map{s}", sides))
        nodes.append(node("Reshape", [f"map{s}", "flat"], f"cells{s}"))
    axis = [attribute("axis", 2)]
    nodes.append(node("Concat", [f"cells{s}" for s in strides], "all", axis))
    nodes.append(node("Transpose", ["all"], "out", [attribute("perm", [0, 2, 1])]))
    cells = sum((size // s) ** 2 for s in strides)
    graph = b"".join(field(1, n) for n in nodes) + field(2, b"tiny")
    graph += b"".join(field(5, w) for w in weights)
    graph += field(11, value("in", (1, 3, size, size)))
    graph += field(12, value("out", (1, cells, 5 + classes)))
    opset = field(1, b"") + field(2, 13)
    path.write_bytes(field(1, 8) + field(7, graph) + field(8, opset))
    return path


def kernel(stride: int, classes: int) -> np.ndarray:
    weights = np.zeros((5 + classes, 3, stride, stride), np.float32)
    weights[4] = 1 / (3 * 255 * stride**2)
    return weights


def bias(classes: int) -> np.ndarray:
    return np.array([0.5, 0.5, 0, 0, 0] + [1] * classes, np.float32)


def field(number: int, content: int | bytes) -> bytes:
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(number: int) -> bytes:
    number &= 2**64 - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def tensor(name: str, array: np.ndarray) -> bytes:
    dims = b"".join(field(1, side) for side in array.shape)
    kind = 1 if array.dtype == np.float32 else 7
    return dims + field(2, kind) + field(8, name.encode()) + field(9, array.tobytes())


def attribute(name: str, setting: int | list[int]) -> bytes:
    if isinstance(setting, int):
        return field(1, name.encode()) + field(3, setting) + field(20, 2)
    return field(1, name.encode()) + b"".join(field(8, i) for i in setting) + field(20, 7)


def node(kind: str, inputs: list[str], output: str, settings: list[bytes] = []) -> bytes:  # noqa: B006
    ends = b"".join(field(1, name.encode()) for name in inputs) + field(2, output.encode())
    return ends + field(4, kind.encode()) + b"".join(field(5, a) for a in settings)


def value(name: str, shape: tuple[int, ...]) -> bytes:
    dims = b"".join(field(1, field(1, side)) for side in shape)
    return field(1, name.encode()) + field(2, field(1, field(1, 1) + field(2, dims)))
