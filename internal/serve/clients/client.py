"""The package openai, as it is, against a server: what it gets must be what the command draws.

python client.py URL KEY FOLDER, where the folder has the command's files.
"""

import base64
import pathlib
import sys

import openai

url, key, folder = sys.argv[1:]
folder = pathlib.Path(folder)
client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)


def same(b64, name):
    assert base64.b64decode(b64) == (folder / name).read_bytes(), name


def refused(kind, param, call):
    try:
        call()
    except kind as e:
        assert e.param == param, e
        assert e.request_id, e
    else:
        raise AssertionError(f"{kind} was expected")


assert [m.id for m in client.models.list()] == ["gated", "pixelcnn"]
assert client.models.retrieve("gated").object == "model"

asked = dict(model="gated", prompt="sneaker", extra_body=dict(seed=7, temperature=0.7))
plain = client.images.generate(**asked, n=2, size="auto", quality="high", user="somebody")
assert len(plain.data) == 2
for i, image in enumerate(plain.data):
    same(image.b64_json, f"drawn-{i}.png")
assert plain.data[1].model_extra["class"] == 7
assert plain.usage.output_tokens == 512
same(client.images.generate(**asked, size="64x64").data[0].b64_json, "large.png")
same(client.images.generate(**asked, output_format="npy").data[0].b64_json, "drawn.npy")

events = list(client.images.generate(**asked, stream=True, partial_images=3))
assert [e.type for e in events] == 3 * ["image_generation.partial_image"] + ["image_generation.completed"]
same(events[-1].b64_json, "drawn-0.png")

half, whole = (folder / "half.png").read_bytes(), (folder / "whole.png").read_bytes()
same(client.images.edit(**asked, image=("half.png", half)).data[0].b64_json, "inpainted.png")
same(client.images.edit(**asked, image=[("whole.png", whole)], mask=("half.png", half)).data[0].b64_json, "inpainted.png")
events = list(client.images.edit(**asked, image=("half.png", half), stream=True, partial_images=1))
assert [e.type for e in events] == ["image_edit.partial_image", "image_edit.completed"]
same(events[-1].b64_json, "inpainted.png")

refused(openai.NotFoundError, "model", lambda: client.images.generate(model="nothing", prompt=""))
refused(openai.BadRequestError, "n", lambda: client.images.generate(**asked, n=0))
refused(openai.BadRequestError, "seed", lambda: client.images.generate(model="gated", prompt="", stream=True, extra_body=dict(seed="x")))
refused(openai.NotFoundError, "model", lambda: client.models.retrieve("nothing"))
refused(openai.AuthenticationError, None, lambda: client.with_options(api_key="another key").models.list())
print("ok")
