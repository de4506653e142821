"""The examples of docstrings, of docs/python.md and of the notebook run."""

import doctest
import re

import nbclient
import nbformat
import pytest
import weightlift
from conftest import ROOT
from weightlift import _images, _jobs, _tensors


@pytest.mark.parametrize("module", [weightlift, _jobs, _images, _tensors])
def test_docstrings(module):
    result = doctest.testmod(module, extraglobs={"weightlift": weightlift}, optionflags=doctest.ELLIPSIS)
    assert result.failed == 0 and result.attempted > 0


def test_public_functions_are_documented():
    for name in weightlift.__all__:
        value = getattr(weightlift, name)
        assert name == "__version__" or value.__doc__, name


def blocks(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text(), re.S | re.M)


def test_the_page():
    """The blocks are sessions of one interpreter."""
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    session = "".join(blocks(ROOT / "docs" / "python.md", "pycon"))
    runner.run(parser.get_doctest(session, {}, "docs/python.md", None, 0))
    assert runner.failures == 0 and runner.tries > 10


def test_the_readme():
    [code] = [block for block in blocks(ROOT / "README.md", "python") if "import weightlift" in block]
    exec(compile(code, "README.md", "exec"), {})


def texts(cell):
    return [out.get("data", {}).get("text/plain", out.get("text")) for out in cell.get("outputs", [])]


def test_the_notebook():
    notebook = nbformat.read(ROOT / "examples" / "python" / "weightlift.ipynb", as_version=4)
    saved = [texts(cell) for cell in notebook.cells]
    assert any(saved)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    assert [texts(cell) for cell in notebook.cells] == saved
