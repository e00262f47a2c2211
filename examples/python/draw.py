"""Draws the images of `sampler --seed SEED` from a one-file sampler into levels.raw, uint8 [images, height, width]
or [images, height, width, channels].

    pip install -r requirements.txt
    python draw.py pixelcnn.sampler.onnx [IMAGES [SEED [TEMPERATURE [CLASS [PICTURE]]]]]

See ../README.md. ENGINE=onnxruntime (the default), openvino or reference says what runs the file.
"""
import json, os, sys, time
import numpy as np

def uniforms(seed, stream, n):
    """The first n of Go's rand.New(rand.NewPCG(seed, stream)).Float64()."""
    state, low = seed << 64 | stream, 2**64 - 1
    for _ in range(n):
        state = (state * 0x2360ED051FC65DA44385DF649FCCF645 + 0x5851F42D4C957F2D14057B7EF767814F) % 2**128
        hi = state >> 64
        hi = (hi ^ hi >> 32) * 0xDA942042E4DD58B5 & low
        hi = (hi ^ hi >> 48) * (state & low | 1) & low
        yield hi % 2**53 / 2**53

def draw_class(prior, u):
    """The first class up to which the probabilities add up to more than u."""
    sums = np.cumsum(prior)
    return int(np.argmax(sums > u)) if u < sums[-1] else int(np.flatnonzero(prior)[-1])

def load(engine, file):
    """What runs the file on inputs by name, and its metadata."""
    outputs = ["levels", "logprob"]
    if engine == "onnxruntime":
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # the operators are small
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        return lambda inputs: session.run(outputs, inputs), session.get_modelmeta().custom_metadata_map
    import onnx, onnx.reference
    metadata = {p.key: p.value for p in onnx.load(file).metadata_props}
    if engine == "openvino":
        import openvino
        model = openvino.compile_model(file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        return lambda inputs: [model(inputs)[name] for name in outputs], metadata
    session = onnx.reference.ReferenceEvaluator(file)
    return lambda inputs: session.run(outputs, inputs), metadata

file, images, seed, temperature, label, picture = (sys.argv[1:] + ["4", "0", "1", "-", ""][len(sys.argv) - 2 :])
n, seed = int(images), int(seed)
run, metadata = load(os.environ.get("ENGINE", "onnxruntime"), file)
height, width = int(metadata["pixelcnn.height"]), int(metadata["pixelcnn.width"])
channels = int(metadata.get("pixelcnn.channels", 1))
shape = (height, width, channels) if channels > 1 else (height, width)
coins = [list(uniforms(seed, i, height * width * channels)) for i in range(n)]
inputs = {"uniforms": np.reshape(coins, (n, *shape)), "temperature": np.array([float(temperature)])}
if "pixelcnn.label" in metadata:
    prior = json.loads(metadata["pixelcnn.class_prior"])
    drawn = [draw_class(prior, next(uniforms(seed, 2**62 + i, 1))) for i in range(n)]
    inputs["label"] = np.array(drawn if label == "-" else [int(label)] * n)
if picture:  # its upper half is kept
    inputs["init"] = np.repeat(np.fromfile(picture, np.uint8).reshape(1, *shape), n, 0)
    inputs["keep"] = np.zeros((n, *shape), bool)
    inputs["keep"][:, : height // 2] = True
began = time.perf_counter()
levels, logprob = run(inputs)
print(f"{n} images of {height}x{width} in {time.perf_counter() - began:.2f} s, the first with {logprob[0]:.1f} nats")
levels.tofile("levels.raw")
