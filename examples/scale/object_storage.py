"""Converts every checkpoint under a URL. Run it again: it converts what is new or has changed.

usage: python object_storage.py s3://bucket/runs s3://bucket/models   (pip install 'weightlift[fsspec]' s3fs)
"""

import sys

import fsspec
import weightlift

runs, output = sys.argv[1:]
filesystem, root = fsspec.core.url_to_fs(runs)
failed = False
for path in sorted(filesystem.glob(f"{root}/**/model_best.pth.tar")):
    run = path.removeprefix(root).split("/")[1:-1]
    try:
        source = filesystem.unstrip_protocol(path)
        result = weightlift.convert(source, output, name="-".join(run) or "model", if_changed=True)
        print(result.status, result.folder)
    except weightlift.Error as error:
        print("failed", error)
        failed = True
sys.exit(failed)
