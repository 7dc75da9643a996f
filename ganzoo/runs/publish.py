"""What is published of a run: its generator with a card and pictures, and a page that runs it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from ganzoo.export import export
from ganzoo.generators.hub import FILES, PREFIX, explained, parse
from ganzoo.generators.onnx_reader import read
from ganzoo.generators.weights import load
from ganzoo.pages.card import MARK, hub_metadata, yaml
from ganzoo.pages.demo import page
from ganzoo.pages.report import card_of
from ganzoo.records.run_folder import RunFolder
from ganzoo.util.errors import GanzooError

CARD, PICTURE = "README.md", "samples.png"


@dataclass(frozen=True)
class Published:
    """Where a run is now.

    Attributes:
        address: of the generator, with its commit.
        pages: addresses of web pages.
        kept_card: whether the repository had a card of its own, which was left alone.
    """

    address: str
    pages: tuple[str, ...]
    kept_card: bool


def stage(run: RunFolder, repository: str, folder: Path) -> None:
    """Write the files of the generator's repository: weights, ONNX, card and pictures.

    Args:
        run: with weights.
        repository: ``user/name``, for the commands in the card.
        folder: an empty one.

    Raises:
        GanzooError: the run has no weights, or its generator cannot be exported.
    """
    weights, exported = folder / FILES["safetensors"], folder / FILES["onnx"]
    if not run.weights.is_file():
        raise GanzooError(f"{run} holds no weights.safetensors; finish the run first: ganzoo train --resume {run}")
    shutil.copyfile(run.weights, weights)
    model = load(weights)
    numbers = [name for name, setting in model.sampling_settings.items() if isinstance(setting.default, float)]
    export(model, exported, inputs=numbers)
    picture = ""
    if run.pictures:
        picture = PICTURE
        shutil.copyfile(run.pictures[max(run.pictures)], folder / PICTURE)
    if run.animation.is_file():
        shutil.copyfile(run.animation, folder / run.animation.name)
    text = card_of(run, folder, source=f"{PREFIX}{repository}", picture=picture)
    (folder / CARD).write_text(text, encoding="utf-8")


def stage_page(exported: Path, repository: str, folder: Path, runtime: str | None) -> None:
    """Write the files of a static Space: the page of ``ganzoo demo``, and what the Hub wants to know of it.

    Args:
        exported: the ONNX file.
        repository: of the generator, ``user/name``.
        folder: an empty one.
        runtime: of onnxruntime-web, as :func:`ganzoo.pages.demo.page` takes it.
    """
    content, metadata = read(exported)
    facts = {"title": repository.partition("/")[2], "sdk": "static", "app_file": "index.html", "models": [repository]}
    facts |= {key: value for key, value in hub_metadata(metadata).items() if key == "license"}
    (folder / "index.html").write_text(page(content, metadata, runtime), encoding="utf-8")
    (folder / CARD).write_text(
        f"---\n{yaml(facts)}---\n{MARK}\n\nThe generator {repository} in a page.\n", encoding="utf-8"
    )


def publish(repository: str, generator: Path, space: Path | None, *, private: bool) -> Published:
    """Upload what was staged. What exists already is replaced, but for a card that ganzoo did not write.

    Args:
        repository: ``user/name``, which is made if there is none.
        generator: folder of the generator's files.
        space: folder of the page's files; ``None`` for no page.
        private: whether new repositories are private.

    Raises:
        GanzooError: the Hub refuses it, or cannot be reached.
    """
    from huggingface_hub import HfApi

    api, address = HfApi(), parse(f"{PREFIX}{repository}")
    with explained(address):
        message = f"{read(generator / FILES['onnx'])[1].gan}, uploaded by ganzoo"
        made = api.create_repo(repository, private=private, exist_ok=True)
        kept = has_own_card(repository)
        commit = api.upload_folder(
            repo_id=repository,
            folder_path=generator,
            commit_message=message,
            ignore_patterns=[CARD] if kept else None,
        )
        pages = [str(made)]
        if space is not None:
            page = api.create_repo(repository, repo_type="space", space_sdk="static", private=private, exist_ok=True)
            api.upload_folder(repo_id=repository, repo_type="space", folder_path=space, commit_message=message)
            pages.append(str(page))
    return Published(f"{PREFIX}{repository}@{commit.oid}", tuple(pages), kept)


def has_own_card(repository: str) -> bool:
    """Whether a repository has a card that ganzoo did not write."""
    from huggingface_hub import errors, hf_hub_download

    try:
        path = hf_hub_download(repository, CARD)
    except errors.EntryNotFoundError:
        return False
    return MARK not in Path(path).read_text(encoding="utf-8", errors="replace")
