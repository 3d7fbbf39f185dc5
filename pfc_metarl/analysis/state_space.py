"""The network's state in few dimensions."""

import numpy as np
from sklearn.decomposition import PCA


def principal_components(hidden: np.ndarray, components: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Project states on their first principal components.

    Args:
        hidden: (..., unit).
        components: how many.

    Returns:
        (..., component), and the share of variance of each component. Signs are fixed so that each
        component's largest weight is positive.
    """
    flat = hidden.reshape(-1, hidden.shape[-1])
    pca = PCA(components).fit(flat)
    axes = pca.components_
    signs = np.sign(axes[np.arange(components), np.abs(axes).argmax(axis=1)])
    return (pca.transform(flat) * signs).reshape(*hidden.shape[:-1], components), pca.explained_variance_ratio_
