"""Inception score, Fréchet distance, kernel distance, precision and recall of features, computed by torch-fidelity."""

from __future__ import annotations

import torch

from ganzoo.evaluation.extractors import Features
from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import needs

MIN_SAMPLES = 20


def fidelity(generated: Features, real: Features) -> dict[str, float]:
    """Metrics of the features of generated images against those of real ones.

    Returns:
        ``frechet``: see :func:`frechet_distance`; ``kernel``: kernel distance, the unbiased squared MMD of the features
        with the kernel (x.y/d + 1)³, mean over 100 subsets of 1,000 (Bińkowski et al., 2018), about 0 for equal
        distributions, may be negative; ``inception_score``: ``exp E KL(p(y|x) || p(y))``, mean over 10 splits
        (Salimans et al., 2016), in 1..number of classes, absent without classes; ``precision``: share of generated
        samples inside the balls around real samples that reach to their 3rd nearest neighbour; ``recall``: share of
        real samples inside the balls around generated samples (Kynkäänniemi et al., 2019).

    Raises:
        GanzooError: there are fewer than 20 samples, or torch-fidelity is not installed.
    """
    if (count := min(len(generated.features), len(real.features))) < MIN_SAMPLES:
        raise GanzooError(f"{count} samples are too few; evaluate at least {MIN_SAMPLES}, better 10,000")
    frechet = frechet_distance(generated, real)
    from torch_fidelity.metric_isc import isc_features_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric
    from torch_fidelity.metric_prc import prc_features_to_metric

    pair = torch.from_numpy(generated.features), torch.from_numpy(real.features)
    kernel = kid_features_to_metric(*pair, kid_subset_size=min(1000, count), verbose=False)
    scores = {}
    if generated.logits.shape[1]:
        inception = isc_features_to_metric(torch.from_numpy(generated.logits))
        scores["inception_score"] = inception["inception_score_mean"]
    spaces = prc_features_to_metric(*pair, prc_batch_size=2000, save_cpu_ram=True, verbose=False)
    return {
        "frechet": frechet,
        "kernel": kernel["kernel_inception_distance_mean"],
        **scores,
        "precision": spaces["precision"],
        "recall": spaces["recall"],
    }


def frechet_distance(generated: Features, real: Features) -> float:
    """Fréchet distance of Gaussians fitted to the features (Heusel et al., 2017); at least 0, up to rounding.

    It is ``|m - m'|² + tr(C + C' - 2 (C C')^(1/2))``, with means m and covariances C; biased upwards for few samples.

    Raises:
        GanzooError: torch-fidelity is not installed.
    """
    require_torch_fidelity()
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    statistics = (fid_features_to_statistics(torch.from_numpy(each.features)) for each in (generated, real))
    return float(fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"])


def require_torch_fidelity() -> None:
    """Raise GanzooError if torch-fidelity is not installed."""
    with needs("eval"):
        import torch_fidelity  # noqa: F401
