"""The reference pipeline as one process: timm folders in, transformers folders out.

    python bench/reference_convert.py OUT FOLDER...
    python bench/reference_convert.py OUT --architecture NAME FILE...

Does what transformers' convert_resnet_to_pytorch.py does, for local folders: import, create, load, trace a forward
pass through both networks, move the weights in execution order, compare the logits, save model and processor."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests" / "conformance")]
import reference_stack  # noqa: E402,F401

import reference  # noqa: E402
import timm  # noqa: E402
import torch  # noqa: E402

out = pathlib.Path(sys.argv[1])
architecture = sys.argv[3] if sys.argv[2] == "--architecture" else None
for folder in map(pathlib.Path, sys.argv[4 if architecture else 2:]):
    with torch.no_grad():
        if architecture:
            model = timm.create_model(architecture, checkpoint_path=str(folder)).eval()
        else:
            model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
        converted = reference.make_converted(model, reference.imagenet_labels())
        x = torch.randn(1, 3, 224, 224)
        reference.transfer(model, converted, x)
        assert torch.allclose(model(x), converted(x).logits)
    converted.save_pretrained(out / folder.name)
    if not architecture:
        reference.image_processor(reference.pretrained_cfg(folder)).save_pretrained(out / folder.name)
