from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from ganzoo.records.options import Options
from ganzoo.util.errors import GanzooError


def test_options_of_a_record_are_those_that_were_written() -> None:
    options = Options(
        data="ring8",
        seed=3,
        keep_every=5,
        init="x",
        freeze=("generator.0",),
        metrics=("a", "b"),
        log_to=("c",),
        command="ganzoo train simple",
    )
    record = asdict(options) | {"gan": "simple", "settings": {}}
    assert Options.of(json.loads(json.dumps(record))) == options


def test_a_parent_begins_as_new() -> None:
    options = Options(data="ring8", seed=3, init="x", freeze=("generator.0",))
    assert options.of_parent() == Options(data="ring8", seed=3)


def test_the_same_options_load_their_data_once() -> None:
    options = Options(data="ring8")
    assert options.load_data() is options.load_data()
    assert options.load_data("test") is not options.load_data()


def test_data_of_another_size_than_asked_for_are_refused() -> None:
    assert Options(data="mnist-10k", image_size=28).load_data().shape == (1, 28, 28)
    with pytest.raises(GanzooError, match="mnist-10k has samples of 28x28 only; leave out --image-size 64"):
        Options(data="mnist-10k", image_size=64).load_data()
    with pytest.raises(GanzooError, match="ring8 has samples of no pixels only; leave out --image-size 64"):
        Options(data="ring8", image_size=64).load_data()
