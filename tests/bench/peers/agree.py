#!/usr/bin/python3
"""Whether Facet's numbers are those of PyTorch and OpenCV.

agree.py --facet build/bin/facet [--images 256] [--few 4] [--only PART ...] [--shared ../shared]

  cifar      the CIFAR networks of ../shared/models on test images: beside PyTorch, and their export in cv2.dnn
  networks   resnet18, vgg16 and mobilenet_v2 from torchvision, 224×224
  graphs     many more architectures, on --few images
  opsets     some of them exported for each operator set from 9 to 17
  modules    resnet20 decomposed: one module, and a composition of ten, in cv2.dnn beside `facet predict`

Prints for each the largest difference as a part of the largest output, and fails above 1e-4. Random weights; the
libraries are Debian's, for /usr/bin/python3 (python3-torch, python3-torchvision, python3-onnx, python3-opencv).
"""

import argparse
import glob
import os
import subprocess
import sys
import tarfile
import tempfile
import warnings

import cv2
import numpy
import torch

import graphs
import onnx_torch

TOLERANCE = 1e-4
BATCH = 16
SCALINGS = {
    "cifar10": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "cifar100": ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
}
CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck".split()
GRAPHS = (
    "alexnet", "densenet121", "efficientnet_b0", "googlenet", "inception_v2", "inception_v3", "mnasnet1_0",
    "mobilenet_v3_small", "regnet_x_400mf", "resnet50", "resnext50_32x4d", "shufflenet_v1", "shufflenet_v2_x1_0",
    "squeezenet1_0", "squeezenet1_1", "vgg19",
)  # fmt: skip
# OpenCV 4.6 cannot read, or gets wrong, the squeeze-and-excitation of these; PyTorch's operators run the export.
NOT_IN_OPENCV = ("efficientnet_b0", "mobilenet_v3_small")


class Comparison:
    def __init__(self, arguments, folder):
        self.arguments, self.folder, self.failures = arguments, folder, 0

    def path(self, name):
        return os.path.join(self.folder, name)

    def facet(self, *words):
        environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
        done = subprocess.run([self.arguments.facet, *words], capture_output=True, text=True, env=environment)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip()[:600])
        return done.stdout

    def predict(self, network, images):
        numpy.save(self.path("x.npy"), images)
        self.facet("predict", network, "--input", self.path("x.npy"), "--output", self.path("y.npy"))
        return numpy.load(self.path("y.npy"))

    def tell(self, what, expected, found):
        shapes = expected.shape == found.shape
        part = float(numpy.abs(expected - found).max() / numpy.abs(expected).max()) if shapes else float("nan")
        fine = shapes and part <= TOLERANCE
        self.failures += not fine
        shape = "x".join(str(d) for d in found.shape)
        print(f"{what:62} {shape:>14} {part:9.1e} {'' if fine else f'FAILED: expected shape {expected.shape}'}", flush=True)

    def attempt(self, what, work):
        try:
            work()
        except Exception as problem:  # what fails is one line of the table; the others still run
            self.failures += 1
            first_line = str(problem).partition("\n")[0]
            print(f"{what:62} FAILED: {type(problem).__name__}: {first_line}", flush=True)


def in_pieces(work, images, size=BATCH):
    return numpy.concatenate([work(images[i : i + size]) for i in range(0, len(images), size)])


def in_opencv(path, images):
    net = cv2.dnn.readNetFromONNX(path)

    def one(piece):
        net.setInput(piece)
        return net.forward().copy()

    return in_pieces(one, images, 1)


