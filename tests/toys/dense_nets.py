"""Networks that answer with places, small enough to know what they must answer."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from brightfield.models.architecture import Candidates

Make = Callable[..., nn.Module]


def learned(make: Make) -> Make:
    """The callable with weights that count as learned: nothing has drawn them."""

    def made(**arguments: object) -> nn.Module:
        module = make(**arguments)
        for parameter in module.parameters():
            parameter.data = torch.from_numpy(parameter.detach().numpy().copy())
        return module

    return made


def grey(x: Tensor) -> Tensor:
    return x.mean(dim=1, keepdim=True)


class Bright(nn.Module):
    """A logit per class: class k is where the grey value is above (k + 0.5) / classes."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.levels = nn.Parameter((torch.arange(classes) + 0.5) / classes)

    def forward(self, x: Tensor) -> Tensor:
        return 40 * (grey(x) - self.levels[None, :, None, None])


class Strided(nn.Module):
    """Random maps with strided, dilated and enlarging layers between."""

    def __init__(self, stride: int, maps: int, finest: int = 1) -> None:
        super().__init__()
        torch.manual_seed(stride)
        self.down = nn.ModuleList(
            nn.Conv2d(4 if step else 3, 4, 3, 2, 1) for step in range(stride.bit_length() - 1)
        )
        self.middle = nn.Conv2d(4, 4, 3, padding=2, dilation=2)
        self.up = nn.Upsample(scale_factor=stride // finest, mode="bilinear")
        self.last = nn.Conv2d(4, maps, 3, padding=1)
        for layer in (*self.down, self.middle, self.last):
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = x - 0.5
        for layer in self.down:
            x = torch.tanh(3 * layer(x))
        maps: Tensor = 8 * self.last(self.up(torch.tanh(self.middle(x))))
        return maps


class Touching(nn.Module):
    """The maps of the card's instance step: bright pixels, and nearness."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(11, 1, 5)

    def forward(self, x: Tensor) -> Tensor:
        bright = 40 * (grey(x) - 0.5)
        return torch.cat([bright, self.pool(bright.sigmoid())], 1)


class Everywhere(nn.Module):
    """Another network's answer, moved by the mean of the whole image times `share`."""

    def __init__(self, network: nn.Module, share: float) -> None:
        super().__init__()
        self.network, self.share = network, share

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x) + self.share * x.mean((1, 2, 3), keepdim=True)


class Constant(nn.Module):
    def __init__(self, value: float, maps: int) -> None:
        super().__init__()
        self.value, self.maps = value, maps

    def forward(self, x: Tensor) -> Tensor:
        return torch.full_like(x[:, :1], self.value).expand(-1, self.maps, -1, -1).contiguous()


class Smooth(nn.Module):
    """Every pixel repeated, then the mean over 3 x 3: a pixel of the answer sees its neighbours."""

    def __init__(self, scale: int, channels: int = 3) -> None:
        super().__init__()
        self.up = nn.Upsample(scale_factor=scale)
        self.mean = nn.Sequential(nn.ReplicationPad2d(1), nn.AvgPool2d(3, 1))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.mean(self.up(x))
        return out


class Cells(nn.Module):
    """A candidate in each cell of `stride` pixels: class 0 where it is bright, else class 1; the
    box reaches as far as random weights on the cells around say."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stride, self.pool = stride, nn.AvgPool2d(stride)
        self.reach = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Candidates:
        cells = self.pool(x)
        sides = self.reach(cells).sigmoid().flatten(2).transpose(1, 2) * 2 * self.stride
        height, width = cells.shape[-2:]
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        points = (torch.stack([x, y], -1).reshape(1, -1, 2) + 0.5) * self.stride
        points = points.to(cells).expand(len(cells), -1, -1)
        boxes = torch.cat([points - sides[..., :2], points + sides[..., 2:]], -1)
        bright = 10 * (grey(cells) - 0.5).flatten(2).transpose(1, 2)
        return Candidates(boxes, torch.cat([bright, -bright], -1), points)


class Stamps(nn.Module):
    """Cells whose masks are discs, for models that find objects first."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = Cells(16)
        y, x = torch.meshgrid(torch.arange(14) - 6.5, torch.arange(14) - 6.5, indexing="ij")
        self.register_buffer("disc", 2 * (6.5 - (x**2 + y**2).sqrt()), persistent=False)

    def forward(self, x: Tensor) -> Candidates:
        found: Candidates = self.cells(x)
        batch, count = found.points.shape[:2]
        return found._replace(masks=self.disc.expand(batch, count, 1, -1, -1))


