"""The zoo's residual networks (compute/network/zoo_resnet.c), layer for layer, in PyTorch."""

import torch
from torch import nn
from torch.nn import functional


class PaddedShortcut(nn.Module):
    """Option A: every second pixel, channels padded with zeros on both sides."""

    def __init__(self, stride, padding):
        super().__init__()
        self.stride, self.padding = stride, padding

    def forward(self, x):
        taken = x[:, :, :: self.stride, :: self.stride]
        return functional.pad(taken, (0, 0, 0, 0, self.padding, self.padding))


def convolution_norm(in_c, out_c, kernel, stride):
    return nn.Sequential(
        nn.Conv2d(in_c, out_c, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(out_c)
    )


class Block(nn.Module):
    def __init__(self, in_c, out_c, stride, padded):
        super().__init__()
        self.first = convolution_norm(in_c, out_c, 3, stride)
        self.second = convolution_norm(out_c, out_c, 3, 1)
        self.relu = nn.ReLU(inplace=True)
        if in_c == out_c and stride == 1:
            self.shortcut = nn.Identity()
        elif padded:
            self.shortcut = PaddedShortcut(stride, (out_c - in_c) // 2)
        else:
            self.shortcut = convolution_norm(in_c, out_c, 1, stride)

    def forward(self, x):
        branch = self.second(self.relu(self.first(x)))
        return self.relu(branch + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self, first_c, blocks, padded, classes):
        super().__init__()
        self.stem = nn.Sequential(*convolution_norm(3, first_c, 3, 1), nn.ReLU(inplace=True))
        stages, in_c = [], first_c
        for stage, count in enumerate(blocks):
            out_c = first_c << stage
            for i in range(count):
                stages.append(Block(in_c, out_c, 2 if stage > 0 and i == 0 else 1, padded))
                in_c = out_c
        self.stages = nn.Sequential(*stages)
        self.output = nn.Linear(in_c, classes)

    def forward(self, x):
        return self.output(self.stages(self.stem(x)).mean((2, 3)))


def build(name, classes=10):
    torch.manual_seed(1)
    if name == "resnet18":
        return ResNet(64, (2, 2, 2, 2), False, classes)
    if name in ("resnet20", "resnet32", "resnet44", "resnet56", "resnet110"):
        depth = (int(name[len("resnet") :]) - 2) // 6
        return ResNet(16, (depth, depth, depth), True, classes)
    raise SystemExit(f"networks.py: no network {name}")
