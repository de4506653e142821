"""Makes `import timm` and `import transformers` work next to a CPU torch.

The torchvision wheel is built for CUDA: its operators do not load next to a CPU torch, and its import
fails because two operators are missing. Nothing here calls them, so a declaration is enough.
Import this module before timm or transformers.
"""

import torch

try:
    import torchvision  # noqa: F401
except RuntimeError as error:
    if "torchvision::nms does not exist" not in str(error):
        raise
    # This object keeps the declarations alive.
    _operators = torch.library.Library("torchvision", "DEF")
    _operators.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _operators.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision  # noqa: F401
