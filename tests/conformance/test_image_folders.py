"""`evaluate` on class folders with folders in them, against torchvision's ImageFolder; its rows against scikit-learn."""

import csv
import json
import subprocess

import pytest
from conftest import PROGRAM, ROOT
from sklearn.metrics import confusion_matrix, top_k_accuracy_score
from torchvision.datasets import ImageFolder

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
NAMES = ["a", "a-b", "a.b", "b", "B", "\u00e9", "images", "2023", "x y"]
IMAGES = sorted((ROOT / "examples" / "digits" / "images").glob("*.png"))


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    out = tmp_path_factory.mktemp("folders")
    subprocess.run([PROGRAM, "convert", ROOT / "examples" / "digits", "-o", out, "-q"], check=True)
    return out / "digits"


def grow(folder, rng, depth=0):
    """Images, other files, and folders of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in rng.sample(NAMES, rng.randint(0 if depth else 1, 3)):
        (folder / f"{name}.{rng.choice(['png', 'PNG'])}").write_bytes(rng.choice(IMAGES).read_bytes())
    (folder / "notes.txt").write_text("no image")
    for name in rng.sample(NAMES, rng.randint(0, 3) if depth < 3 else 0):
        grow(folder / name, rng, depth + 1)


def draw_dataset(root, rng):
    for label in rng.sample(DIGITS, 5):
        grow(root / label, rng)
    outside = root.parent / "outside"
    grow(outside, rng, depth=2)
    (outside / "more.png").write_bytes(IMAGES[0].read_bytes())
    some = sorted(root.iterdir())
    (some[0] / "linked").symlink_to(outside)
    (some[1] / "also").symlink_to(outside)
    missing = next(label for label in DIGITS if not (root / label).exists())
    (root / missing).symlink_to(outside)
    return root


@pytest.mark.parametrize("turn", range(3))
def test_images_are_those_of_image_folder_in_its_order(weightlift, digits, tmp_path, rng, turn):
    root = draw_dataset(tmp_path / "data", rng)
    weightlift("evaluate", digits, root, "--per-image", tmp_path / "rows.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    theirs = ImageFolder(root)
    assert [(row["file"], row["label"]) for row in rows] == [
        (path, theirs.classes[target]) for path, target in theirs.samples
    ]


def test_rows_and_confusion_are_those_of_scikit_learn(weightlift, digits, tmp_path, rng):
    root = draw_dataset(tmp_path / "data", rng)
    found = json.loads(weightlift("evaluate", digits, root, "--per-image", tmp_path / "rows.csv", "--json").stdout)
    with open(tmp_path / "rows.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    shown, predicted = [[int(row[name]) for row in rows] for name in ("id", "predicted_id")]
    matrix = confusion_matrix(shown, predicted, labels=range(10))
    ours = {(pair["id"], pair["predicted_id"]): pair["count"] for pair in found["confusion"]}
    assert ours == {(i, j): matrix[i][j] for i in range(10) for j in range(10) if matrix[i][j]}
    scores = []
    for row in rows:
        line = weightlift("classify", digits, row["file"], "--json", "--top-k", "10").stdout
        by_id = {p["id"]: p["score"] for p in json.loads(line)["predictions"]}
        scores.append([by_id[i] for i in range(10)])
        assert float(row["score"]) == pytest.approx(max(scores[-1]), rel=1e-6)
        assert float(row["label_score"]) == pytest.approx(by_id[int(row["id"])], rel=1e-6)
        assert row["predicted_label"] == DIGITS[int(row["predicted_id"])]
        assert row["error"] == ""
    for k, member in ((1, "top1"), (5, "top5")):
        accuracy = top_k_accuracy_score(shown, scores, k=k, labels=range(10))
        assert found[member] == pytest.approx(accuracy)
        assert sum(int(row["rank"]) <= k for row in rows) == pytest.approx(accuracy * len(rows))
