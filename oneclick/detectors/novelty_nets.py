"""The networks of novelty: an autoencoder that doubts, and a GANomaly (see novelty.py)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from oneclick.core.errors import UnknownName

if TYPE_CHECKING:
    from torch import Tensor, nn

Kind = Literal["novelty-autoencoder", "novelty-gan"]
Floats = NDArray[np.float32]

KINDS: tuple[Kind, ...] = ("novelty-autoencoder", "novelty-gan")
WIDTH, HEIGHT = 96, 64
"""Frames are shrunk to this, whatever their proportions."""
HALF = (HEIGHT // 2, WIDTH // 2)
"""Rows and columns of the restored picture."""
CODE = 24
"""Channels of the code, a quarter of the frame's rows and columns."""
BATCH = 16
WINDOW = 3
"""Cells that doubt and error are averaged over, across and down."""


def build(kind: str, background: Floats) -> nn.Module:
    """The network of that kind with random weights.

    Called with (n, 3, HEIGHT, WIDTH) evened images, it gives the restored pictures (n, 3, *HALF)
    and the doubt (n, h, w), 0 or more, highest where something does not belong.

    Raises:
        UnknownName: nothing is called `kind`.
    """
    import torch

    if kind not in KINDS:
        raise UnknownName("model of novelty", kind, KINDS)
    autoencoder, ganomaly = _networks()
    network: nn.Module = (autoencoder if kind == KINDS[0] else ganomaly)(background)
    # A third faster than channels first on a CPU.
    return network.to(memory_format=torch.channels_last)


def maps(network: nn.Module, images: Floats) -> tuple[Floats, Floats]:
    """Doubt (n, h, w) and reconstruction error (n, *HALF) of evened images, softened by WINDOW."""
    import torch
    from torch.nn import functional

    doubts, errors = [], []
    with torch.inference_mode():
        for part in torch.split(torch.from_numpy(images), BATCH):
            restored, doubt = network(part)
            error = (restored - functional.avg_pool2d(part, 2)).abs().mean(1)
            doubts.append(_soft(doubt).numpy())
            errors.append(_soft(error).numpy())
    return np.concatenate(doubts), np.concatenate(errors)


def _soft(cells: Tensor) -> Tensor:
    from torch.nn import functional

    soft = functional.avg_pool2d(cells[:, None], WINDOW, 1, WINDOW // 2, count_include_pad=False)
    return soft[:, 0]


@cache
def _networks() -> tuple[Any, Any]:
    """The two classes of networks; made on first use, for torch takes seconds to load."""
    import torch
    from torch import nn
    from torch.nn import functional

    def layer(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.LeakyReLU(0.1, inplace=True),
        )

    def larger() -> nn.Module:
        return nn.Upsample(scale_factor=2.0)

    class Relative(nn.Module):
        """An image with its difference from the background and its place: 8 channels."""

        background: Tensor
        place: Tensor

        def __init__(self, background: Tensor) -> None:
            super().__init__()
            height, width = background.shape[1:]
            rows, columns = torch.linspace(-1, 1, height), torch.linspace(-1, 1, width)
            place = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))
            self.register_buffer("background", background[None])
            self.register_buffer("place", place[None])

        def forward(self, image: Tensor) -> Tensor:
            place = self.place.expand(len(image), -1, -1, -1)
            return torch.cat([image - 0.5, 3 * (image - self.background), place], 1)

    class Encoder(nn.Module):
        """Four times smaller, CODE channels, each aware of its surroundings."""

        def __init__(self) -> None:
            super().__init__()
            self.near = nn.Sequential(layer(8, 16, 2), layer(16, 32, 2))
            self.wide = nn.Sequential(layer(32, 48, 2), layer(48, 48), larger(), layer(48, 32))
            self.code = nn.Conv2d(64, CODE, 3, 1, 1)

        def forward(self, image: Tensor) -> Tensor:
            near = self.near(image)
            code: Tensor = self.code(torch.cat([near, self.wide(near)], 1))
            return code

    def last(inputs: int, outputs: int) -> nn.Module:
        """A layer that starts at zero: at first all is background."""
        made = nn.Conv2d(inputs, outputs, 3, 1, 1)
        for weights in made.parameters():
            nn.init.zeros_(weights)
        return made

    class Restorer(nn.Module):
        """Encoder and decoder; what is decoded is the difference from the background."""

        backdrop: Tensor

        def __init__(self, background: Floats) -> None:
            super().__init__()
            picture = torch.from_numpy(background)
            self.relative, self.encoder = Relative(picture), Encoder()
            self.decoder = nn.Sequential(layer(CODE, 32), layer(32, 32), larger(), layer(32, 16))
            self.picture = last(16, 3)
            self.register_buffer("backdrop", functional.avg_pool2d(picture, 2)[None])

    class Autoencoder(Restorer):
        def __init__(self, background: Floats) -> None:
            super().__init__(background)
            self.doubt = nn.Sequential(layer(22, 16), layer(16, 16), last(16, 1))

        def odds(self, image: Tensor) -> tuple[Tensor, Tensor]:
            """Restored pictures, and the log-odds (n, *HALF) that a place was replaced."""
            made = self.decoder(self.encoder(self.relative(image)))
            restored, half = self.backdrop + self.picture(made), functional.avg_pool2d(image, 2)
            seen = torch.cat([made, 3 * (half - restored), 3 * (half - self.backdrop)], 1)
            return restored, self.doubt(seen)[:, 0]

        def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
            restored, odds = self.odds(image)
            return restored, functional.softplus(odds)

    class Ganomaly(Restorer):
        def __init__(self, background: Floats) -> None:
            super().__init__(background)
            self.relative_half = Relative(self.backdrop[0])
            self.again = nn.Sequential(layer(8, 32, 2), layer(32, 32), nn.Conv2d(32, CODE, 3, 1, 1))

        def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
            code = self.encoder(self.relative(image))
            restored = self.backdrop + self.picture(self.decoder(code))
            code_again = self.again(self.relative_half(restored))
            return restored, (code - code_again).square().mean(1).add(1e-6).sqrt()

    return Autoencoder, Ganomaly