def test_images(tar_path, count):
    """Every so many of the images of a tar, (N, C, H, W) uint8."""
    with tarfile.open(tar_path) as tar:
        members = [m for m in tar if m.isfile()]
        chosen = members[:: max(1, len(members) // count)][:count]
        files = [tar.extractfile(m).read() for m in chosen]
    images = [cv2.imdecode(numpy.frombuffer(f, "u1"), cv2.IMREAD_COLOR)[:, :, ::-1] for f in files]
    return numpy.stack(images).transpose(0, 3, 1, 2).copy()


def scaled(pixels, name):
    mean, std = (numpy.array(v, "f4").reshape(3, 1, 1) for v in SCALINGS[name])
    return ((pixels.astype("f4") / 255 - mean) / std).astype("f4")


def compare_cifar(c):
    shared = c.arguments.shared
    for path in sorted(glob.glob(f"{shared}/models/*.onnx")):
        name = os.path.basename(path)[: -len(".onnx")]
        data = name.split("-")[1]
        pixels = test_images(f"{shared}/data/{data}-test.tar", c.arguments.images)

        def work():
            mean, std = (",".join(map(str, v)) for v in SCALINGS[data])
            network, graph, images = c.path("n.h5"), c.path("again.onnx"), scaled(pixels, data)
            c.facet("import", path, "--mean", mean, "--std", std, "-o", network)
            expected = in_pieces(lambda piece: onnx_torch.run(path, piece), images)
            c.tell(f"{name}: import, PyTorch", expected, c.predict(network, images))
            c.tell(f"{name}: import and scaling, PyTorch", expected, c.predict(network, pixels))
            c.facet("export", network, "-o", graph)
            c.tell(f"{name}: export, cv2.dnn", expected, in_opencv(graph, images))

        c.attempt(name, work)


def export_graph(model, image, path, opset):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, image, path, opset_version=opset, input_names=["image"], output_names=["logits"],
            dynamic_axes={"image": {0: "n"}, "logits": {0: "n"}})  # fmt: skip


def compare_network(c, name, count, size=224, opset=14, exported=True):
    def work():
        model = graphs.build(name)
        images = torch.randn(count, 3, size, size)
        graph, network = c.path("net.onnx"), c.path("net.h5")
        export_graph(model, images[:1], graph, opset)
        c.facet("import", graph, "-o", network)
        with torch.no_grad():
            expected = in_pieces(lambda piece: model(torch.from_numpy(piece)).numpy(), images.numpy())
        what = f"{name}: operator set {opset}"
        c.tell(f"{what}: import, PyTorch", expected, c.predict(network, images.numpy()))
        if exported:
            c.facet("export", network, "-o", graph)
            if name in NOT_IN_OPENCV:
                found = in_pieces(lambda piece: onnx_torch.run(graph, piece), images.numpy())
                c.tell(f"{what}: export, PyTorch", expected, found)
            else:
                c.tell(f"{what}: export, cv2.dnn", expected, in_opencv(graph, images.numpy()))

    c.attempt(name, work)


def compare_networks(c):
    for name in ("resnet18", "vgg16", "mobilenet_v2"):
        compare_network(c, name, c.arguments.images)


def compare_graphs(c):
    for name in GRAPHS:
        compare_network(c, name, c.arguments.few, 299 if name == "inception_v3" else 224)


def compare_opsets(c):
    for opset in range(9, 18):
        names = ["mobilenet_v2", "googlenet"]
        if opset > 10:  # PyTorch cannot write its channel shuffle in older ones
            names.append("shufflenet_v2_x1_0")
        for name in names:
            compare_network(c, name, c.arguments.few, 64, opset, False)


def compare_modules(c):
    shared = c.arguments.shared
    pixels = test_images(f"{shared}/data/cifar10-test.tar", c.arguments.images)
    images = scaled(pixels, "cifar10")
    mean, std = (",".join(map(str, v)) for v in SCALINGS["cifar10"])
    data, network, run, names = (c.path(name) for name in ("d.h5", "n.h5", "run", "names.txt"))
    with open(names, "w") as file:
        file.write("\n".join(CIFAR10) + "\n")
    c.facet("import-data", f"{shared}/data/cifar10-train.tar", "-o", data)
    scaling = ("--mean", mean, "--std", std, "--class-names", names)
    c.facet("import", f"{shared}/models/resnet20-cifar10.onnx", *scaling, "-o", network)
    c.facet("decompose", network, "--data", data, "--method", "activation", "-o", run)
    modules, composition = f"{run}/modules.h5", c.path("c.h5")
    c.facet("compose", modules, "-o", composition)
    for what, source, file in (("one module", f"{modules}:#3", None), ("ten modules", composition, composition)):

        def work():
            graph = c.path("m.onnx")
            c.facet("export", source, "-o", graph)
            single = file
            if single is None:
                single = c.path("one.h5")
                c.facet("compose", source, "-o", single)
            expected = c.predict(single, images)
            c.tell(f"resnet20, {what}: export, cv2.dnn", expected, in_opencv(graph, images))
            c.tell(f"resnet20, {what}: export, PyTorch", expected, in_pieces(lambda p: onnx_torch.run(graph, p), images))
            c.facet("import", graph, "-o", c.path("again.h5"))
            c.tell(f"resnet20, {what}: export, imported again", expected, c.predict(c.path("again.h5"), images))

        c.attempt(what, work)


PARTS = {
    "cifar": compare_cifar,
    "networks": compare_networks,
    "graphs": compare_graphs,
    "opsets": compare_opsets,
    "modules": compare_modules,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--facet", required=True)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--few", type=int, default=4)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--shared", default=os.path.join(here, "../../../../shared"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        comparison = Comparison(arguments, folder)
        for part in arguments.only:
            PARTS[part](comparison)
    print(f"{comparison.failures} failed" if comparison.failures else "all agree")
    return 1 if comparison.failures else 0


if __name__ == "__main__":
    sys.exit(main())
