#!/usr/bin/env python3
"""Installs the wheel by venv, --user and --target, and runs what it has. scripts/wheel-check runs this on a bare system.

    check_install.py WHEELS SOURCE EXPECTED

WHEELS has the wheel and those of its dependencies, SOURCE is converted, and EXPECTED is what another build made of it.
Needs only the standard library.
"""

import filecmp
import http.server
import os
import pathlib
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading

WHEELS, SOURCE, EXPECTED = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
COMPARED = ("model.safetensors", "config.json")
CONVERT = """
import sys, weightlift
result = weightlift.convert(sys.argv[1], sys.argv[2])
weightlift.load_file(result.folder + "/model.safetensors")
print(weightlift.__version__)
"""
REQUEST = "import sys, weightlift; weightlift.convert('me/model', sys.argv[1])"


def run(command, status=0, **environment):
    done = subprocess.run([str(word) for word in command], env={**os.environ, **environment}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != status:
        sys.exit(f"{command}: expected exit code {status}, got {done.returncode}\n{done.stdout}")
    return done.stdout


def install(python, *options):
    run([python, "-m", "pip", "install", "-q", "--no-index", "--find-links", WHEELS, *options, "weightlift"])


def by_venv(room):
    run([sys.executable, "-m", "venv", room / "venv"])
    install(room / "venv/bin/python")
    return room / "venv/bin/weightlift", room / "venv/bin/python", {}


def by_user(room):
    # Debian asks for the last option since version 12.
    install("/usr/bin/python3", "--user", "--break-system-packages")
    return pathlib.Path.home() / ".local/bin/weightlift", "/usr/bin/python3", {}


def by_target(room):
    install("/usr/bin/python3", "--target", room / "target")
    return room / "target/bin/weightlift", "/usr/bin/python3", {"PYTHONPATH": str(room / "target")}


class NoModels(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(404)

    do_HEAD = do_GET

    def log_message(self, *arguments):
        pass


def serve(certificate):
    """The address of a Hub without models, behind TLS."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), NoModels)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"https://localhost:{server.server_address[1]}"


def expect_same(folder):
    same, *_ = filecmp.cmpfiles(folder, EXPECTED, COMPARED, shallow=False)
    assert same == list(COMPARED), f"different from another build's: {set(COMPARED) - set(same)}"
    shutil.rmtree(folder)


def check_requests(program, python, room, environment):
    """libcurl and OpenSSL are in the package: requests reach a server, and its certificate is checked."""
    certificate = WHEELS / "localhost.pem"
    hub = {**environment, "HF_ENDPOINT": serve(certificate), "SSL_CERT_FILE": str(certificate)}
    command = [program, "convert", "me/model", "-o", room / "none"]
    output = run(command, 5, **hub)
    assert "not found" in output, output
    assert "NotFoundError" in run([python, "-c", REQUEST, room / "none"], 1, **hub)
    output = run(command, 5, **{**hub, "SSL_CERT_FILE": str(SOURCE / "labels.txt")})
    assert "certificate" in output, output


def check(program, python, environment, room):
    out = room / "out"
    version = run([python, "-c", CONVERT, SOURCE, out], **environment).split()[-1]
    expect_same(out / "digits")
    for command in ([program], [python, "-m", "weightlift"]):
        assert run([*command, "--version"], **environment).split()[-1] == version
        assert "Usage: weightlift " in run([*command, "--help"], **environment)
        run([*command, "convert", room / "absent", "-o", room / "none"], 3, **environment)
        run([*command, "convert", SOURCE, "-o", out], **environment)
        expect_same(out / "digits")
    check_requests(program, python, room, environment)


def main():
    with tempfile.TemporaryDirectory() as room:
        room = pathlib.Path(room)
        for way in (by_venv, by_user, by_target):
            check(*way(room), room)
            print(f"check_install: {way.__name__}: passed", flush=True)


if __name__ == "__main__":
    main()
