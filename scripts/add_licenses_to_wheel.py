#!/usr/bin/env python3
"""Adds the licenses of the Debian libraries that auditwheel put into a wheel. scripts/wheel runs it.

    add_licenses_to_wheel.py WHEEL RESULT
"""

import json
import pathlib
import re
import shutil
import sys

from auditwheel.wheeltools import InWheel

# Not known to auditwheel: scripts/build-curl makes it from the source of this package.
BUILT_HERE = {"libcurl4-openssl-dev"}


def main():
    wheel, result = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
    with InWheel(wheel, result) as folder:  # also writes the list of files again
        (info,) = pathlib.Path(folder).glob("*.dist-info")
        text = json.dumps(json.loads((info / "sboms/auditwheel.cdx.json").read_text())["components"])
        found = re.findall(r'"purl": "pkg:deb/[a-z]+/([a-z0-9.+-]+)@', text)  # one for each library
        libraries = len(list(pathlib.Path(folder).glob("*.libs/*")))
        if len(found) != libraries:
            sys.exit(f"{wheel.name}: expected the packages of {libraries} libraries, auditwheel found {len(found)}")
        packages = BUILT_HERE | set(found)
        for package in sorted(packages):
            shutil.copy(f"/usr/share/doc/{package}/copyright", info / "licenses" / f"{package}.txt")


if __name__ == "__main__":
    main()
