"""What other tools call it: options, commands and settings that ganzoo does not have, and what to type instead."""

from __future__ import annotations

from collections.abc import Collection

from ganzoo.registry.renamed import split_parents

SAMPLING = "sample evaluate"
ON_FILES = "sample evaluate export card demo show report doctor"
WITH_OUT = "train sample evaluate export report card demo"


OPTIONS: tuple[tuple[str, str, str], ...] = (
    ("train", "--gpu --gpus --gpu-id --gpu-ids --cuda --use-cuda", "use --device cuda:0 for the first GPU"),
    ("train", "--cpu --no-cuda", "use --device cpu"),
    ("train", "--mps", "use --device mps"),
    ("sample", "--gpu --gpus --cuda --device", "use --provider cuda with an exported ONNX file"),
    (
        "train",
        "--workers --num-workers --n-cpu --dataloader-workers",
        "ganzoo reads data without worker processes, so leave it out",
    ),
    ("train sample", "--trunc --truncation --truncation-psi", "ganzoo samples without truncation, so leave it out"),
    ("train", "--z-dim --zdim --nz --latent --latent-dim --latent-size", "use --set latent_dim=N"),
    (
        "train",
        "--rounds --iters --niter --num-iterations --max-iter --max-steps --num-steps",
        "use --iterations N",
    ),
    ("train", "--epoch --n-epochs --num-epochs --max-epochs", "use --epochs E"),
    ("train", "--pretrained --finetune --fine-tune --transfer --init-from --load", "use --init RUN|FILE|NAME"),
    ("train", "--freezed --freeze-d --freeze-layers", "use --freeze discriminator.0-3 with --init"),
    ("train", "--batch --bs --batchsize --minibatch", "use --batch-size N"),
    ("train", "--learning-rate --lr-g --g-lr", "use --lr X"),
    ("train", "--lr-d --d-lr", "use --set ttur=X, the discriminator's learning rate divided by the generator's"),
    ("train", "--beta1 --b1", "use --set beta1=X"),
    ("train", "--beta2 --b2", "use --set beta2=X"),
    ("train", "--ema --ema-decay", "use --set ema=X"),
    ("train", "--optimizer --optim", "use --set optimizer=NAME"),
    ("train", "--loss", "use --trainer NAME"),
    ("train", "--model --arch --gan", "name the GAN first, as in: ganzoo train dcgan"),
    ("train", "--config --cfg", "use --preset NAME or --set KEY=VALUE; there are no configuration files"),
    ("train", "--amp --fp16 --bf16 --half", "use --precision bf16"),
    ("train", "--resolution --img-size --imsize --size --image-res", "use --image-size N"),
    ("train", "--grayscale --greyscale --gray --grey --nc --num-channels", "use --channels grey, rgb or rgba"),
    ("train", "--save-interval --save-freq --checkpoint-every --snap", "use --save-every N"),
    ("train", "--sample-interval --sample-freq --log-interval --log-every", "use --sample-every N"),
    ("train", "--eval-every --eval-interval --eval-freq", "use --evaluate-every N"),
    ("train", "--random-seed --manual-seed --manualseed", "use --seed N"),
    ("train", "--checkpoint --ckpt --resume-from --resume-checkpoint --continue", "use --resume RUN"),
    (ON_FILES, "--checkpoint --ckpt --weights --model --run", "name the run or file without an option"),
    (WITH_OUT, "--output --outdir --out-dir --output-dir --outfile --save-dir --logdir --dest", "use --out PATH"),
    (WITH_OUT, "--overwrite --yes", "use --force"),
    ("train evaluate", "--dataset --dataroot --data-root --data-path", "use --data NAME, or --data folder:PATH"),
    (SAMPLING, "--num-samples --samples --count --num --n-samples --num-images --batch-size", "use -n N"),
    ("sample", "--seed", "use --seeds LIST, as in --seeds 7"),
    ("sample", "--class --cls --classes --class-idx --labels", "use --label N"),
    ("sample", "--interp --interpolation --slerp", "use --interpolate A B"),
    ("evaluate", "--json", "use --out FILE"),
    ("evaluate", "--seeds --runs --repetitions", "use --repeats N, and --seed for the first seed"),
    ("evaluate", "--fid --inception", "use --features inception"),
    ("evaluate", "--metrics", "all metrics are computed, so leave it out; --metric adds those of plugins"),
    ("evaluate", "--real --reference", "use --data NAME"),
    ("export", "--onnx --format", "ganzoo export writes ONNX; name the file with --out PATH"),
    ("export", "--half", "use --fp16"),
    ("export", "--quantize --quantise", "use --int8"),
    ("export", "--verify --check", "use --verify-only"),
)
"""Commands, options that they lack, and the hint."""

