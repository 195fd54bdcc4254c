#!/usr/bin/python3
"""PyTorch's side of the comparison.

pytorch.py speed NETWORK CONFIGURATION MODE --batch N --threads N --repeat N
    prints images a second (median) and the peak memory of the process in bytes
pytorch.py agree CONVOLVE
    prints the largest difference of Facet's convolutions (the program CONVOLVE) from PyTorch's, as a part of
    the largest output, and fails above 1e-4
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time

import torch
from torch import nn

import networks

CONFIGURATIONS = {
    "train": ("nchw", "channels_last"),
    "infer": ("nchw", "channels_last", "frozen", "frozen_channels_last", "optimized"),
}
TOLERANCE = 1e-4


def training_step(model, images):
    labels = torch.randint(0, 10, (images.shape[0],))
    loss_of = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, nesterov=True, weight_decay=1e-4)
    model.train()

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss_of(model(images), labels).backward()
        optimizer.step()

    return step


def inference(model, images, configuration):
    model.eval()
    if configuration.startswith("frozen") or configuration == "optimized":
        with torch.no_grad():
            model = torch.jit.freeze(torch.jit.trace(model, images))
            if configuration == "optimized":
                model = torch.jit.optimize_for_inference(model)

    def step():
        with torch.inference_mode():
            model(images)

    return step


def speed(arguments):
    torch.set_num_threads(arguments.threads)
    model = networks.build(arguments.network)
    images = torch.randn(arguments.batch, 3, 32, 32)
    if arguments.configuration.endswith("channels_last"):
        model = model.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    if arguments.mode == "train":
        step = training_step(model, images)
    else:
        step = inference(model, images, arguments.configuration)
    for _ in range(3):  # TorchScript specialises itself in its first runs
        step()
    seconds = []
    for _ in range(arguments.repeat):
        started = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"{arguments.batch / statistics.median(seconds):.1f} {peak}")


def facet_convolution(convolve, x, w, stride, padding):
    n, c, height, width = x.shape
    k, _, kernel, _ = w.shape
    numbers = [n, height, width, c, k, kernel, stride, padding]
    given = x.permute(0, 2, 3, 1).contiguous().numpy().tobytes()
    given += w.permute(2, 3, 1, 0).contiguous().numpy().tobytes()
    command = [convolve, *map(str, numbers)]
    found = subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True).stdout
    out_h, out_w = ((size + 2 * padding - kernel) // stride + 1 for size in (height, width))
    y = torch.frombuffer(bytearray(found), dtype=torch.float32)
    return y.reshape(n, out_h, out_w, k).permute(0, 3, 1, 2)


def agree(arguments):
    """Every shape of convolution that the networks have, on a few images."""
    shapes, worst = set(), 0.0
    for name in ("resnet20", "resnet18"):
        model = networks.build(name).eval()

        def note(layer, inputs, _):
            shapes.add((inputs[0].shape[1:], layer.weight.shape, layer.stride[0], layer.padding[0]))

        for layer in model.modules():
            if isinstance(layer, nn.Conv2d):
                layer.register_forward_hook(note)
        with torch.no_grad():
            model(torch.randn(1, 3, 32, 32))
    for image, weights, stride, padding in sorted(shapes):
        x = torch.randn(4, *image)
        w = torch.randn(*weights) * (2.0 / (weights[1] * weights[2] * weights[3])) ** 0.5
        expected = nn.functional.conv2d(x, w, stride=stride, padding=padding)
        found = facet_convolution(arguments.convolve, x, w, stride, padding)
        worst = max(worst, ((found - expected).abs().max() / expected.abs().max()).item())
    print(f"convolutions of {len(shapes)} shapes agree to {worst:.1e}")
    if not worst <= TOLERANCE:
        sys.exit(f"pytorch.py: Facet's convolutions differ by {worst:.1e}, more than {TOLERANCE:.0e}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    tasks = parser.add_subparsers(dest="task", required=True)
    task = tasks.add_parser("speed")
    task.add_argument("network")
    task.add_argument("configuration", choices=CONFIGURATIONS["infer"])
    task.add_argument("mode", choices=CONFIGURATIONS)
    task.add_argument("--batch", type=int, default=128)
    task.add_argument("--threads", type=int, default=1)
    task.add_argument("--repeat", type=int, default=5)
    task = tasks.add_parser("agree")
    task.add_argument("convolve")
    arguments = parser.parse_args()
    if arguments.task == "speed":
        speed(arguments)
    else:
        agree(arguments)


main()
