"""Draws docs/images/convert.svg: a real command and what it prints on a terminal with colors.

usage: python3 docs/images/make_terminal.py [PROGRAM]      (default: build/release/bin/weightlift)
"""

import html
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = ROOT / "build" / "release" / "bin" / "weightlift"
IMAGE = ROOT / "docs" / "images" / "convert.svg"
SOURCE, OUTPUT = "examples/digits", "out"

FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
SIZE, COLUMN, LINE, MARGIN = 14, 8.43, 21, 18  # pixels
BACKGROUND, TEXT, PROMPT = "#0d1117", "#d0d7de", "#7ee787"
# What the program's escape sequences stand for.
STYLES = {"0": "", "1": "font-weight='bold'", "2": "fill='#8b949e'", "33": "fill='#e3b341'",
          "1;31": "fill='#ff7b72' font-weight='bold'", "92": f"fill='{PROMPT}'"}  # 92: the prompt, below


def run(program):
    """The command's output on both streams, with OUTPUT in place of the temporary folder."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment.pop("NO_COLOR", None)
    environment["FORCE_COLOR"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([program, "convert", SOURCE, "-o", folder], cwd=ROOT, env=environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        text = done.stdout.replace(folder, OUTPUT)
    if done.returncode != 0:
        sys.exit(f"make_terminal: the program ended with {done.returncode}:\n{text}")
    for private in (str(ROOT), tempfile.gettempdir() + "/", str(pathlib.Path.home()) + "/"):
        if private in text:
            sys.exit(f"make_terminal: the output has a path of this machine, {private}:\n{text}")
    return text


def spans(line):
    """The line's parts as (attributes, text)."""
    attributes = ""
    for part in re.split("(\x1b\\[[0-9;]*m)", line):
        found = re.fullmatch("\x1b\\[([0-9;]*)m", part)
        if found:
            attributes = STYLES.get(found.group(1), "")
        elif part:
            yield attributes, part


def columns_of(line):
    return len(re.sub("\x1b\\[[0-9;]*m", "", line))


def draw(lines):
    width = round(2 * MARGIN + COLUMN * max(columns_of(line) for line in lines))
    height = 2 * MARGIN + LINE * len(lines)
    out = [f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' "
           f"viewBox='0 0 {width} {height}' role='img' aria-label='weightlift convert {SOURCE} -o {OUTPUT}'>",
           f"<rect width='{width}' height='{height}' rx='8' fill='{BACKGROUND}'/>",
           f'<g font-family="{FONT}" font-size="{SIZE}" fill="{TEXT}" xml:space="preserve">']
    for i, line in enumerate(lines):
        if not columns_of(line):
            continue
        text = "".join(f"<tspan {attributes}>{html.escape(part)}</tspan>" if attributes else html.escape(part)
                       for attributes, part in spans(line))
        # The length makes any monospace font end where it should.
        out.append(f"<text x='{MARGIN}' y='{MARGIN + LINE * i + SIZE}' xml:space='preserve' "
                   f"textLength='{COLUMN * columns_of(line):.1f}' lengthAdjust='spacingAndGlyphs'>{text}</text>")
    return "\n".join([*out, "</g>", "</svg>", ""])


def main():
    program = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else PROGRAM
    if not os.access(program, os.X_OK):
        sys.exit(f"make_terminal: {program}: no such program; scripts/quickstart builds it")
    lines = [f"\x1b[92m$\x1b[0m weightlift convert {SOURCE} -o {OUTPUT}"]
    lines += run(program).splitlines()
    IMAGE.write_text(draw(lines), encoding="utf-8")
    print(f"make_terminal: wrote {IMAGE.relative_to(ROOT)}")


main()
