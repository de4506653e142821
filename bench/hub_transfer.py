"""Times whole processes that download from and upload to a Hub, alternating: weightlift and huggingface_hub.

    .venv-conformance/bin/python bench/make_checkpoints.py build/bench
    .venv-conformance/bin/python bench/hub_transfer.py build/bench

Both use the stand-in Hub of the tests over loopback. Each download goes into an empty cache, each upload into a new
repository whose store lacks the object. Afterwards this script compares the SHA-256 of the received file. One model is
resnet152, the other one large file. All files are in TMPDIR. side_by_side.py explains what is measured.

The stand-in shares the processor with the two sides, which a real object store does not. So it accepts large uploads
without hashing them; this script hashes them after the measurement."""

import argparse
import hashlib
import itertools
import json
import pathlib
import random
import shutil
import sys
import tempfile

from side_by_side import PROGRAM, ROOT, compare, run, table_head

sys.path.insert(0, str(ROOT / "tests" / "conformance"))
from standin import Hub  # noqa: E402

WEIGHTS = "model.safetensors"
DOWNLOAD = """
import sys, huggingface_hub as hub
hub.snapshot_download(sys.argv[1])
"""
# `weightlift pull` always checks.
CHECKED = DOWNLOAD + """
done = hub.HfApi().verify_repo_checksums(sys.argv[1])
sys.exit(bool(done.mismatches or done.missing_paths))
"""
UPLOAD = """
import sys, huggingface_hub as hub
api = hub.HfApi()
api.create_repo(sys.argv[2])
api.upload_folder(repo_id=sys.argv[2], folder_path=sys.argv[1])
"""


def make_large_model(folder, size_bytes):
    """Writes one tensor of random bytes, and a config of an unknown network."""
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "large"}\n')
    tensor = {"dtype": "U8", "shape": [size_bytes], "data_offsets": [0, size_bytes]}
    header = json.dumps({"weights": tensor}).encode()
    random.seed(0)
    with open(folder / WEIGHTS, "wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for begin in range(0, size_bytes, 1 << 20):
            file.write(random.randbytes(min(1 << 20, size_bytes - begin)))


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


class Bench:
    def __init__(self, hub, weightlift):
        self.hub, self.weightlift = hub, str(weightlift)
        self.serial = itertools.count(1)

    def compare_downloads(self, model, runs):
        repo = f"alice/{model.name}"
        self.hub.add_repo(repo, model)
        expected = sha256(model / WEIGHTS)

        def side(command):
            home = self.hub.folder / "home"
            shutil.rmtree(home, ignore_errors=True)
            sample = run([*command, repo], self.hub.environment())
            arrived, = home.glob(f"hub/models--*/snapshots/*/{WEIGHTS}")
            self.require_equal(arrived, expected)
            return sample

        for job, script in (("download, checked", CHECKED), ("download, reference unchecked", DOWNLOAD)):
            compare(f"{job}: {self.describe(model)}", lambda: side([self.weightlift, "pull"]),
                    lambda: side([sys.executable, "-c", script]), runs)

    def compare_uploads(self, model, runs):
        expected = sha256(model / WEIGHTS)
        stored = self.hub.folder / "hub" / "objects" / expected

        def side(command):
            stored.unlink(missing_ok=True)
            repo = f"alice/{model.name}-{next(self.serial)}"
            sample = run([*command, str(model), repo], self.hub.environment())
            self.require_equal(stored, expected)
            return sample

        compare(f"upload: {self.describe(model)}", lambda: side([self.weightlift, "push"]),
                lambda: side([sys.executable, "-c", UPLOAD]), runs)

    def describe(self, model):
        return f"{model.name}, {(model / WEIGHTS).stat().st_size / 1e6:.0f} MB"

    def require_equal(self, path, expected):
        if (digest := sha256(path)) != expected:
            sys.exit(f"{path}: sha256: expected {expected}, got {digest}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", type=pathlib.Path)
    parser.add_argument("--weightlift", default=PROGRAM)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--large", type=int, default=1, help="Size of the large file in GiB (0: no large file)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        models = [arguments.checkpoints / "resnet152"]
        if arguments.large > 0:
            models.append(pathlib.Path(folder) / "large")
            make_large_model(models[-1], arguments.large << 30)
        hub = Hub(pathlib.Path(folder))
        hub.set_mode(check_parts=False)
        try:
            bench = Bench(hub, arguments.weightlift)
            table_head("huggingface_hub")
            for model in models:
                bench.compare_downloads(model, arguments.runs)
                bench.compare_uploads(model, arguments.runs)
        finally:
            hub.close()


main()
