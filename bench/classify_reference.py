"""The references of bench/classify.py: transformers' pipeline, and onnxruntime with Pillow.

    classify_reference.py pipeline FOLDER IMAGE...
    classify_reference.py onnxruntime NETWORK.onnx IMAGE...   (needs onnxruntime, Pillow and numpy)
"""

import os
import pathlib
import sys


def by_pipeline(folder, images):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scripts"))
    import reference_stack  # noqa: F401
    from transformers import AutoImageProcessor, pipeline

    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    classify = pipeline("image-classification", model=folder, image_processor=processor)
    for image, predictions in zip(images, classify(images), strict=True):
        print(image, predictions)


def by_onnxruntime(network, images):
    """Classifies as fast as these two allow: a thread for each core takes one image after the other, from file to
    scores, as weightlift does."""
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np
    import onnxruntime
    from PIL import Image

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(network, options)
    name = session.get_inputs()[0].name
    mean, std = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
    edge, crop = 235, 224

    def classify(file):
        image = Image.open(file).convert("RGB")
        shorter = min(image.size)
        image = image.resize([edge * side // shorter for side in image.size], Image.Resampling.BICUBIC)
        left, top = ((side - crop) // 2 for side in image.size)
        pixels = np.asarray(image.crop((left, top, left + crop, top + crop)), np.float32) / 255
        pixels = ((pixels - mean) / std).transpose(2, 0, 1)[None]
        logits = session.run(None, {name: np.ascontiguousarray(pixels)})[0][0]
        scores = np.exp(logits - logits.max())
        scores /= scores.sum()
        return [(i, scores[i]) for i in np.argsort(-scores)[:5]]

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for image, predictions in zip(images, pool.map(classify, images), strict=True):
            print(image, predictions)


if __name__ == "__main__":
    {"pipeline": by_pipeline, "onnxruntime": by_onnxruntime}[sys.argv[1]](sys.argv[2], sys.argv[3:])
