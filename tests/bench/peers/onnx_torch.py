"""An interpreter of ONNX graphs in PyTorch: each node is what the operator's definition says, nothing is fused or
folded, whole numbers stay in NumPy. Slow and simple: a second opinion on graphs that PyTorch cannot read itself."""

import numpy
import onnx
import torch
from onnx import numpy_helper
from torch.nn import functional


def attributes_of(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def pads_of(attributes, image, kernel):
    """(left, right, top, bottom), as torch's pad takes them."""
    mode = attributes.get("auto_pad", b"NOTSET")
    if mode in (b"NOTSET", b""):
        top, left, bottom, right = attributes.get("pads", [0, 0, 0, 0])
        return left, right, top, bottom
    sides = []
    for axis in (1, 0):
        if mode == b"VALID":
            sides += [0, 0]
            continue
        size, stride = image.shape[2 + axis], attributes.get("strides", [1, 1])[axis]
        reach = (kernel[axis] - 1) * attributes.get("dilations", [1, 1])[axis] + 1
        total = max((-(-size // stride) - 1) * stride + reach - size, 0)
        small, large = total // 2, total - total // 2
        sides += [small, large] if mode == b"SAME_UPPER" else [large, small]
    return tuple(sides)


def convolve(attributes, image, weight, bias=None):
    padded = functional.pad(image, pads_of(attributes, image, weight.shape[2:]))
    return functional.conv2d(
        padded,
        weight,
        bias,
        attributes.get("strides", [1, 1]),
        0,
        attributes.get("dilations", [1, 1]),
        attributes.get("group", 1),
    )


def ceil_extra(size, kernel, stride):
    """Pixels that ceil_mode adds behind a padded side so that the last, partial window counts."""
    return (kernel - size) % stride if size > kernel else 0


def pool(attributes, image, maximum):
    kernel = attributes["kernel_shape"]
    strides = attributes.get("strides", [1, 1])
    pads = pads_of(attributes, image, kernel)
    fill = -float("inf") if maximum else 0.0
    padded = functional.pad(image, pads, value=fill)
    ones = functional.pad(
        torch.ones_like(image), pads, value=float(attributes.get("count_include_pad", 0))
    )
    if attributes.get("ceil_mode", 0):
        extra = []
        for axis in (1, 0):
            more = ceil_extra(padded.shape[2 + axis], kernel[axis], strides[axis])
            last = padded.shape[2 + axis] + more - kernel[axis]  # where the last window starts
            inside = image.shape[2 + axis] + pads[2 * (1 - axis)]
            extra += [0, more if last < inside else 0]
        padded = functional.pad(padded, extra, value=fill)
        ones = functional.pad(ones, extra)
    if maximum:
        return functional.max_pool2d(padded, kernel, strides)
    sums = functional.avg_pool2d(padded, kernel, strides)
    return sums / functional.avg_pool2d(ones, kernel, strides)


def slice_array(value, starts, ends, axes=None, steps=None):
    axes = range(len(starts)) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    places = [slice(None)] * value.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps):
        places[axis] = slice(int(start), None if step < 0 and end < -value.shape[axis] else int(end), int(step))
    return value[tuple(places)]


def reshape(value, wanted):
    sizes = [value.shape[i] if size == 0 else int(size) for i, size in enumerate(wanted)]
    return value.reshape(sizes)


def pad(attributes, value, pads=None, fill=0.0):
    pads = attributes.get("pads") if pads is None else pads
    rank, torch_pads = value.ndim, []
    for axis in reversed(range(rank)):
        torch_pads += [int(pads[axis]), int(pads[rank + axis])]
    return functional.pad(value, torch_pads, value=float(fill))


def squeeze(value, axes):
    for axis in sorted((int(a) % value.ndim for a in axes), reverse=True):
        value = value.squeeze(axis)
    return value


def unsqueeze(value, axes):
    rank = value.ndim + len(axes)
    for axis in sorted(int(a) % rank for a in axes):
        value = value[(slice(None),) * axis + (None,)]
    return value


def softmax(attributes, value, opset, log):
    apply = torch.log_softmax if log else torch.softmax
    if opset >= 13:
        return apply(value, attributes.get("axis", -1))
    axis = attributes.get("axis", 1)
    return apply(value.flatten(axis), -1).reshape(value.shape)


def split(value, outputs, axis, sizes=None):
    if sizes is None:
        sizes = [-(-value.shape[axis] // outputs)] * outputs
        sizes[-1] = value.shape[axis] - sum(sizes[:-1])
    return list(torch.split(value, [int(s) for s in sizes], axis))


def same_kind(*values):
    """Shapes are NumPy's; where one meets an image it becomes a tensor."""
    if any(torch.is_tensor(v) for v in values):
        return [v if torch.is_tensor(v) else torch.as_tensor(v) for v in values]
    return values


def divide(a, b):
    whole = not torch.is_tensor(a) and numpy.issubdtype(a.dtype, numpy.integer)
    return a // b if whole else a / b


def transpose(value, order):
    return value.permute(order) if torch.is_tensor(value) else value.transpose(order)


def compute(node, a, v, opset):
    """The outputs of a node with attributes `a` and inputs `v` (None: left out)."""
    x, kind = (v[0] if v else None), node.op_type
    if kind in ("Add", "Sub", "Mul", "Div"):
        left, right = same_kind(v[0], v[1])
        return {"Add": lambda: left + right, "Sub": lambda: left - right, "Mul": lambda: left * right,
                "Div": lambda: divide(left, right)}[kind]()
    if kind == "Split":
        sizes = v[1] if len(v) > 1 else a.get("split")
        return split(x, len(node.output), a.get("axis", 0), sizes)
    if kind == "ReduceMean":
        axes = a.get("axes") if len(v) < 2 else [int(i) for i in v[1]]
        return x.mean(axes, bool(a.get("keepdims", 1)))
    if kind == "Gemm":
        left, right = x.T if a.get("transA") else x, v[1].T if a.get("transB") else v[1]
        product = a.get("alpha", 1.0) * (left @ right)
        return product if len(v) < 3 else product + a.get("beta", 1.0) * v[2]
    if kind == "Clip":
        low = v[1] if len(v) > 1 else a.get("min")
        high = v[2] if len(v) > 2 else a.get("max")
        return torch.clamp(x, None if low is None else float(low), None if high is None else float(high))
    if kind == "ConstantOfShape":
        value = numpy_helper.to_array(a["value"]) if "value" in a else numpy.zeros(1, "f4")
        return numpy.full([int(i) for i in x], value[0])
    if kind == "Constant":
        return constant(a)
    return {
        "Conv": lambda: convolve(a, *v),
        "BatchNormalization": lambda: functional.batch_norm(
            x, v[3], v[4], v[1], v[2], False, 0.0, a.get("epsilon", 1e-5)),
        "Relu": lambda: torch.relu(x),
        "LeakyRelu": lambda: functional.leaky_relu(x, a.get("alpha", 0.01)),
        "Sigmoid": lambda: torch.sigmoid(x),
        "Tanh": lambda: torch.tanh(x),
        "HardSigmoid": lambda: torch.clamp(a.get("alpha", 0.2) * x + a.get("beta", 0.5), 0, 1),
        "HardSwish": lambda: x * torch.clamp(x / 6 + 0.5, 0, 1),
        "MaxPool": lambda: pool(a, x, True),
        "AveragePool": lambda: pool(a, x, False),
        "GlobalAveragePool": lambda: x.mean((2, 3), True),
        "GlobalMaxPool": lambda: x.amax((2, 3), True),
        "MatMul": lambda: x @ v[1],
        "Sum": lambda: sum(v[1:], x),
        "Concat": lambda: torch.cat(v, a["axis"]) if torch.is_tensor(x) else numpy.concatenate(v, a["axis"]),
        "LRN": lambda: functional.local_response_norm(
            x, a["size"], a.get("alpha", 1e-4), a.get("beta", 0.75), a.get("bias", 1.0)),
        "Flatten": lambda: x.reshape(int(numpy.prod(x.shape[: a.get("axis", 1)])), -1),
        "Reshape": lambda: reshape(x, v[1]),
        "Squeeze": lambda: squeeze(x, v[1] if len(v) > 1 else a.get("axes")),
        "Unsqueeze": lambda: unsqueeze(x, v[1] if len(v) > 1 else a.get("axes")),
        "Transpose": lambda: transpose(x, a["perm"]),
        "Pad": lambda: pad(a, x, *v[1:3]) if len(v) > 1 else pad(a, x, None, a.get("value", 0.0)),
        "Slice": lambda: slice_array(x, *v[1:]) if len(v) > 1 else slice_array(
            x, a["starts"], a["ends"], a.get("axes")),
        "Shape": lambda: numpy.array(x.shape, "i8"),
        "Gather": lambda: numpy.take(x, v[1], a.get("axis", 0)),
        "Cast": lambda: x if torch.is_tensor(x) else x.astype(onnx.mapping.TENSOR_TYPE_TO_NP_TYPE[a["to"]]),
        "Identity": lambda: x,
        "Dropout": lambda: x,
        "Softmax": lambda: softmax(a, x, opset, False),
        "LogSoftmax": lambda: softmax(a, x, opset, True),
    }[kind]()


def constant(a):
    if "value" in a:
        array = numpy_helper.to_array(a["value"])
        return torch.from_numpy(array.copy()) if array.dtype == numpy.float32 and array.ndim else array
    return numpy.array(next(iter(a.values())))


def run(path, images):
    """What the graph in a file gives for an array of images, float32."""
    model = onnx.load(path)
    opset = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
    values = {"": None}
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        values[tensor.name] = torch.from_numpy(array.copy()) if array.dtype == numpy.float32 else array
    inputs = [i.name for i in model.graph.input if i.name not in values]
    values[inputs[0]] = torch.from_numpy(numpy.asarray(images, numpy.float32))
    with torch.no_grad():
        for node in model.graph.node:
            found = compute(node, attributes_of(node), [values[name] for name in node.input], opset)
            found = found if isinstance(found, list) else [found]
            values.update(zip(node.output, found))
    return values[model.graph.output[0].name].numpy()