class Broken(nn.Module):
    """Maps of the wrong size, or values that are no numbers."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, x: Tensor) -> Tensor:
        return x[..., :-1, :] if self.how == "small" else x.repeat(1, 1, 2, 2) / 0 * 0


@learned
def bright(classes: int = 1) -> nn.Module:
    return Bright(classes)


@learned
def strided(stride: int, maps: int = 2, finest: int = 1) -> nn.Module:
    return Strided(stride, maps, finest)


@learned
def touching() -> nn.Module:
    return Touching()


@learned
def everywhere(stride: int) -> nn.Module:
    return Everywhere(Strided(stride, 2), 0.5)


@learned
def constant(value: float, maps: int) -> nn.Module:
    return Everywhere(Constant(value, maps), 0.0)


@learned
def repeated(scale: int) -> nn.Module:
    return nn.Upsample(scale_factor=scale)


@learned
def smooth(scale: int) -> nn.Module:
    return Smooth(scale)


@learned
def smooth_everywhere(scale: int) -> nn.Module:
    return Everywhere(Smooth(scale), 0.02)


@learned
def flat(value: float, scale: int) -> nn.Module:
    return Everywhere(nn.Sequential(Constant(value, 3), nn.Upsample(scale_factor=scale)), 0.0)


@learned
def cells(stride: int) -> nn.Module:
    return Cells(stride)


@learned
def stamps() -> nn.Module:
    return Stamps()


@learned
def broken(how: str) -> nn.Module:
    return Broken(how)


class Found(nn.Module):
    """Convolutions and a rectifier, then a candidate of random box and scores in each cell of
    4 x 4 pixels, and in each of 8 x 8."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
        self.logits = nn.ModuleList(nn.Conv2d(8, 2, 3, padding=1) for _ in range(2))
        self.sides = nn.ModuleList(nn.Conv2d(8, 4, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Candidates:
        maps, parts = self.body(x), []
        for level, stride in enumerate((4, 8)):
            pooled = nn.functional.avg_pool2d(maps, stride)
            logits = 4 * self.logits[level](pooled).flatten(2).transpose(1, 2)
            sides = stride * (0.5 + self.sides[level](pooled).sigmoid())
            y, x_ = torch.meshgrid(*map(torch.arange, pooled.shape[2:]), indexing="ij")
            points = ((torch.stack([x_, y], -1) + 0.5) * stride).reshape(1, -1, 2).to(pooled)
            points = points.expand(len(pooled), -1, -1)
            sides = sides.flatten(2).transpose(1, 2)
            boxes = torch.cat([points - sides[..., :2], points + sides[..., 2:]], -1)
            parts.append((boxes, logits, points))
        return Candidates(*(torch.cat(part, 1) for part in zip(*parts, strict=True)))


class Felt(nn.Module):
    """Convolutions and a rectifier, then a map per class, at half the resolution."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        torch.manual_seed(6)
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 2, padding=1), nn.ReLU())
        self.last = nn.Conv2d(8, classes, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        maps: Tensor = 8 * self.last(self.body(x))
        return maps


@learned
def found() -> nn.Module:
    return Found()


@learned
def felt(classes: int = 2) -> nn.Module:
    return Felt(classes)