COMMANDS: tuple[tuple[str, str], ...] = (
    ("fit run start learn", "ganzoo train"),
    ("resume continue", "ganzoo train --resume RUN"),
    ("generate gen infer inference predict draw synthesize synthesise interpolate", "ganzoo sample"),
    ("eval metrics fid test validate", "ganzoo evaluate"),
    ("convert onnx quantize", "ganzoo export"),
    ("info describe inspect settings config", "ganzoo show"),
    ("ls gans models zoo", "ganzoo list"),
    ("datasets", "ganzoo list datasets"),
    ("trainers", "ganzoo list trainers"),
    ("plugins", "ganzoo list plugins"),
    ("pretrained download", "ganzoo weights"),
    ("diagnose debug", "ganzoo doctor"),
    ("web", "ganzoo demo"),
    ("verify validate-plugin", "ganzoo check"),
    ("help", "ganzoo --help"),
    ("version", "ganzoo --version"),
)
"""Names of commands that do not exist, and what to type instead."""

SETTINGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("learning_rate learningrate lr_g g_lr alpha", ("lr",)),
    ("lr_d d_lr", ("ttur",)),
    ("batchsize bs minibatch", ("batch_size",)),
    ("z_dim zdim nz z latent_size z_size noise_dim", ("latent_dim",)),
    ("iters iteration num_iterations n_iter niter steps num_steps max_steps", ("iterations",)),
    ("b1 beta_1", ("beta1",)),
    ("b2 beta_2", ("beta2",)),
    ("epsilon", ("eps",)),
    ("ema_decay ema_beta", ("ema",)),
    ("n_critic ncritic d_steps n_dis discriminator_updates", ("critic_steps", "discriminator_steps")),
    ("g_steps n_gen generator_updates", ("generator_steps",)),
    ("clip_value weight_clip", ("clip",)),
    ("lambda lambda_gp gp_weight gp gamma r1_gamma", ("penalty",)),
    ("label_smoothing", ("smoothing",)),
    ("ngf g_width channels", ("generator.width",)),
    ("ndf d_width", ("discriminator.width",)),
    ("epochs", ("--epochs",)),
    ("seed", ("--seed",)),
    ("device", ("--device",)),
    ("precision", ("--precision",)),
    ("dataset", ("--data",)),
    ("image_size resolution", ("--image-size",)),
    ("nc num_channels img_channels", ("--channels",)),
    ("loss", ("trainer",)),
    ("optim", ("optimizer",)),
)
"""Names of settings that do not exist, and the settings (or options of ``ganzoo train``) that are meant."""


def option_hint(command: str, option: str) -> str | None:
    """What to type in place of an option that a command does not have."""
    typed = option.lower().replace("_", "-")
    return next(
        (hint for names, options, hint in OPTIONS if command in names.split() and typed in options.split()), None
    )


def command_hint(name: str) -> str | None:
    """The command that somebody means by a name that is not one."""
    return next((hint for names, hint in COMMANDS if name.lower() in names.split()), None)


def setting_hint(key: str, known: Collection[str]) -> str | None:
    """The setting that is meant by a key that is not one.

    Args:
        key: as typed after ``--set``, perhaps with ``parent.`` or the name of a part before it.
        known: the settings of this GAN, as ``part.name``, and the kinds of parts.
    """
    parents, own = split_parents(key)
    typed = own.rpartition(".")[2].lower().replace("-", "_")
    for names, meant in SETTINGS:
        if typed in names.split():
            for name in meant:
                if name.startswith("--"):
                    return name
                if parents or name in known or any(one.endswith(f".{name}") for one in known):
                    return f"--set {parents}{name}="
    return None
