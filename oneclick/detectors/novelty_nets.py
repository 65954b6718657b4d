"""Networks for novelty detection: an autoencoder with a doubt map, and a GANomaly (novelty.py)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from oneclick.core.errors import UnknownName

if TYPE_CHECKING:
    from torch import Tensor, nn

NoveltyKind = Literal["novelty-autoencoder", "novelty-gan"]
Floats = NDArray[np.float32]

KINDS: tuple[NoveltyKind, ...] = ("novelty-autoencoder", "novelty-gan")
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
    """Build the network of that kind with random weights.

    Called with (n, 3, HEIGHT, WIDTH) images of equalized brightness, it returns the restored
    pictures (n, 3, *HALF) and the doubt (n, h, w), 0 or more, highest where something does not
    belong.

    Args:
        background: (3, HEIGHT, WIDTH) 0 … 1, the camera's ordinary picture.

    Raises:
        UnknownName: nothing is called `kind`.
    """
    import torch

    if kind not in KINDS:
        raise UnknownName("model of novelty", kind, KINDS)
    autoencoder, ganomaly = _network_classes()
    network: nn.Module = (autoencoder if kind == KINDS[0] else ganomaly)(background)
    # A third faster than channels first on a CPU.
    return network.to(memory_format=torch.channels_last)


def doubt_and_error(network: nn.Module, images: Floats) -> tuple[Floats, Floats]:
    """Return doubt (n, h, w) and reconstruction error (n, *HALF), averaged over WINDOW cells.

    Args:
        images: (n, 3, HEIGHT, WIDTH) of equalized brightness.
    """
    import torch
    from torch.nn import functional

    def smooth(cells: Tensor) -> Floats:
        """Average over WINDOW × WINDOW cells, (n, h, w)."""
        means = functional.avg_pool2d(
            cells[:, None], WINDOW, 1, WINDOW // 2, count_include_pad=False
        )
        return np.asarray(means[:, 0].numpy())

    doubts, errors = [], []
    with torch.inference_mode():
        for batch in torch.split(torch.from_numpy(images), BATCH):
            restored, doubt = network(batch)
            error = (restored - functional.avg_pool2d(batch, 2)).abs().mean(1)
            doubts.append(smooth(doubt))
            errors.append(smooth(error))
    return np.concatenate(doubts), np.concatenate(errors)


@cache
def _network_classes() -> tuple[Any, Any]:
    """Define the two classes of networks on first use, for torch takes seconds to import."""
    import torch
    from torch import nn
    from torch.nn import functional

    def conv_block(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.LeakyReLU(0.1, inplace=True),
        )

    def upsample() -> nn.Module:
        return nn.Upsample(scale_factor=2.0)

    def zero_conv(inputs: int, outputs: int) -> nn.Module:
        """Return a layer of zero weights: the untrained network restores the background."""
        layer = nn.Conv2d(inputs, outputs, 3, 1, 1)
        for weights in layer.parameters():
            nn.init.zeros_(weights)
        return layer

    class Relative(nn.Module):
        """An image with its difference from the background and pixel coordinates: 8 channels."""

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
            self.near = nn.Sequential(conv_block(8, 16, 2), conv_block(16, 32, 2))
            self.wide = nn.Sequential(
                conv_block(32, 48, 2), conv_block(48, 48), upsample(), conv_block(48, 32)
            )
            self.code = nn.Conv2d(64, CODE, 3, 1, 1)

        def forward(self, image: Tensor) -> Tensor:
            near = self.near(image)
            code: Tensor = self.code(torch.cat([near, self.wide(near)], 1))
            return code

    class Restorer(nn.Module):
        """Encoder and decoder; what is decoded is the difference from the background."""

        backdrop: Tensor

        def __init__(self, background: Floats) -> None:
            super().__init__()
            picture = torch.from_numpy(background)
            self.relative, self.encoder = Relative(picture), Encoder()
            self.decoder = nn.Sequential(
                conv_block(CODE, 32), conv_block(32, 32), upsample(), conv_block(32, 16)
            )
            self.picture = zero_conv(16, 3)
            self.register_buffer("backdrop", functional.avg_pool2d(picture, 2)[None])

    class Autoencoder(Restorer):
        def __init__(self, background: Floats) -> None:
            super().__init__(background)
            self.doubt = nn.Sequential(conv_block(22, 16), conv_block(16, 16), zero_conv(16, 1))

        def odds(self, image: Tensor) -> tuple[Tensor, Tensor]:
            """Return restored pictures, and the log-odds (n, *HALF) that a place was replaced."""
            decoded = self.decoder(self.encoder(self.relative(image)))
            restored, half = self.backdrop + self.picture(decoded), functional.avg_pool2d(image, 2)
            evidence = torch.cat([decoded, 3 * (half - restored), 3 * (half - self.backdrop)], 1)
            return restored, self.doubt(evidence)[:, 0]

        def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
            restored, odds = self.odds(image)
            return restored, functional.softplus(odds)

    class Ganomaly(Restorer):
        def __init__(self, background: Floats) -> None:
            super().__init__(background)
            self.relative_half = Relative(self.backdrop[0])
            self.again = nn.Sequential(
                conv_block(8, 32, 2), conv_block(32, 32), nn.Conv2d(32, CODE, 3, 1, 1)
            )

        def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
            code = self.encoder(self.relative(image))
            restored = self.backdrop + self.picture(self.decoder(code))
            restored_code = self.again(self.relative_half(restored))
            return restored, (code - restored_code).square().mean(1).add(1e-6).sqrt()

    return Autoencoder, Ganomaly
