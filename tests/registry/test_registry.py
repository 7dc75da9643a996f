from __future__ import annotations

import importlib
import logging
import sys
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner

from ganzoo.cli import main
from ganzoo.registry.gan import GAN
from ganzoo.registry.hookspecs import hookimpl
from ganzoo.registry.installed import entry_points
from ganzoo.registry.registry import collect, registry, registry_with
from ganzoo.util.errors import GanzooError


@dataclass
class Distribution:
    name: str
    version: str = "1.0"


def part(*_: Any) -> None:
    """A part that is never called."""


def gan(name: str) -> GAN:
    return GAN(name=name, summary="", generator=part, discriminator=part, trainer=part)


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make an entry point of a distribution, for a module whose hooks return what is given."""

    def make(name: str, distribution: str, **hooks: Any) -> EntryPoint:
        module = ModuleType(f"stub_{name}_{distribution}")
        for hook, records in hooks.items():
            setattr(module, hook, hookimpl(lambda records=records: records))
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return entry(name, module.__name__, distribution)

    return make


def entry(name: str, module: str, distribution: str) -> EntryPoint:
    point = EntryPoint(name, module, "ganzoo")
    vars(point)["dist"] = Distribution(distribution)
    return point


def test_records_are_gathered_and_sorted(plugin: Any) -> None:
    known = collect(
        [
            plugin("b", "two", ganzoo_gans=[gan("y"), gan("x")], ganzoo_trainers={"t": part}),
            plugin("a", "one", ganzoo_gans=[gan("z")], ganzoo_trainers={"s": part}, ganzoo_datasets={"d": part}),
        ]
    )
    assert list(known.gans) == ["x", "y", "z"]
    assert list(known.parts["trainer"]) == ["s", "t"]
    assert known.part("dataset", "d") is part
    assert [str(found) for found in known.plugins] == ["plugin 'a' of one 1.0", "plugin 'b' of two 1.0"]
    assert not any(found.error for found in known.plugins)


@pytest.mark.parametrize(
    ("hook", "kind", "records"),
    [
        ("ganzoo_gans", "GAN", [gan("same")]),
        ("ganzoo_generators", "generator", {"same": part}),
        ("ganzoo_discriminators", "discriminator", {"same": part}),
        ("ganzoo_trainers", "trainer", {"same": part}),
        ("ganzoo_optimizers", "optimizer", {"same": part}),
        ("ganzoo_datasets", "dataset", {"same": part}),
    ],
)
def test_one_name_for_two_records_names_both_distributions(plugin: Any, hook: str, kind: str, records: Any) -> None:
    other = {"ganzoo_gans": [gan("other")]} | {hook: [*records, gan("other")] if kind == "GAN" else records}
    known = collect([plugin("first", "one", **{hook: records}), plugin("second", "two", **other)])
    message = f"2 {kind}s are named 'same': one from .* one 1.0, one from .* two 1.0; uninstall all but one"
    with pytest.raises(GanzooError, match=message):
        known.gan("same") if kind == "GAN" else known.part(kind, "same")
    assert list(known.gans) == ["other"], "other names can be used"
    assert known.gan("other").name == "other"
    assert [known.status(found) for found in known.plugins] == [
        f"loaded, but {kind} 'same' is in another plugin too"
    ] * 2


def test_two_plugins_may_have_one_name(plugin: Any) -> None:
    points = [plugin("same", "one", ganzoo_gans=[gan("x")]), plugin("same", "two", ganzoo_gans=[gan("y")])]
    assert list(collect(points).gans) == ["x", "y"]


def test_a_generator_and_a_gan_may_share_a_name(plugin: Any) -> None:
    collect([plugin("a", "one", ganzoo_gans=[gan("same")], ganzoo_generators={"same": part})])


BROKEN = {
    "ganzoo_gnas": ([], "unknown hook 'ganzoo_gnas'"),
    "ganzoo_gans": (["dcgan"], "TypeError: ganzoo_gans has to return GANs, not 'dcgan'"),
    "ganzoo_trainers": ([part], "TypeError"),
    "ganzoo_datasets": (None, "TypeError"),
}


@pytest.mark.parametrize("hook", BROKEN)
def test_a_plugin_with_a_wrong_hook_is_skipped(plugin: Any, hook: str, caplog: pytest.LogCaptureFixture) -> None:
    records, reason = BROKEN[hook]
    known = collect([plugin("bad", "one", **{hook: records}), plugin("good", "two", ganzoo_gans=[gan("x")])])
    assert list(known.gans) == ["x"]
    assert reason in known.plugins[0].error
    (line,) = caplog.messages
    assert line.startswith("plugin 'bad' of one 1.0 cannot be loaded and is skipped: ")
    assert reason in line


def test_a_plugin_that_cannot_be_imported_is_skipped_and_listed(
    plugin: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "broken_plugin.py").write_text("raise RuntimeError('out of order\\nand more')")
    monkeypatch.syspath_prepend(tmp_path)
    points = [entry("bad", "broken_plugin", "one"), plugin("good", "two", ganzoo_gans=[gan("x")])]
    with caplog.at_level(logging.WARNING):
        known = collect(points)
    assert list(known.gans) == ["x"]
    assert caplog.messages == ["plugin 'bad' of one 1.0 cannot be loaded and is skipped: RuntimeError: out of order"]
    # ``ganzoo.registry.registry`` as an attribute is the function
    monkeypatch.setattr(importlib.import_module("ganzoo.registry.registry"), "registry", lambda: known)
    bad, good, *_commands = CliRunner().invoke(main, ["list", "plugins"]).output.splitlines()
    assert bad.split(maxsplit=4) == ["bad", "one", "1.0", "broken_plugin", "RuntimeError: out of order"]
    assert good.endswith("loaded")


@pytest.mark.parametrize(
    ("name", "hint"), [("wgan_gp", "did you mean 'wgan-gp'?"), ("qqq", "list them with: ganzoo list")]
)
def test_an_unknown_gan_suggests_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(GanzooError, match=f"no GAN named '{name}'") as caught:
        registry().gan(name)
    assert hint in str(caught.value)


def test_an_unknown_part_names_the_command_that_lists_them() -> None:
    with pytest.raises(GanzooError, match=r"no trainer named 'wgn'; did you mean 'wgan'\? \(ganzoo list trainers\)"):
        registry().part("trainer", "wgn")


def test_a_module_joins_the_installed_plugins(plugin: Any) -> None:
    plugin("new", "none", ganzoo_gans=[gan("mine")])
    known, plugin_of_it = registry_with("stub_new_none")
    assert known.of(plugin_of_it) == [("GAN", "mine")]
    assert {"mine", "dcgan"} <= set(known.gans)


def test_an_installed_module_is_not_added_twice() -> None:
    known, found = registry_with("ganzoo_plugins.dcgan")
    assert ("GAN", "dcgan") in known.of(found)
    assert len(known.plugins) == len(registry().plugins)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("no_such.module", "cannot be loaded as a plugin: ModuleNotFoundError"),
        ("ganzoo.util.optional", "registers nothing"),
    ],
)
def test_a_module_that_is_no_plugin_is_refused(module: str, message: str) -> None:
    with pytest.raises(GanzooError, match=message):
        registry_with(module)


def test_plugins_can_be_chosen_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANZOO_PLUGINS", "simple, core")
    chosen = registry.__wrapped__()
    assert [plugin.name for plugin in chosen.plugins] == ["core", "datasets", "loggers", "simple"]
    assert list(chosen.gans) == ["simple"]
    with pytest.raises(GanzooError, match=r"no GAN named 'dcgan'; .*; GANZOO_PLUGINS is simple,core"):
        chosen.gan("dcgan")


def test_plugins_can_be_chosen_by_their_distribution(plugin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = [plugin("a", "their_gans", ganzoo_gans=[gan("x")]), plugin("b", "their_gans", ganzoo_gans=[gan("y")])]
    installed = [*entry_points("ganzoo"), *theirs]
    # ``ganzoo.registry`` in a dotted path would be the function of ``ganzoo``
    module = importlib.import_module("ganzoo.registry.installed")
    monkeypatch.setattr(module, "entry_points", lambda group: installed if group == "ganzoo" else [])
    monkeypatch.setenv("GANZOO_PLUGINS", "their_gans")
    assert list(registry.__wrapped__().gans) == ["x", "y"]
    monkeypatch.setenv("GANZOO_PLUGINS", "b")
    assert list(registry.__wrapped__().gans) == ["y"]
    monkeypatch.setenv("GANZOO_PLUGINS", "ganzoo-kit")
    assert {"simple", "dcgan"} <= set(registry.__wrapped__().gans)
    assert "x" not in registry.__wrapped__().gans


def test_a_chosen_plugin_that_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANZOO_PLUGINS", "simpel")
    with pytest.raises(
        GanzooError, match=r"no plugin named 'simpel' in GANZOO_PLUGINS; did you mean 'simple'\? \(unset"
    ):
        registry.__wrapped__()


@pytest.mark.parametrize(
    "code",
    [
        "raise SystemExit(0)",
        "raise KeyboardInterrupt",
        "raise GeneratorExit",
        "class Odd(BaseException): ...\nraise Odd",
    ],
)
@pytest.mark.parametrize("where", ["import", "hook"])
def test_a_plugin_that_ends_the_process_is_skipped(
    plugin: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str, where: str
) -> None:
    if where == "hook":
        body = "".join(f"    {line}\n" for line in code.splitlines())
        code = f"from ganzoo import hookimpl\n@hookimpl\ndef ganzoo_gans():\n{body}"
    (tmp_path / "ending_plugin.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "ending_plugin", raising=False)
    known = collect([entry("bad", "ending_plugin", "one"), plugin("good", "two", ganzoo_gans=[gan("x")])])
    assert list(known.gans) == ["x"]
    assert known.plugins[0].error


@pytest.mark.parametrize("name", ["../../evil", "a\x1b[31m", "", "a b", 5, None, ("x",), "x" * 101, "-x"])
@pytest.mark.parametrize("hook", ["ganzoo_gans", "ganzoo_trainers"])
def test_a_name_that_cannot_be_typed_or_be_a_file_is_refused(plugin: Any, hook: str, name: Any) -> None:
    records = [gan(name)] if hook == "ganzoo_gans" else {name: part}
    known = collect([plugin("bad", "one", **{hook: records}), plugin("good", "two", ganzoo_gans=[gan("x")])])
    assert list(known.gans) == ["x"]
    assert "a name has letters" in known.plugins[0].error


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("summary", None), ("paper", 3), ("data", b"x"), ("settings", [1]), ("presets", {1: {}}), ("trainer", 3),
        ("conditional", "maybe"), ("generator", dict), ("discriminator", int),
    ],
)  # fmt: skip
def test_a_record_with_fields_of_other_types_is_refused(plugin: Any, field: str, value: Any) -> None:
    odd = replace(gan("odd"), **{field: value})
    known = collect([plugin("bad", "one", ganzoo_gans=[odd]), plugin("good", "two", ganzoo_gans=[gan("x")])])
    assert list(known.gans) == ["x"]
    assert f"{field} of GAN 'odd'" in known.plugins[0].error


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("settings", {"generator": 3}, "generator of GAN 'odd' is neither a name nor a function but 3"),
        ("settings", {"trainer": dict}, "trainer of GAN 'odd' has no signature"),
        ("settings", {"parent": 3}, "the name of a parent is 3"),
        ("presets", {"p": None}, "preset 'p' of GAN 'odd' is not a mapping from names but None"),
        ("presets", {"p": {"optimizer": 3}}, "optimizer of GAN 'odd' is neither a name nor a function but 3"),
        ("presets", {"p\x1b": {}}, "the name of a preset is 'p\\x1b'"),
    ],
)
def test_values_within_a_record_are_checked(plugin: Any, field: str, value: Any, message: str) -> None:
    odd = replace(gan("odd"), **{field: value})
    known = collect([plugin("bad", "one", ganzoo_gans=[odd]), plugin("good", "two", ganzoo_gans=[gan("x")])])
    assert list(known.gans) == ["x"]
    assert message in known.plugins[0].error


def test_an_error_without_a_message_stops_no_other_plugin(
    plugin: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "speechless_plugin.py").write_text(
        "class Speechless(Exception):\n    def __str__(self): raise SystemExit(0)\nraise Speechless"
    )
    monkeypatch.syspath_prepend(tmp_path)
    known = collect([entry("bad", "speechless_plugin", "one"), plugin("good", "two", ganzoo_gans=[gan("x")])])
    assert list(known.gans) == ["x"]
    assert known.plugins[0].error == "Speechless, whose message cannot be read"


def test_one_gan_is_the_default_for_its_data(plugin: Any) -> None:
    one = replace(gan("one"), default_for="images")
    known = collect([plugin("a", "first", ganzoo_gans=[one, gan("two")])])
    assert known.default_for("images") is one
    with pytest.raises(GanzooError, match=r"^no GAN is the default for vectors; name one \(ganzoo list\)$"):
        known.default_for("vectors")
    both = [plugin("a", "first", ganzoo_gans=[one]), plugin("b", "second", ganzoo_gans=[replace(one, name="other")])]
    with pytest.raises(GanzooError) as caught:
        collect(both).default_for("images")
    assert str(caught.value) == (
        "2 GANs are the default for images: one (of plugin 'a' of first 1.0), other (of plugin 'b' of second 1.0); "
        "name one (ganzoo list)"
    )


@pytest.mark.parametrize("wrong", ["image", True, None])
def test_a_gan_is_the_default_for_images_or_vectors(plugin: Any, wrong: Any) -> None:
    (found,) = collect([plugin("a", "first", ganzoo_gans=[replace(gan("one"), default_for=wrong)])]).plugins
    assert found.error == f"ValueError: default_for of GAN 'one' is {wrong!r}, not images or vectors"
