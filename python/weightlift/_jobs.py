"""Conversions, comparisons, and the Hub."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Union

from . import _arguments as arguments
from . import _core, _storage
from ._arguments import Path
from ._errors import UsageError
from ._places import has_url
from ._progress import Events, Progress
from ._results import (
    ConversionResult,
    DiffResult,
    Inspection,
    ModelInfo,
    PullResult,
    PushResult,
    VerifyResult,
    parse,
)

#: A path, a name of timm's registry, a repository of the Hub, or for `convert` a URL.
Source = Union[str, "os.PathLike[str]"]
#: Labels: ``"imagenet-1k"``, a file, an address on the Hub, or the labels themselves.
Labels = Union[Path, Sequence[str], Mapping[int, str], Mapping[str, str]]


@contextlib.contextmanager
def _label_file(labels: Labels | None) -> Iterator[str]:
    """The name of a file with labels that are values, which exists inside the context; else empty."""
    if labels is None or isinstance(labels, (str, os.PathLike)):
        yield ""
        return
    if isinstance(labels, Mapping):
        labels = _by_id(labels)
    elif not isinstance(labels, Sequence) or isinstance(labels, bytes):
        raise UsageError(f"expected a list or a dict, got {type(labels).__name__}", where="id2label")
    if not isinstance(labels, dict):
        labels = arguments.texts(labels, "id2label")
    with tempfile.TemporaryDirectory(prefix="weightlift-") as folder:
        path = os.path.join(folder, "id2label.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(labels, file)
        yield path


def _by_id(labels: Mapping[Any, str]) -> list[str] | dict[str, str]:
    """The labels in the order of their ids; where ids are missing, by id."""
    ids: dict[int, str] = {}
    for key, label in labels.items():
        if isinstance(key, (bool, float)) or not str(key).isdecimal() or int(key) in ids:
            raise UsageError(f"expected each class id once, got {key!r}", where="id2label")
        ids[int(key)] = arguments.text(label, "id2label")
    if sorted(ids) == list(range(len(ids))):
        return [ids[i] for i in range(len(ids))]
    return {str(i): ids[i] for i in sorted(ids)}


def convert(
    source: Source,
    output: Path,
    *,
    name: str | None = None,
    as_: str | None = None,
    config: Path | None = None,
    weights_key: str | None = None,
    head_key: str | None = None,
    ignore: str | Sequence[str] = (),
    force: bool = False,
    to: Literal["transformers", "timm", "torchvision"] = "transformers",
    weights_format: Literal["safetensors", "bin"] | None = None,
    dtype: Literal["keep", "float32", "float16", "bfloat16"] = "keep",
    head: Literal["keep", "none"] = "keep",
    id2label: Labels | None = None,
    image_processor: Path = "source",
    license: str | None = None,
    base_model: str | None = None,
    datasets: str | Sequence[str] = (),
    verify: bool = True,
    images: Path | Sequence[Path] = (),
    samples: int = 1,
    seed: int = 0,
    rtol: float | None = None,
    atol: float | None = None,
    threads: int = 0,
    dry_run: bool = False,
    fsync: bool = False,
    if_changed: bool = False,
    checksum: bool = False,
    push_to_hub: bool | str | None = False,
    organization: str | None = None,
    private: bool = False,
    create_pr: bool = False,
    revision: str | None = None,
    commit_message: str | None = None,
    accept_license: str | None = None,
    progress: Progress = None,
) -> ConversionResult:
    """Convert a timm checkpoint into a transformers folder, verify it, and publish it.

    The arguments are the options of ``weightlift convert``, which docs/cli.md describes. The new
    folder appears complete and verified, or not at all.

    Parameters
    ----------
    source
        A local folder or weights file, a name of timm's registry (``"resnet50.a1_in1k"``), a
        repository of the Hub (``"owner/name[@revision]"``), or a URL of a folder or file that
        fsspec opens (``"s3://bucket/runs/7/model_best.pth.tar"``).
    output
        The parent of the new folder, created if missing; a local folder, or a URL.
    name
        The name of the new folder; default: by the source.
    as_
        The timm model that a lone weights file contains.
    config
        A config.json for weights that have none.
    weights_key, head_key
        Which of several networks to convert; which Linear layer is the classifier.
    ignore
        Globs of tensors that do not change the outputs.
    force
        Replace an existing folder, in one step.
    to, weights_format, dtype, head
        The form of the new folder.
    id2label
        The labels: ``"imagenet-1k"``, a file, an address on the Hub, a URL, a list, or a dict.
    image_processor
        ``"source"``, ``"source-test"``, a timm name, a file or folder, or a repository.
    license, base_model, datasets
        Facts for the model card.
    verify, samples, seed, rtol, atol, threads
        How to verify. ``threads=0`` takes all cores.
    images
        Images to compare both networks on.
    dry_run
        Only plan, and write nothing.
    fsync
        Wait until everything is on the disk.
    if_changed
        Skip a source whose folder is complete, if its record matches source and options; the
        ``status`` is then ``"already"``. Otherwise convert again. An existing folder without a
        record is refused, unless ``force``.
    checksum
        With ``if_changed``: compare the SHA-256 of the source, not its size and time.
    push_to_hub
        Publish the verified folder: True for a repository of your own with the folder's name, or
        ``"owner/name"``. Needs a token (HF_TOKEN or ``hf auth login``).
    organization, private, create_pr, revision, commit_message, accept_license
        How to publish.
    progress
        A function ``progress(step, done, total)``, or True for a bar of tqdm.

    Returns
    -------
    ConversionResult
        What weightlift found and made.

    Raises
    ------
    MismatchError
        The verification found a difference, which ``error.result.verification`` describes; or
        labels do not fit the network. The folder does not exist.
    Error
        One of the other classes. Where publishing failed, the verified folder stays, and
        ``error.result`` names it.

    Examples
    --------
    >>> result = weightlift.convert("examples/digits", "out")
    >>> result.folder, result.parameters
    ('out/digits', 718506)
    >>> result.verification.verified
    True
    """
    named = id2label if isinstance(id2label, (str, os.PathLike)) else None
    with _label_file(id2label) as labels, Events(progress) as events:
        options: dict[str, Any] = dict(
            name=name, config=config, weights_key=weights_key, head_key=head_key, ignore=ignore,
            force=force, to=to, weights_format=weights_format, dtype=dtype, head=head, id2label=named,
            image_processor=image_processor, license=license, base_model=base_model, dataset=datasets,
            verify=verify, image=images, samples=samples, seed=seed, rtol=rtol, atol=atol, threads=threads,
            dry_run=dry_run, fsync=fsync, if_changed=if_changed, checksum=checksum, push_to_hub=push_to_hub,
            organization=organization, private=private or None, create_pr=create_pr or None, revision=revision,
            commit_message=commit_message, accept_license=accept_license, **{"as": as_},
        )  # fmt: skip
        from_, to_ = arguments.path(source, "source"), arguments.path(output, "output")
        if has_url(from_, to_, named, config, image_processor, images):
            return _storage.convert(from_, to_, options, labels, events)
        return parse(ConversionResult, _core.convert(from_, to_, arguments.options(**options), labels, events))


def verify(
    source: Source,
    folder: Source,
    *,
    as_: str | None = None,
    config: Path | None = None,
    weights_key: str | None = None,
    head_key: str | None = None,
    ignore: str | Sequence[str] = (),
    samples: int = 1,
    seed: int = 0,
    rtol: float | None = None,
    atol: float | None = None,
    threads: int = 0,
    progress: Progress = None,
) -> VerifyResult:
    """Compare a converted folder with its source: tensors, operations and outputs, bit for bit.

    A difference is a result, not an exception.

    Parameters
    ----------
    source
        The timm checkpoint: a weights file, folder, name or repository.
    folder
        The converted model: a folder or repository.
    as_, config, weights_key, head_key, ignore
        About the source, as for `convert`.
    samples, seed
        The number of random inputs, and their seed.
    rtol, atol
        For outputs across dtypes: as in ``torch.allclose``.
    threads
        Of the arithmetic; 0: all cores.
    progress
        A function ``progress(step, done, total)``, or True for a bar of tqdm.

    Returns
    -------
    VerifyResult
        ``verified`` is True where nothing differs; the result is true then.

    Examples
    --------
    >>> result = weightlift.convert("examples/digits", "out", force=True)
    >>> weightlift.verify("examples/digits", "out/digits").verified
    True
    """
    options = arguments.options(config=config, weights_key=weights_key, head_key=head_key, ignore=ignore, samples=samples, seed=seed,
                       rtol=rtol, atol=atol, threads=threads, **{"as": as_})  # fmt: skip
    with Events(progress) as events:
        return parse(VerifyResult, _core.verify(arguments.path(source, "source"), arguments.path(folder, "folder"),
                                                options, events))


def diff(
    a: Source,
    b: Source,
    *,
    a_weights_key: str = "",
    b_weights_key: str = "",
    progress: Progress = None,
) -> DiffResult:
    """Compare two checkpoints tensor by tensor, in any formats and namings.

    Parameters
    ----------
    a, b
        Folders, weights files, names or repositories.
    a_weights_key, b_weights_key
        Which network of a file with several.
    progress
        A function ``progress(step, done, total)``, or True for a bar of tqdm.

    Returns
    -------
    DiffResult
        ``equal`` is True where every tensor has the same bits; the result is true then.

    Examples
    --------
    >>> weightlift.diff("examples/digits", "examples/digits/model.safetensors").equal
    True
    """
    with Events(progress) as events:
        return parse(DiffResult, _core.diff(arguments.path(a, "a"), arguments.path(b, "b"), arguments.text(a_weights_key, "a_weights_key"),
                                            arguments.text(b_weights_key, "b_weights_key"), events))


def inspect(
    source: Source, *, weights_key: str | None = None, hash: bool = False, progress: Progress = None
) -> Inspection:
    """Show what a checkpoint contains, without reading its weights. Nothing in a pickle runs.

    Parameters
    ----------
    source
        A folder, weights file, name or repository.
    weights_key
        Which network of a file with several.
    hash
        Also compute the SHA-256 of the file, and name weights that are known.
    progress
        A function ``progress(step, done, total)``, or True for a bar of tqdm.

    Returns
    -------
    Inspection
        Format, network, labels, tensors, and everything else in the file.

    Examples
    --------
    >>> found = weightlift.inspect("examples/checkpoints/model_best.pth.tar")
    >>> found.format, found.prefix, found.depths
    ('torch zip', 'module.', [1, 1, 1, 1])
    """
    with Events(progress) as events:
        return parse(Inspection, _core.inspect(arguments.path(source, "source"), arguments.text(weights_key or "", "weights_key"),
                                               bool(hash), events))


def models(pattern: str = "*", *, family: str | None = None) -> list[ModelInfo]:
    """List the pretrained models of timm that weightlift knows.

    Parameters
    ----------
    pattern
        A name or a glob.
    family
        Only this family: ``"resnet"`` or ``"regnet"``.

    Returns
    -------
    list of ModelInfo

    Raises
    ------
    NotFoundError, UnsupportedError
        No supported model matches.

    Examples
    --------
    >>> [model.name for model in weightlift.models("resnet18.tv*")]
    ['resnet18.tv_in1k']
    """
    found = _core.models(arguments.text(pattern, "pattern"), arguments.text(family or "", "family"), Events(None))
    return [ModelInfo(members) for members in json.loads(found)]


def pull(repository: str, local_dir: Path | None = None, *, progress: Progress = None) -> PullResult:
    """Download a whole repository of the Hub.

    Parameters
    ----------
    repository
        ``"owner/name[@revision]"``, or a name of timm's registry.
    local_dir
        The folder for the files; default: the cache of huggingface_hub.
    progress
        A function ``progress(step, done, total)``, or True for a bar of tqdm.

    Returns
    -------
    PullResult
        ``folder`` has the files.
    """
    with Events(progress) as events:
        return parse(PullResult, _core.pull(arguments.path(repository, "repository"), arguments.path(local_dir or "", "local_dir"),
                                            events))


def push(
    folder: Path,
    repo_id: str | None = None,
    *,
    include: str | Sequence[str] = (),
    exclude: str | Sequence[str] = (),
    all_files: bool = False,
    dry_run: bool = False,
    organization: str | None = None,
    private: bool = False,
    create_pr: bool = False,
    revision: str | None = None,
    commit_message: str | None = None,
    accept_license: str | None = None,
    progress: Progress = None,
) -> PushResult:
    """Check a model folder, and publish it in one commit.

    Parameters
    ----------
    folder
        A model folder, transformers or timm.
    repo_id
        ``"owner/name"``; default: your own, with the folder's name.
    include, exclude
        Globs of the files to publish.
    all_files
        Also publish training state, such as optimizer.pt.
    dry_run
        Check everything, and write nothing.
    organization, private, create_pr, revision, commit_message, accept_license
        How to publish.
    progress
        A function ``progress(step, done, total)``, or True for a bar of tqdm.

    Returns
    -------
    PushResult
        ``published`` is the commit.
    """
    options = arguments.options(push_to_hub=repo_id or True, organization=organization, private=private,
                                create_pr=create_pr, revision=revision, commit_message=commit_message,
                                accept_license=accept_license)  # fmt: skip
    if repo_id == "":
        raise UsageError("expected owner/name or None, got an empty text", where="repo_id")
    with Events(progress) as events:
        return parse(PushResult, _core.push(arguments.path(folder, "folder"), options,
                                            arguments.texts(include, "include"),
                                            arguments.texts(exclude, "exclude"), bool(all_files), bool(dry_run),
                                            events))  # fmt: skip
