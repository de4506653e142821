"""Converts the checkpoints of a manifest on a Ray cluster. Run it again: it converts what is missing or has changed.

usage: python ray_convert.py MANIFEST.jsonl OUTPUT   (pip install weightlift ray)

A line is an object with arguments of weightlift.convert(): {"source": ..., "name": ...}. Give each its own name. All
nodes see sources and OUTPUT at the same path, or they are URLs. Prints the result of each line as JSON.
"""

import json
import sys

import ray
import weightlift


@ray.remote(num_cpus=1, max_retries=5)  # Ray repeats a task whose worker or node is lost
def convert(line, output):
    try:
        return dict(weightlift.convert(**json.loads(line), output=output, if_changed=True, fsync=True, threads=1))
    except (weightlift.Error, TypeError, ValueError) as error:
        return {"status": "failed", "error": {"kind": getattr(error, "kind", "usage"), "message": str(error)}}


def main(manifest, output):
    with open(manifest, encoding="utf-8") as lines:
        tasks = {convert.remote(line, output): number for number, line in enumerate(lines, 1) if line.strip()}
    waiting, failed = list(tasks), 0
    while waiting:
        [done], waiting = ray.wait(waiting)
        try:
            result = ray.get(done)
        except ray.exceptions.RayError as error:  # such as a worker that was lost six times
            result = {"status": "failed", "error": {"kind": "internal", "message": str(error)}}
        print(json.dumps({"line": tasks[done], **result}), flush=True)
        failed += result["status"] == "failed"
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
