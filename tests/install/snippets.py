"""Prints the C++ snippets of a Markdown page as one source file: each becomes a function, programs are skipped."""

import re
import sys

page = open(sys.argv[1], encoding="utf-8").read()
snippets = [s for s in re.findall(r"```cpp\n(.*?)```", page, re.DOTALL) if "int main(" not in s]
print("#include <weightlift/weightlift.h>\n#include <fstream>\n#include <memory>\n#include <string>")
print("std::string download();\nextern weightlift::Checkpoint checkpoint;")
for number, snippet in enumerate(snippets):
    code = "\n".join(line for line in snippet.splitlines() if not line.startswith("#include"))
    print(f"void snippet_{number}() {{\n{code}\n}}")
