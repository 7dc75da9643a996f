"""What other tools call it: each row of the tables of hints."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from ganzoo.cli import hints, main
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry

Text = Callable[[str], str]

COMMANDS = main.commands
TYPED = [
    pytest.param(command, option, hint, id=f"{command} {option}")
    for commands, options, hint in hints.OPTIONS
    for command in commands.split()
    for option in options.split()
]


def options_of(command: str) -> set[str]:
    return {name for parameter in COMMANDS[command].params for name in parameter.opts}


@pytest.mark.parametrize(("command", "option", "hint"), TYPED)
def test_an_option_of_another_tool_is_one_line_with_a_hint(refused: Text, command: str, option: str, hint: str) -> None:
    assert option not in options_of(command)
    assert hints.option_hint(command, option) == hint, "an earlier row has the same option"
    assert refused(f"{command} x {option} 1") == f"no option '{option}'; {hint} (ganzoo {command} --help)"
    words = re.findall(r"(?<![\w-])--?[a-z][a-z0-9-]*", hint)
    assert set(words) <= options_of(command)


def test_options_are_recognized_in_other_spellings(refused: Text) -> None:
    assert "use --lr X" in refused("train dcgan --learning_rate 1")
    assert "use --batch-size N" in refused("train dcgan --batchSize 1")
    assert refused("train dcgan --batch_size 1") == (
        "no option '--batch_size'; did you mean '--batch-size'? (ganzoo train --help)"
    )
    assert refused("train dcgan --xyz") == "no option '--xyz' (ganzoo train --help)"


@pytest.mark.parametrize(
    ("name", "hint"), [(name, hint) for names, hint in hints.COMMANDS for name in names.split()], ids=str
)
def test_a_command_of_another_tool_is_one_line_with_a_hint(refused: Text, name: str, hint: str) -> None:
    assert name not in COMMANDS
    assert refused(f"{name} x") == f"no command '{name}'; did you mean: {hint} (ganzoo --help)"
    word = hint.split()[1]
    assert word in COMMANDS or word in ("--help", "--version")


@pytest.mark.parametrize(("names", "meant"), hints.SETTINGS, ids=str)
def test_a_setting_of_another_tool_is_known_here_by_another_name(names: str, meant: tuple[str, ...]) -> None:
    everything = {key for gan in registry().gans.values() for key in resolve(gan).flat()}
    for name in meant:
        if name.startswith("--"):
            assert name in options_of("train")
        else:
            assert any(key == name or key.endswith(f".{name}") for key in everything), name
    for name in names.split():
        assert hints.setting_hint(name, everything) in (meant[0], f"--set {meant[0]}="), "an earlier row has it"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("simple --set learning_rate=1", "simple has no setting 'learning_rate'; use --set lr= (ganzoo show simple)"),
        ("simple --set optimizer.learning_rate=1", "use --set lr="),
        ("simple --set z_dim=1", "use --set latent_dim="),
        ("simple --set Z_Dim=1", "use --set latent_dim="),
        ("simple --set n_critic=1", "use --set discriminator_steps="),
        ("wgan --set n_critic=1", "use --set critic_steps="),
        ("simple --set epochs=1", "use --epochs"),
        ("simple --set clip_value=1", "simple has no setting 'clip_value'; "),
        ("privileged-v1 --set parent.z_dim=1", "use --set parent.latent_dim="),
        ("simple --set batch=1", "the setting 'batch' was renamed to 'batch_size'; use --set batch_size=VALUE"),
        ("simple --set loop.rounds=1", "the setting 'loop.rounds' was renamed to 'iterations'"),
        ("simple --set latent=1", "renamed to 'latent_dim'"),
        ("simple --set decay=linear", "renamed to 'lr_schedule'"),
        ("simple --set pixels=unit", "renamed to 'pixel_range'"),
        ("privileged-v1 --set parent.rounds=1", "renamed to 'parent.iterations'; use --set parent.iterations=VALUE"),
        ("simple --set lr=x --set width=3", "lr='x' is not a number"),
        ("simple --set xyz=3", "simple has no setting 'xyz'; it has: "),
    ],
)
def test_an_unknown_setting_is_one_line_with_a_hint(refused: Text, line: str, message: str) -> None:
    assert message in refused(f"train {line}")


@pytest.mark.parametrize(
    ("typed", "name"),
    [("DCGAN", "dcgan"), ("wgan_gp", "wgan-gp"), ("WGAN-GP", "wgan-gp"), ("Privileged_V1", "privileged-v1")],
)
def test_names_are_read_without_regard_to_case_and_underscores(typed: str, name: str) -> None:
    from tests.support.commands import invoke

    for line in (f"train {typed} --dry-run", f"show {typed}"):
        result = invoke(line)
        assert result.exit_code == 0
        assert result.stdout.startswith(name)
        assert result.stderr == f"'{typed}' is read as '{name}'.\n"


def test_names_of_parts_and_data_are_read_so_too() -> None:
    from tests.support.commands import invoke

    result = invoke("train simple --trainer WGAN_GP --data MNIST_10K --dry-run")
    assert result.exit_code == 0
    assert "simple on mnist-10k" in result.stdout
    assert result.stderr.splitlines() == ["'WGAN_GP' is read as 'wgan-gp'.", "'MNIST_10K' is read as 'mnist-10k'."]
