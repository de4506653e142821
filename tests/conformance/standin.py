"""The stand-in Hub for conformance tests, and the real clients in processes of their own.

The clients read their configuration once, when they are imported: so each piece of Python that
talks to a Hub runs as a program, with that Hub's address and a home of its own.
"""

import json
import os
import pathlib
import subprocess
import sys
import textwrap
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SERVER = ROOT / "tests" / "support" / "hub_server.py"
PRELUDE = f"import sys; sys.path.insert(0, {str(ROOT / 'scripts')!r})\n"


class Hub:
    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        command = [sys.executable, "-B", str(SERVER), "--root", str(folder / "hub")]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.url, self.cdn_url, _ = self.process.stdout.readline().split()

    def close(self):
        self.process.kill()
        self.process.communicate()

    def control(self, method, what, value=None):
        body = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(f"{self.url}/_test/{what}", body, method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as reply:
            return json.load(reply)

    def add_repo(self, repo_id, folder, **more):
        """Commits the folder as all of main; the commit's id."""
        asked = {"id": repo_id, "folder": str(folder), **more}
        return self.control("POST", "repo", asked)["commit"]

    def set_mode(self, **modes):
        self.control("POST", "mode", modes)

    def set_faults(self, *rules):
        self.control("POST", "faults", rules)

    def requests(self):
        """(method, path without query, status) of each request so far."""
        log = self.control("GET", "log")
        return [(e["method"], e["path"].partition("?")[0], e["status"]) for e in log]

    def environment(self, home="home", token="hf_alice_write", **more):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "TRANSFORMERS_"))}
        kept.update(
            HF_ENDPOINT=self.url,
            HF_HOME=str(self.folder / home),
            HF_HUB_DISABLE_XET="1",
            HF_HUB_DISABLE_PROGRESS_BARS="1",
            HF_HUB_DISABLE_TELEMETRY="1",
            DISABLE_SAFETENSORS_CONVERSION="1",
            NO_PROXY="127.0.0.1",
        )
        if token:
            kept["HF_TOKEN"] = token
        kept.update(more)
        return kept

    def python(self, code, *arguments, **environment):
        """Runs a program of the reference stack; what it prints as JSON in its last line."""
        command = [sys.executable, "-c", PRELUDE + textwrap.dedent(code), *map(str, arguments)]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=300,
            env=self.environment(**environment),
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def hub(tmp_path):
    made = Hub(tmp_path)
    yield made
    made.close()
