"""Networks for the comparison of ONNX graphs: torchvision's with random weights, and two families that torchvision
does not have, built as their papers draw them."""

import torch
import torchvision
from torch import nn


def convolution_norm(in_c, out_c, kernel, stride=1, padding=0, groups=1):
    return nn.Sequential(
        nn.Conv2d(in_c, out_c, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(out_c),
        nn.ReLU(),
    )


class InceptionBlock(nn.Module):
    """Branches 1×1, 3×3, double 3×3 and pooling, joined; stride 2 leaves out the 1×1 and passes the pool through."""

    def __init__(self, in_c, c1, r3, c3, rd, cd, pool, pool_c, stride=1):
        super().__init__()
        branches = [convolution_norm(in_c, c1, 1)] if c1 else []
        branches.append(nn.Sequential(convolution_norm(in_c, r3, 1), convolution_norm(r3, c3, 3, stride, 1)))
        branches.append(
            nn.Sequential(
                convolution_norm(in_c, rd, 1),
                convolution_norm(rd, cd, 3, 1, 1),
                convolution_norm(cd, cd, 3, stride, 1),
            )
        )
        if stride == 2:
            branches.append(nn.MaxPool2d(3, 2, 1))
        else:
            layer = nn.AvgPool2d(3, 1, 1) if pool == "average" else nn.MaxPool2d(3, 1, 1)
            branches.append(nn.Sequential(layer, convolution_norm(in_c, pool_c, 1)))
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


class InceptionV2(nn.Sequential):
    """BN-Inception: Ioffe and Szegedy, Batch Normalization, ICML 2015, figure 5."""

    def __init__(self):
        block = InceptionBlock
        super().__init__(
            convolution_norm(3, 64, 7, 2, 3),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            convolution_norm(64, 64, 1),
            convolution_norm(64, 192, 3, 1, 1),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            block(192, 64, 64, 64, 64, 96, "average", 32),
            block(256, 64, 64, 96, 64, 96, "average", 64),
            block(320, 0, 128, 160, 64, 96, "plain", 0, 2),
            block(576, 224, 64, 96, 96, 128, "average", 128),
            block(576, 192, 96, 128, 96, 128, "average", 128),
            block(576, 160, 128, 160, 128, 160, "average", 96),
            block(576, 96, 128, 192, 160, 192, "average", 96),
            block(576, 0, 128, 192, 192, 256, "plain", 0, 2),
            block(1024, 352, 192, 320, 160, 224, "average", 128),
            block(1024, 352, 192, 320, 192, 224, "max", 128),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(1024, 1000),
        )


class ShuffleUnit(nn.Module):
    """Zhang et al., ShuffleNet, CVPR 2018, figure 2."""

    def __init__(self, in_c, out_c, groups, stride, first_groups):
        super().__init__()
        self.groups, self.stride = groups, stride
        middle, branch_c = out_c // 4, out_c - in_c if stride == 2 else out_c
        self.reduce = convolution_norm(in_c, middle, 1, groups=first_groups)
        self.depthwise = nn.Sequential(
            nn.Conv2d(middle, middle, 3, stride, 1, groups=middle, bias=False), nn.BatchNorm2d(middle)
        )
        self.expand = nn.Sequential(
            nn.Conv2d(middle, branch_c, 1, groups=groups, bias=False), nn.BatchNorm2d(branch_c)
        )
        self.pool = nn.AvgPool2d(3, 2, 1)

    def forward(self, x):
        y = self.reduce(x)
        n, c, h, w = y.shape
        y = y.reshape(n, self.groups, c // self.groups, h, w).transpose(1, 2).reshape(n, c, h, w)
        y = self.expand(self.depthwise(y))
        return torch.relu(torch.cat((self.pool(x), y), 1) if self.stride == 2 else x + y)


class ShuffleNetV1(nn.Sequential):
    def __init__(self, groups=3, channels=(240, 480, 960)):
        layers = [convolution_norm(3, 24, 3, 2, 1), nn.MaxPool2d(3, 2, 1)]
        in_c = 24
        for stage, (out_c, repeat) in enumerate(zip(channels, (4, 8, 4))):
            for i in range(repeat):
                first_groups = 1 if stage == 0 and i == 0 else groups
                layers.append(ShuffleUnit(in_c, out_c, groups, 2 if i == 0 else 1, first_groups))
                in_c = out_c
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(in_c, 1000))


def build(name):
    """The network of that name in inference mode, batch norms with statistics that are not the identity."""
    torch.manual_seed(1)
    if name == "inception_v2":
        model = InceptionV2()
    elif name == "shufflenet_v1":
        model = ShuffleNetV1()
    else:
        options = {"aux_logits": False, "init_weights": False} if name in ("googlenet", "inception_v3") else {}
        model = getattr(torchvision.models, name)(weights=None, **options)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.1)
    return model.eval()
