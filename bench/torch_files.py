"""Times whole processes on torch's files, compared with the same weights as safetensors, and with Python.

    .venv-conformance/bin/python bench/torch_files.py

The files are a resnet50 in every form, and a training checkpoint whose optimizer state is three times the weights.
side_by_side.py explains what is measured. "times faster" compares weightlift with the other column."""

import argparse
import pathlib
import shutil
import sys
import tempfile

from side_by_side import PROGRAM, ROOT, compare, run, table_head

sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests" / "conformance")]
import reference_stack  # noqa: E402,F401

import reference  # noqa: E402
import torch  # noqa: E402


def make_files(folder):
    """Returns the path of each form of one network, and of a training checkpoint four times as large."""
    torch.manual_seed(0)
    model = reference.make_model("resnet50")
    reference.save_timm_folder(model, folder / "timm")
    files = {"safetensors": folder / "timm" / "model.safetensors", "zip": folder / "zip.pth",
             "legacy": folder / "legacy.pth", "channels_last": folder / "channels_last.pth",
             "training": folder / "training.pth.tar"}  # fmt: skip
    torch.save(model.state_dict(), files["zip"])
    torch.save(model.state_dict(), files["legacy"], _use_new_zipfile_serialization=False)
    optimizer = torch.optim.AdamW(model.parameters(), amsgrad=True)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()  # three numbers for each weight: two averages and the greatest of one
    value = {"epoch": 1, "optimizer": optimizer.state_dict(), "state_dict": model.state_dict()}
    torch.save(value, files["training"])
    torch.save(model.to(memory_format=torch.channels_last).state_dict(), files["channels_last"])
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weightlift", default=PROGRAM)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        files = make_files(folder)
        out = folder / "out"

        def ours(form):
            shutil.rmtree(out, ignore_errors=True)
            return run([str(arguments.weightlift), "convert", str(files[form]), "-o", str(out)])

        def theirs(form):
            shutil.rmtree(out, ignore_errors=True)
            script = ROOT / "bench" / "reference_convert.py"
            return run([sys.executable, str(script), str(out), "--architecture", "resnet50", str(files[form])])

        table_head("weightlift, safetensors")
        for form in ("zip", "legacy", "channels_last", "training"):
            compare(f"{form}, {files[form].stat().st_size / 1e6:.0f} MB",
                    lambda: ours(form), lambda: ours("safetensors"), arguments.runs)  # noqa: B023
        print()
        table_head("reference")
        for form in ("zip", "training"):
            compare(form, lambda: ours(form), lambda: theirs(form), arguments.runs)  # noqa: B023


main()
