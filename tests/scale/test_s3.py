"""Conversions from S3 to S3, with moto's server on this machine. scripts/release-check moto runs this."""

import collections
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
import s3fs
import weightlift as wl
from moto.server import ThreadedMotoServer

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COUNT = 20
CONVERT = """
import sys, weightlift
for number in range(int(sys.argv[1])):
    name = f"net-{number:03}"
    result = weightlift.convert(f"s3://zoo/{name}", "s3://models/tiny", id2label=["a", "b", "c"], if_changed=True, threads=1)
    print(result.status, flush=True)
"""
# The process ends inside the second upload of the third model.
KILL = """
import os, s3fs
put = s3fs.S3FileSystem._put_file
uploads = 0
async def killed(self, *arguments, **options):
    global uploads
    uploads += 1
    if uploads == 14:  # six for each folder: of the third, the record is there
        os.kill(os.getpid(), 9)
    return await put(self, *arguments, **options)
s3fs.S3FileSystem._put_file = killed
"""


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    """S3 with the bucket `zoo`, which has the checkpoints, and the empty bucket `models`."""
    folder = tmp_path_factory.mktemp("zoo")
    subprocess.run([sys.executable, ROOT / "tests/scale/make_zoo.py", folder, str(COUNT)], check=True)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    os.environ |= {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s",
                   "AWS_DEFAULT_REGION": "us-east-1", "NO_PROXY": "127.0.0.1"}  # fmt: skip
    s3 = s3fs.S3FileSystem()
    s3.mkdir("models")
    s3.mkdir("zoo")
    s3.put(str(folder / "zoo") + "/", "zoo/", recursive=True)
    yield s3
    server.stop()


def run(code=CONVERT):
    """Converts all in a process of its own. Returns its exit code, how often it printed each status, and its seconds."""
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code, str(COUNT)], stdout=subprocess.PIPE, text=True)
    return done.returncode, collections.Counter(done.stdout.split()), time.monotonic() - began


def marks(s3):
    s3.invalidate_cache()
    return s3.glob("models/tiny/*/config.json")


def test_a_killed_upload_leaves_no_mark_and_a_rerun_completes(s3, tmp_path):
    code, counts, _ = run(KILL + CONVERT)
    assert code == -signal.SIGKILL and counts == {"converted": 2} and len(marks(s3)) == 2
    s3.invalidate_cache()
    assert s3.ls("models/tiny/net-002")  # some of its files
    code, counts, _ = run()
    assert code == 0 and counts == {"already": 2, "converted": COUNT - 2} and len(marks(s3)) == COUNT
    for path in marks(s3):
        name = path.split("/")[-2]
        s3.get(f"zoo/{name}/", str(tmp_path / "source" / name), recursive=True)
        s3.get(f"models/tiny/{name}/", str(tmp_path / "models" / name), recursive=True)
        assert wl.verify(tmp_path / "source" / name, tmp_path / "models" / name)


def test_a_second_run_skips_all_and_a_changed_source_is_converted_again(s3):
    s3.rm("models/tiny", recursive=True)
    _, counts, took = run()
    assert counts == {"converted": COUNT}
    _, counts, again = run()
    assert counts == {"already": COUNT}
    s3.copy("zoo/net-001/model.safetensors", "zoo/net-000/model.safetensors")
    s3.copy("zoo/net-002/model.safetensors", "zoo/new")
    s3.copy("zoo/new", "zoo/net-002/model.safetensors")  # the same bytes: the same ETag
    _, counts, _ = run()
    assert counts == {"converted": 1, "already": COUNT - 1}
    print(f"\nS3: {COUNT} checkpoints in {took:.1f} s, again in {again:.1f} s")


def test_errors_name_the_url(s3):
    with pytest.raises(wl.NotFoundError, match="s3://zoo/none: no such file or folder"):
        wl.convert("s3://zoo/none", "s3://models")
    with pytest.raises(wl.Error, match="s3://absent/net-003"):
        wl.convert("s3://zoo/net-003", "s3://absent")
    assert not s3.exists("absent")
